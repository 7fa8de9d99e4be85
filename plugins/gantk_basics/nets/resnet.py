"""A residual net from picture to picture (Johnson et al. 2016), as CycleGAN has it (Zhu et al. 2017, section 7.2)."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_basics.nets.translation import (
    Normalisation,
    Translator,
    normalised,
    picture_channels,
    receptive_field,
    start,
)


class ResnetGenerator(Translator):
    """A residual net: halves pictures twice, some residual blocks, doubles them again. Of two domains one each way.

    Zhu et al. 2017, section 7.2: c7s1-64, d128, d256, R256 six or nine times, u128, u64, c7s1, edges by reflection,
    instance normalisation.

    Args:
        spec: what one sample is, and its condition: pictures of the same height and width.
        width: channels of the first layer.
        blocks: residual blocks; null: 6 for sides up to 128 pixels, 9 above.
        halvings: how often pictures are halved; sides must be multiples of 2 to this power.
        normalisation: of the layers: over each channel of a picture, as in the paper, which then depends on all of it;
            over the batch, with stored statistics once trained; or none.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Annotated[int, Ge(1)] = 64,
        blocks: Annotated[int, Ge(0)] | None = None,
        halvings: Annotated[int, Ge(0), Le(6)] = 2,
        normalisation: Normalisation = "instance",
    ):
        given, made = picture_channels(spec, "basics/resnet", 2**halvings)
        sides = spec.own_shape[1:]
        if min(sides) < 4 or min(sides) < 2 * 2**halvings:
            raise DoesNotFit(
                f"basics/resnet continues edges by reflection, for which {sides[0]} x {sides[1]} pixels are too few"
            )
        count = (6 if max(sides) <= 128 else 9) if blocks is None else blocks
        super().__init__(
            spec,
            lambda: Resnet(given, made, width, count, halvings, normalisation),
            size_step=2**halvings,
            receptive_field=None if normalisation == "instance" else resnet_receptive_field(count, halvings),
        )

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        """No latent and conditions (B, *spec.condition_shape), of any height and width, to samples of that size."""
        return self.both_ways(condition)


class Resnet(nn.Module):
    """The net itself, from one picture to raw numbers; see `ResnetGenerator`.

    Args:
        given: channels in.
        made: channels out.
    """

    def __init__(self, given: int, made: int, width: int, blocks: int, halvings: int, normalisation: Normalisation):
        super().__init__()

        def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
            edges: Literal["reflect", "zeros"] = "reflect" if stride == 1 else "zeros"
            layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode=edges)
            return [layer, *normalised(normalisation, outputs), nn.ReLU()]

        layers = convolution(given, width, 7)
        for level in range(halvings):
            layers += convolution(width << level, width << (level + 1), 3, 2)
        layers += [ResidualBlock(width << halvings, normalisation) for _ in range(blocks)]
        for level in reversed(range(halvings)):
            outputs = width << level
            layers.append(nn.ConvTranspose2d(2 * outputs, outputs, 3, 2, 1, output_padding=1))
            layers += [*normalised(normalisation, outputs), nn.ReLU()]
        layers.append(nn.Conv2d(width, made, 7, 1, 3, padding_mode="reflect"))
        self.layers = nn.Sequential(*layers)
        self.apply(start)

    def forward(self, pictures: Tensor, noise: int | None = None) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        return self.layers(pictures)


class ResidualBlock(nn.Module):
    """x + two 3 x 3 convolutions of it, each normalised, with a ReLU between them.

    Args:
        channels: in and out.
        normalisation: of both layers.
    """

    def __init__(self, channels: int, normalisation: Normalisation):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, padding_mode="reflect"),
            *normalised(normalisation, channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, padding_mode="reflect"),
            *normalised(normalisation, channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape."""
        return features + self.layers(features)


def resnet_receptive_field(blocks: int, halvings: int) -> int:
    """The side of the square outside of which nothing matters to a pixel."""

    def span(low: int, high: int) -> tuple[int, int]:
        low, high = low - 3, high + 3
        for _ in range(halvings):  # of a transposed 3 x 3 convolution: 2 j comes from j, 2 j + 1 from j and j + 1
            low, high = low // 2, (high + 1) // 2
        low, high = low - 2 * blocks, high + 2 * blocks
        for _ in range(halvings):  # j comes from 2 j - 1 to 2 j + 1
            low, high = 2 * low - 1, 2 * high + 1
        return low - 3, high + 3

    return receptive_field(2**halvings, span)
