"""A U-Net from picture to picture (Isola et al. 2017, section 3.2.1 and 6.1.1), of any depth."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le, Lt
from torch import Tensor, nn
from torch.nn.functional import dropout, dropout2d, leaky_relu, relu

from gantk.spec import DataSpec
from gantk_basics.nets.translation import (
    Normalisation,
    Translator,
    normalised,
    picture_channels,
    receptive_field,
    start,
)

MOST = 5
"""How often pictures are halved where a recipe does not say."""

Drop = Literal["values", "channels"]


class UnetGenerator(Translator):
    """A U-Net: halves pictures `depth` times, doubles them again, and hands each level's features across.

    Isola et al. 2017: 4 x 4 convolutions of stride 2, channels doubling up to eight times `width`, no normalisation in
    the first and the innermost layer. They halve 256 pixels eight times, down to one; how often it is here says how far
    the net sees, and what sides must be multiples of. Its noise is dropout, at work in training; afterwards equal
    conditions give equal samples unless `noise` asks for a draw.
    Of two domains it has a net for each way.

    Args:
        spec: what one sample is, and its condition: pictures of the same height and width.
        width: channels of the first layer.
        depth: how often pictures are halved; null: as often as both sides stay whole and at 4 or more, 5 at most.
        normalisation: of the layers: over the batch (with stored statistics once trained), over each channel of a
            picture, which then depends on all of it, or none.
        dropout: share that is dropped behind each of the first `dropped` layers of the way up.
        dropped: how many layers have dropout, from the innermost; none behind the outermost.
        drop: what is dropped: single values, as in the paper, or whole channels, which a draw keeps all over a picture.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Annotated[int, Ge(1)] = 64,
        depth: Annotated[int, Ge(1), Le(10)] | None = None,
        normalisation: Normalisation = "batch",
        dropout: Annotated[float, Ge(0), Lt(1)] = 0.5,
        dropped: Annotated[int, Ge(0)] = 3,
        drop: Drop = "values",
    ):
        depth = depth or _depth(spec)
        given, made = picture_channels(spec, "basics/unet", 2**depth)
        super().__init__(
            spec,
            lambda: Unet(given, made, width, depth, normalisation, dropout, dropped, drop),
            size_step=2**depth,
            receptive_field=None if normalisation == "instance" else unet_receptive_field(depth),
        )
        self.noisy = dropout > 0 and min(dropped, depth - 1) > 0

    def forward(self, latent: None, condition: Tensor, *, noise: Annotated[int, Ge(0)] | None = None) -> Tensor:
        """No latent and conditions (B, *spec.condition_shape), of any height and width, to samples of that size.

        Args:
            noise: which draw of the dropout, the same for all samples; null: without dropout.
        """
        return self.both_ways(condition, noise)


class Unet(nn.Module):
    """The net itself, from one picture to raw numbers; see `UnetGenerator` for the rest.

    Args:
        given: channels in.
        made: channels out.
    """

    def __init__(
        self,
        given: int,
        made: int,
        width: int,
        depth: int,
        normalisation: Normalisation,
        dropout: float,
        dropped: int,
        drop: Drop,
    ):
        super().__init__()
        channels = [width * min(2**level, 8) for level in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, outputs in enumerate(channels):
            kind: Normalisation = normalisation if 0 < level < depth - 1 else "none"
            inputs = channels[level - 1] if level else given
            self.down.append(nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, 1), *normalised(kind, outputs)))
        for level in reversed(range(depth)):  # from the innermost
            inputs = channels[level] * (1 if level == depth - 1 else 2)
            outputs = channels[level - 1] if level else made
            kind = normalisation if level else "none"
            self.up.append(nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), *normalised(kind, outputs)))
        self.dropout = dropout
        self.dropped = min(dropped, depth - 1)
        self.drop = drop
        self.apply(start)

    def forward(self, pictures: Tensor, noise: int | None = None) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        rng = None if noise is None else torch.Generator(pictures.device).manual_seed(noise)
        levels = []
        for level, layer in enumerate(self.down):
            pictures = layer(leaky_relu(pictures, 0.2) if level else pictures)
            levels.append(pictures)
        features = levels.pop()
        for number, layer in enumerate(self.up):
            features = layer(relu(features))
            if number < self.dropped:
                features = self._dropped(features, rng)
            if levels:
                features = torch.cat([features, levels.pop()], 1)
        return features

    def _dropped(self, features: Tensor, rng: torch.Generator | None) -> Tensor:
        """Features of which a share is 0, the others scaled up: at random in training, else as `rng` has it."""
        if self.training:
            return (dropout if self.drop == "values" else dropout2d)(features, self.dropout)
        if rng is None:
            return features
        shape = features.shape[1:] if self.drop == "values" else (features.shape[1], 1, 1)
        kept = torch.rand(shape, generator=rng, device=features.device) >= self.dropout
        return features * kept / (1 - self.dropout)


def unet_receptive_field(depth: int) -> int:
    """The side of the square outside of which nothing matters to a pixel, for 4 x 4 kernels of stride 2."""

    def span(low: int, high: int) -> tuple[int, int]:
        for _ in range(depth):  # of a transposed convolution: pixels 2 j and 2 j + 1 come from j - 1, j and j, j + 1
            low, high = (low - 1) // 2, (high + 1) // 2
        for _ in range(depth):  # of a convolution: j comes from 2 j - 1 to 2 j + 2
            low, high = 2 * low - 1, 2 * high + 2
        return low, high

    return receptive_field(2**depth, span)


def _depth(spec: DataSpec) -> int:
    sides = spec.own_shape[-2:] if len(spec.own_shape) == 3 else (2, 2)
    depth = 1
    while depth < MOST and all(side % 2 ** (depth + 1) == 0 and side >> (depth + 1) >= 4 for side in sides):
        depth += 1
    return depth
