"""A fast critic of sequences: what occurs in them, how often, and where."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, MinLen
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.spec import DataSpec
from gantk_dna.alphabet import reverse_complement
from gantk_dna.nets.killoran import Count, Kernel
from gantk_dna.nets.layers import ProjectedScore, class_count, sequence_shape

Pool = Literal["mean", "max", "flat"]


class PooledCritic(nn.Module):
    """Convolutions → pools → dense → dense, LeakyReLU(0.2) between them.

    The first convolution sees words of `kernel` letters; `mean` says how often, `max` whether, and `flat` where each
    pattern occurs. The dense layer sees what occurs together in one sequence: without it, the score would be a sum
    over places, and blind to how GC content varies from sequence to sequence. `position_weights` adds a position weight
    matrix to the score (Stormo et al. 1982), which asks no more of places than which letters are common there: 4
    numbers a position, where `flat` has `width`. No normalisation, so gradient penalties fit.

    Args:
        spec: what one sequence is: (4 + annotation channels, L).
        width: patterns of each layer.
        kernel: letters of the first kernel; odd.
        layers: convolutions behind the first one.
        later_kernel: places that each of these spans; odd.
        pools: what is taken of each pattern; at least one of mean, max, flat.
        position_weights: whether each letter has a weight at each position; without them or `flat` a critic is blind to
            positions, and generated sequences may have letters in common there that no real ones have.
        dense: numbers in the layer behind the pools; 0: none.
        reverse_complement: whether both strands are looked at; the score is then the same for either.
        conditional: whether it is told the label (by projection); null: where the data have labels.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Count = 64,
        kernel: Kernel = 9,
        layers: Annotated[int, Ge(0)] = 1,
        later_kernel: Kernel = 5,
        pools: Annotated[list[Pool], MinLen(1)] = ["mean", "flat"],  # noqa: B006  # read only
        position_weights: bool = False,
        dense: Annotated[int, Ge(0)] = 128,
        reverse_complement: bool = False,
        conditional: bool | None = None,
    ):
        super().__init__()
        channels, length = sequence_shape(spec, "dna/pooled")
        self.pools = sorted(set(pools))
        self.reverse_complement = reverse_complement
        self.first = nn.Conv1d(channels, width, kernel, padding=kernel // 2)
        self.later = nn.ModuleList(
            nn.Conv1d(width, width, later_kernel, padding=later_kernel // 2) for _ in range(layers)
        )
        features = sum({"mean": width, "max": width, "flat": width * length}[pool] for pool in self.pools)
        self.dense = nn.Linear(features, dense) if dense else None
        self.position_weights = position_weights
        features = (dense or features) + channels * length * position_weights
        self.head = ProjectedScore(features, class_count(spec, conditional, "dna/pooled"))

    def features(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B, F), of both strands their mean."""
        if not self.reverse_complement:
            return self._strand(samples)
        forward, backward = self._strand(torch.cat([samples, reverse_complement(samples)])).chunk(2)
        return (forward + backward) / 2

    def _strand(self, samples: Tensor) -> Tensor:
        hidden = F.leaky_relu(self.first(samples), 0.2)  # (B, width, L)
        for layer in self.later:
            hidden = F.leaky_relu(layer(hidden), 0.2)
        places = hidden.shape[2] ** 0.5  # a mean over L places varies √L times less from sequence to sequence
        pooled = {
            "mean": lambda: hidden.mean(2) * places,
            "max": lambda: hidden.amax(2),
            "flat": lambda: hidden.flatten(1),
        }
        found = torch.cat([pooled[pool]() for pool in self.pools], 1)
        if self.dense is not None:
            found = F.leaky_relu(self.dense(found), 0.2)
        return torch.cat([found, samples.flatten(1)], 1) if self.position_weights else found

    def forward(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores (B,) of samples (B, 4 + annotation, L) with labels (B,)."""
        return self.head(self.features(samples), labels)
