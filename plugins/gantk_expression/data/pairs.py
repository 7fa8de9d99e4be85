"""Pairs of an untreated and a treated profile: what both data sets of pairs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from gantk.data import Resident
from gantk.interfaces import Batch, Samples
from gantk.spec import DataSpec
from gantk_expression.perturbation import DESCRIPTORS, condition_columns
from gantk_expression.profiles import conformed


class Pairs(Resident):
    """Treated profiles, each with untreated ones of which a batch draws one: a base class.

    The sample is the treated profile x₂; its condition is the untreated one x₁, the number of the drug and log₁₀ of the
    dose. Where a batch is asked for without `rng`, a pair has one of its controls, always the same.

    Args:
        spec: of the profiles; what a condition is, is added.
        treated: x₂, (N, genes).
        controls: all untreated profiles, (C, genes).
        choices: of each pair the numbers of its controls, padded with 0, (N, K).
        counts: how many controls each pair has, (N,).
        drug: its number, (N,).
        log_dose: log₁₀ of the dose, (N,).
        drugs: names.
        descriptors: of each drug a list of numbers, its targets; None where nothing is known.
        labels: of the response, (N,); None: nobody measured it.
        truth: facts for metrics, (N, …) each.
    """

    def __init__(
        self,
        spec: DataSpec,
        treated: Tensor,
        controls: Tensor,
        choices: Tensor,
        counts: Tensor,
        drug: Tensor,
        log_dose: Tensor,
        *,
        drugs: Sequence[str],
        descriptors: Sequence[Sequence[float]] | None = None,
        labels: Tensor | None = None,
        truth: Mapping[str, Tensor] | None = None,
    ):
        genes = spec.shape[0]
        told = {} if descriptors is None else {DESCRIPTORS: [list(each) for each in descriptors]}
        condition = {"condition": condition_columns(spec.names["gene"], drugs)}
        spec = replace(spec, condition_shape=(genes + 2,), attributes={**spec.attributes, **condition, **told})
        super().__init__(spec, treated, labels=labels, truth=truth)
        self.controls, self.choices, self.counts = controls, choices, counts
        self.treatment = torch.stack([drug.to(treated), log_dose.to(treated)], 1)  # (N, 2)

    @property
    def nbytes(self) -> int:
        """Bytes of all profiles."""
        return 4 * (self.stored.numel() + self.controls.numel())

    def to(self, device: torch.device) -> Pairs:
        """Moves everything to `device`."""
        super().to(device)
        for name in ("controls", "choices", "counts", "treatment"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The pairs of `indices`, (B,) on the CPU, each with a control that is drawn where `rng` is given."""
        found = super().batch(indices, None)
        chosen = indices.to(self.stored.device)
        counts = self.counts[chosen]
        if rng is None:
            which = chosen % counts
        else:
            which = (torch.rand(len(chosen), generator=rng, device=rng.device) * counts).long()
        control = self.controls[self.choices[chosen, which]]
        return replace(found, condition=torch.cat([control, self.treatment[chosen]], 1))

    def conform(self, samples: Samples) -> Samples:
        """Samples of a file in the form of these: the same genes, transformed alike."""
        return conformed(samples, self.spec)

    def untreated(self, indices: Tensor, middle: Literal["median", "mean"] = "median") -> Tensor:
        """The middle of all controls of each pair, gene by gene, (B, genes).

        Args:
            indices: of pairs, (B,) on the CPU.
            middle: which one; a median of an even number is halfway between two.
        """
        found: dict[tuple[int, ...], Tensor] = {}
        rows = []
        for row in indices.tolist():
            key = tuple(self.choices[row, : int(self.counts[row])].tolist())
            if key not in found:
                own = self.controls[list(key)].double()
                found[key] = (own.quantile(0.5, dim=0) if middle == "median" else own.mean(0)).to(self.controls)
            rows.append(found[key])
        return torch.stack(rows)
