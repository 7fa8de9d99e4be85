"""What a treatment does to latents: z₂ given z₁, near the identity at first."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.nets.gaussians import bounded
from gantk_expression.perturbation import PairLayout

Given = Literal["nothing", "drug", "targets"]
START = 1e-4  # weights of W and b are drawn evenly from ± this
LOG_VARIANCE = -2.0  # what log variances start about, as in the authors' code
WIDTH = 32  # of the hidden layer that reads drug and dose
MATRICES = 4  # whose mixture, by drug and dose, is added to W


def _small(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-START, START))


class Transition(nn.Module):
    """p(z₂|z₁) = N(z₁ + W z₁ + b, diag σ²(z₁)), with W and b near 0 at first.

    As published there is one such model for a drug. Given drugs and doses, which is an extension of ours, a hidden
    layer of ELUs reads a vector of the drug and log₁₀ of the dose, and b = b₀ + B h, W = W₀ + Σ aₖ(h) Mₖ.

    Args:
        spec: of the pairs.
        latents: length of z₁ and z₂.
        given: what W and b depend on. nothing: as published. drug: a learnt vector of each drug, and the dose.
            targets: the target genes of a drug, by which one that was never seen can be told, and the dose.

    Raises:
        DoesNotFit: data that do not say which drug it was, or what its targets are.
    """

    def __init__(self, spec: DataSpec, latents: int, given: Given):
        super().__init__()
        self.layout = PairLayout.of(spec)
        self.given: Given = given
        self.weight = _small(latents, latents)
        self.bias = _small(latents)
        self.log_variance = nn.Linear(latents, latents)
        if given == "nothing":
            return
        drugs = self.layout.drugs
        if not drugs:
            raise DoesNotFit(
                f"given: {given} needs data that say which drug and which dose it was: write given: nothing"
            )
        if given == "targets":
            table = torch.tensor(self.layout.descriptors or [], dtype=torch.float32)
            if table.shape[:1] != (len(drugs),):
                raise DoesNotFit("given: targets needs data with the target genes of each drug: write given: drug")
            self.targets: Tensor
            self.register_buffer("targets", table)
            self.vector: nn.Module = nn.Linear(table.shape[1], WIDTH, bias=False)
        else:
            self.vector = nn.Embedding(len(drugs), WIDTH)
        self.dose = nn.Linear(1, WIDTH)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.shifts = _small(latents, WIDTH)
        self.shares = nn.Linear(WIDTH, MATRICES)
        self.matrices = _small(MATRICES, latents, latents)

    def read(self, condition: Tensor) -> Tensor:
        """Drug and dose as a hidden vector, (B, WIDTH).

        Args:
            condition: (B, *spec.condition_shape).
        """
        drug, dose = self.layout.drug(condition), self.layout.log_dose(condition)
        vector = self.vector(drug) if self.given == "drug" else self.vector(self.targets[drug])
        return nn.functional.elu(self.hidden(nn.functional.elu(vector + self.dose(dose[:, None]))))

    def forward(self, latents: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of p(z₂|z₁), (B, latents) each.

        Args:
            latents: z₁, (B, latents).
            condition: (B, *spec.condition_shape).
        """
        moved = latents + latents @ self.weight.T + self.bias
        if self.given != "nothing":
            hidden = self.read(condition)
            moved = moved + hidden @ self.shifts.T
            moved = moved + torch.einsum("bk,kij,bj->bi", self.shares(hidden), self.matrices, latents)
        return moved, bounded(self.log_variance(latents) + LOG_VARIANCE)
