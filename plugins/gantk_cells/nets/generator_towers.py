"""K plain or separable DCGAN generators side by side, with nothing in common but the latent they are given."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples, into_range
from gantk.spec import DataSpec
from gantk_cells.nets.layers import (
    NARROW,
    Initialisation,
    Normalisation,
    grouped,
    halvings,
    initial_bias,
    initialise,
    normalise,
    red_and_green_parts,
)
from gantk_cells.nets.red_and_green import smoothed
from gantk_cells.stack import with_proteins

Parts = tuple[int, int]  # channels that never see green, and green ones; a plain net has only the first


class TowerUpsampling(nn.Module):
    """A transposed convolution (4 x 4, stride 2) of its own for each of K nets; in each, green never reaches red.

    Args:
        towers: K.
        inputs: red and green channels that come into each net.
        outputs: red and green channels that leave it.
        initialisation: "dcgan" or "default".
    """

    def __init__(self, towers: int, inputs: Parts, outputs: Parts, initialisation: Initialisation):
        super().__init__()
        (red, green), (red_out, green_out) = inputs, outputs
        self.from_red = nn.Parameter(torch.empty(towers, red, red_out + green_out, 4, 4))
        self.from_green = nn.Parameter(torch.empty(towers, green, green_out, 4, 4)) if green else None
        to_red, to_green = self.from_red.detach().split([red_out, green_out], 2)
        initialise(to_red, initialisation, red * 4)  # an output pixel is reached by 2 x 2 of the 4 x 4
        initialise(to_green, initialisation, (red + green) * 4)
        if self.from_green is not None:
            initialise(self.from_green, initialisation, (red + green) * 4)

    def weight(self) -> Tensor:
        """(K, r + g, r' + g', 4, 4), with zeros from green to red."""
        if self.from_green is None:
            return self.from_red
        red_out = self.from_red.shape[2] - self.from_green.shape[2]
        return torch.cat([self.from_red, F.pad(self.from_green, (0, 0, 0, 0, red_out, 0))], 1)

    def forward(self, parts: list[Tensor]) -> list[Tensor]:
        """(B, r + g, h, w) of each net, or one (B, K (r + g), h, w) of all, to the same form at twice the size."""
        weight = self.weight()
        fused = len(parts) < len(weight)
        weights, groups = ([weight.flatten(0, 1)], len(weight)) if fused else (list(weight.unbind()), 1)
        return [
            F.conv_transpose2d(part, each, stride=2, padding=1, groups=groups)
            for part, each in zip(parts, weights, strict=True)
        ]


class GeneratorTowers(nn.Module):
    """K DCGAN generators, each with weights of its own.

    Args:
        spec: its own_shape gives H and W, its range the squashing of the output.
        towers: K.
        channels: that each net draws.
        latent: length of the latent.
        width: channels of each net before the last layer; each layer before has twice as many.
        red_portion: share of latent and features that is red, of separable nets; None: plain nets.
        normalisation: before each ReLU.
        smooth: whether what is drawn passes a fixed filter (1, 2, 1)/4 along y and x.
        bias: whether the last layer has a bias.
        initialisation: "dcgan" or "default".
        fused: all nets as one grouped convolution; None: on a GPU, and on a CPU where they are narrow.

    Raises:
        DoesNotFit: no red or no green channels in separable nets, or sizes that cannot be halved.
    """

    def __init__(
        self,
        spec: DataSpec,
        towers: int,
        channels: int,
        *,
        latent: int,
        width: int,
        red_portion: float | None,
        normalisation: Normalisation,
        smooth: bool,
        bias: bool,
        initialisation: Initialisation,
        fused: bool | None,
    ):
        super().__init__()
        if red_portion is not None and channels < 2:
            raise DoesNotFit("a red and a green tower need at least two channels; these images have one")
        count, *start = halvings(*spec.own_shape[1:])
        self.spec, self.towers, self.smooth = spec, towers, smooth
        self.narrow, self.fused = width < NARROW, fused

        def parts(size: int) -> Parts:
            return (size, 0) if red_portion is None else red_and_green_parts(size, red_portion)

        sizes = [parts(width * 2**power) for power in range(count)][::-1]  # 8 w, 4 w, 2 w, w for 48 x 80
        self.start = (sum(sizes[0]), *start)  # (8 w, 3, 5) for 48 x 80
        self.latent = parts(latent)
        places = start[0] * start[1]
        self.first_red = nn.Parameter(torch.empty(towers * sum(sizes[0]) * places, self.latent[0]))
        initialise(self.first_red, initialisation, latent)
        self.first_green = None
        if red_portion is not None:
            self.first_green = nn.Parameter(torch.empty(towers * sizes[0][1] * places, self.latent[1]))
            initialise(self.first_green, initialisation, latent)
        drawn = (channels, 0) if red_portion is None else (1, channels - 1)
        self.layers = nn.ModuleList(
            TowerUpsampling(towers, *pair, initialisation) for pair in pairwise([*sizes, drawn])
        )
        self.norms = nn.ModuleList(normalise(normalisation, towers * sum(s), towers, initialisation) for s in sizes)
        self.bias = initial_bias((towers * channels, 1, 1), initialisation, width * 4) if bias else None

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, channels, H, W)."""
        red, green = latent.split(self.latent, 1)
        features = F.linear(red, self.first_red).unflatten(1, (self.towers, *self.start))  # (B, K, r + g, h, w)
        if self.first_green is not None:
            from_green = F.linear(green, self.first_green).unflatten(1, (self.towers, -1, *self.start[1:]))
            features = features + F.pad(from_green, (0, 0, 0, 0, self.start[0] - from_green.shape[2], 0))
        drawn = features.flatten(1, 2)
        fused = grouped(self.fused, self.narrow, latent.device)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            features = F.relu(norm(drawn))  # (B, K (r + g), h, w)
            drawn = torch.cat(layer([features] if fused else list(features.chunk(self.towers, 1))), 1)
        if self.bias is not None:
            drawn = drawn + self.bias
        if self.smooth:
            drawn = smoothed(drawn)
        drawn = into_range(drawn, self.spec, "tanh")
        return drawn.unflatten(1, (self.towers, -1))


class TowersGenerator(nn.Module):
    """Base class of the generators made of `GeneratorTowers`, with their options.

    Args:
        spec: what one sample is.
        towers: how many nets draw side by side.
        channels: that each of them draws.
        red_portion: share of the latent and of the features that is red, of separable nets; None: plain nets.
        fused: computes the nets as one grouped convolution, not one after another: the same mathematics. None: on a
            GPU, and on a CPU where they are narrower than 12.
        latent: length of the latent.
        width: channels of each net before the last layer; each layer before has twice as many.
        normalisation: before each ReLU; "layer" is over all channels of a net, "instance" over each channel.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes.
        bias: gives the last layer a bias (the paper has none).
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
    """

    def __init__(
        self,
        spec: DataSpec,
        towers: int,
        channels: int,
        red_portion: float | None,
        fused: bool | None,
        *,
        latent: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(1)] = 64,
        normalisation: Normalisation = "batch",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
    ):
        super().__init__()
        self.latent_shape = (latent,)
        self.net = GeneratorTowers(
            spec,
            towers,
            channels,
            latent=latent,
            width=width,
            red_portion=red_portion,
            normalisation=normalisation,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, channels, H, W)."""
        return self.net(latent)

    def latent_weights(self) -> dict[str, tuple[slice, Tensor]]:
        """The first layer's weights for the latent, of separable nets for its red and its green part."""
        red, green = self.net.latent
        if self.net.first_green is None:
            return {"latent": (slice(0, red), self.net.first_red)}
        return {"red": (slice(0, red), self.net.first_red), "green": (slice(red, red + green), self.net.first_green)}

    def pick_units(self, samples: Samples, numbers: Sequence[int]) -> Samples:
        """Samples of some proteins alone, by their numbers."""
        return with_proteins(samples, numbers)
