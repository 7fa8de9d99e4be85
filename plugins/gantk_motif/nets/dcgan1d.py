"""The DCGAN of Radford et al. 2016 in one dimension: the textbook pair, with soft output.

It is here to be seen failing as much as working: with binary cross-entropy it tends to collapse to a few strings.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from gantk.interfaces import scale_to_range
from gantk.spec import DataSpec
from gantk_motif.nets.layers import bits_shape, same_padding, string_shape


def halved(length: int, times: int) -> list[int]:
    """The lengths [L, ⌈L/2⌉, ⌈L/4⌉, …] that strided convolutions go through."""
    lengths = [length]
    for _ in range(times):
        lengths.append((lengths[-1] + 1) // 2)
    return lengths


class Dcgan1dGenerator(nn.Module):
    """Dense → reshape → transposed convolutions with batch normalisation → sigmoid.

    Args:
        spec: what one sample is: (C, L), any length.
        latent: numbers in one latent.
        width: channels before the last layer; each earlier one has twice as many.
        layers: transposed convolutions, each doubling the length.
        kernel: letters that one kernel spans; odd.

    Raises:
        DoesNotFit: the kernel is even.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(1)] = 32,
        layers: Annotated[int, Ge(1)] = 3,
        kernel: Annotated[int, Ge(3)] = 5,
    ):
        super().__init__()
        channels, length = bits_shape(spec, "motif/dcgan1d")
        self.spec = spec
        self.latent_shape = (latent,)
        padding = same_padding(kernel, "motif/dcgan1d")
        lengths = halved(length, layers)[::-1]  # shortest first
        widths = [*(width * 2**k for k in reversed(range(layers))), channels]
        self.first = (widths[0], lengths[0])
        self.dense = nn.Sequential(nn.Linear(latent, widths[0] * lengths[0]), nn.Unflatten(1, self.first))
        stages: list[nn.Module] = [nn.BatchNorm1d(widths[0]), nn.ReLU()]
        for k in range(layers):
            extra = lengths[k + 1] - (2 * lengths[k] - 1)  # 1 where the length doubles, 0 where it was odd
            stages.append(nn.ConvTranspose1d(widths[k], widths[k + 1], kernel, 2, padding, output_padding=extra))
            if k + 1 < layers:
                stages += [nn.BatchNorm1d(widths[k + 1]), nn.ReLU()]
        self.stages = nn.Sequential(*stages)

    def forward(self, latent: Tensor) -> Tensor:
        """Samples (B, C, L) within the range of the data, from latents (B, latent)."""
        return scale_to_range(self.stages(self.dense(latent)).sigmoid(), self.spec)


class Dcgan1dCritic(nn.Module):
    """Strided convolutions → flatten → dense; no normalisation, so a gradient penalty fits.

    Args:
        spec: what one sample is: (C, L), any length.
        width: channels of the first layer; each later one has twice as many.
        layers: convolutions, each halving the length.
        kernel: letters that one kernel spans; odd.

    Raises:
        DoesNotFit: the kernel is even.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Annotated[int, Ge(1)] = 32,
        layers: Annotated[int, Ge(1)] = 3,
        kernel: Annotated[int, Ge(3)] = 5,
    ):
        super().__init__()
        channels, length = string_shape(spec, "motif/dcgan1d")
        padding = same_padding(kernel, "motif/dcgan1d")
        widths = [channels, *(width * 2**k for k in range(layers))]
        stages: list[nn.Module] = []
        for narrow, wide in pairwise(widths):
            stages += [nn.Conv1d(narrow, wide, kernel, 2, padding), nn.LeakyReLU(0.2)]
        self.stages = nn.Sequential(*stages, nn.Flatten())
        self.dense = nn.Linear(widths[-1] * halved(length, layers)[-1], 1)

    def features(self, samples: Tensor) -> Tensor:
        """(B, F) from samples (B, C, L)."""
        return self.stages(samples)

    def head(self, features: Tensor) -> Tensor:
        """Scores (B,) from features (B, F)."""
        return self.dense(features)[:, 0]

    def forward(self, samples: Tensor) -> Tensor:
        """Scores (B,) from samples (B, C, L)."""
        return self.head(self.features(samples))
