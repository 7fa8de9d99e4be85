"""A critic of strings that sees where something is, whether it is there at all, and how much of it there is."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from gantk.spec import DataSpec
from gantk_motif.nets.layers import out_of_range, string_shape


class PooledCritic(nn.Module):
    """Filters over windows → flat + maximum + mean over the string → dense layers → score; no normalisation.

    The flat features say where (are all places used?), the maximum says whether (is the motif there?), the mean says
    how often (is it there once?). The window should span what one hopes to find, so that one filter can match it.

    Windows are laid out as rows of one matrix: on a CPU that is twice as fast as a convolution of so few channels.

    Args:
        spec: what one sample is: (C, L), any length.
        width: filters.
        window: letters that one filter spans.
        flat: how many combinations of the filters are kept at every place.
        hidden: units of each of the two dense layers.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Annotated[int, Ge(1)] = 32,
        window: Annotated[int, Ge(1)] = 17,
        flat: Annotated[int, Ge(1)] = 8,
        hidden: Annotated[int, Ge(1)] = 128,
    ):
        super().__init__()
        channels, length = string_shape(spec, "motif/pooled")
        self.spec = spec
        self.window = window
        self.filters = nn.Linear(channels * window, width)
        self.reduce = nn.Linear(width, flat)
        self.where = nn.Linear(flat * length, hidden)
        self.whether = nn.Linear(2 * width, hidden)
        self.dense = nn.Linear(hidden, hidden)
        self.score = nn.Linear(hidden, 1)

    def features(self, samples: Tensor) -> Tensor:
        """(B, hidden) from samples (B, C, L)."""
        letters = pad(out_of_range(samples, self.spec), (self.window // 2, (self.window - 1) // 2))
        windows = letters.unfold(2, self.window, 1).transpose(1, 2).flatten(2)  # (B, L, C·window)
        found = leaky_relu(self.filters(windows), 0.2)  # (B, L, width)
        pooled = torch.cat([found.amax(1), found.mean(1)], 1)  # (B, 2·width)
        hidden = self.where(self.reduce(found).flatten(1)) + self.whether(pooled)
        return leaky_relu(self.dense(leaky_relu(hidden, 0.2)), 0.2)

    def head(self, features: Tensor) -> Tensor:
        """Scores (B,) from features (B, hidden)."""
        return self.score(features)[:, 0]

    def forward(self, samples: Tensor) -> Tensor:
        """Scores (B,) from samples (B, C, L)."""
        return self.head(self.features(samples))
