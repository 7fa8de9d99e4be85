"""Predicting a score from a sequence: a net, the loss it is trained by (with no generator), and how good it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantk.spec import DataSpec
from gantk_dna.nets.killoran import Count, Kernel
from gantk_dna.nets.layers import sequence_shape


class Predictor(nn.Module):
    """Convolution → global maximum and mean of each pattern → two dense layers → one number.

    As in Killoran et al. 2017 (section 4.2), where it predicts binding; it does not see where a pattern stands. Where
    that matters, `dna/pooled` with `pools: [mean, flat]` predicts better.

    Args:
        spec: what one sequence is: (4 + annotation channels, L).
        width: patterns.
        kernel: letters of a pattern; odd.
        hidden: numbers of each dense layer.
    """

    def __init__(self, spec: DataSpec, *, width: Count = 100, kernel: Kernel = 15, hidden: Count = 200):
        super().__init__()
        channels, _ = sequence_shape(spec, "dna/predictor")
        self.patterns = nn.Conv1d(channels, width, kernel, padding=kernel // 2)
        self.dense = nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.last = nn.Linear(hidden, 1)

    def features(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B, hidden)."""
        found = F.relu(self.patterns(samples))  # (B, width, L)
        return self.dense(torch.cat([found.amax(2), found.mean(2)], 1))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to scores (B,)."""
        return self.last(self.features(samples)).squeeze(-1)
