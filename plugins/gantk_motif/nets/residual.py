"""A residual generator of 0/1 strings, without normalisation and with hard output."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import relu

from gantk.interfaces import scale_to_range
from gantk.spec import DataSpec
from gantk_motif.nets.layers import bits_shape, hard_bit, same_padding


class ResidualBlock(nn.Module):
    """x + 0.3 · convolution(relu(convolution(relu(x)))): no normalisation, so samples of a batch stay independent.

    Args:
        width: channels.
        kernel: letters that one kernel spans; odd.
    """

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.first = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.second = nn.Conv1d(width, width, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, L) from (B, width, L)."""
        return x + 0.3 * self.second(relu(self.first(relu(x))))


class ResidualGenerator(nn.Module):
    """Dense layer → residual blocks → hard 0/1 output. Here to be compared with `motif/placed`.

    Args:
        spec: what one sample is: (C, L), any length; each value becomes the lower or the upper end of its range.
        latent: numbers in one latent.
        width: channels of the features.
        blocks: residual blocks, of two convolutions each.
        kernel: letters that one kernel spans; odd.

    Raises:
        DoesNotFit: the kernel is even.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(1)] = 16,
        blocks: Annotated[int, Ge(0)] = 2,
        kernel: Annotated[int, Ge(1)] = 5,
    ):
        super().__init__()
        channels, length = bits_shape(spec, "motif/residual")
        padding = same_padding(kernel, "motif/residual")
        self.spec = spec
        self.latent_shape = (latent,)
        self.start = nn.Sequential(nn.Linear(latent, width * length), nn.Unflatten(1, (width, length)))
        self.blocks = nn.Sequential(*[ResidualBlock(width, kernel) for _ in range(blocks)])
        self.out = nn.Conv1d(width, channels, kernel, padding=padding)

    def forward(self, latent: Tensor) -> Tensor:
        """Samples (B, C, L) at either end of the range of the data, from latents (B, latent)."""
        features = self.blocks(self.start(latent))  # (B, width, L)
        return scale_to_range(hard_bit(self.out(relu(features))), self.spec)
