"""The body of the separable and the star-shaped generator (Osokin et al. 2017, section 4.2)."""

from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import into_range
from gantk.spec import DataSpec
from gantk_cells.nets.layers import (
    NARROW,
    Initialisation,
    Layer,
    grouped,
    halvings,
    initial_bias,
    initialise,
    normalise,
    parts_of,
    red_and_green_latent,
    red_and_green_parts,
)

Upsampling = Literal["transposed", "nearest"]
PerChannel = Literal["batch", "instance", "none"]  # normalisation over channels would let green into red
AT_ONCE = 16  # channels that fit a vector register of AVX-512; fewer outputs take as long


class GreenOnRed(nn.Module):
    """One layer of a red tower and K green towers; each green tower sees the red features and its own.

    The paper writes it as one convolution r -> r' and K convolutions (r + g) -> g': these are its `parts`. Called as a
    whole, everything that leaves the red features is one convolution r -> r' + K g', and what leaves the green ones
    a grouped one of K groups g -> g'; few outputs come from one convolution whose weight is 0 from green to other
    green, since processors compute at least 16 channels at a time.

    Args:
        inputs: red channels and green channels of each tower that come in: r, g.
        outputs: the same of what goes out: r', g'.
        towers: K.
        kind: "transposed" (4 x 4, stride 2), "nearest" (each pixel twice, then 3 x 3) or "same" (3 x 3).
        initialisation: "dcgan" or "default".
    """

    def __init__(
        self,
        inputs: tuple[int, int],
        outputs: tuple[int, int],
        towers: int,
        kind: Literal["transposed", "nearest", "same"],
        initialisation: Initialisation,
    ):
        super().__init__()
        self.inputs, self.outputs, self.towers, self.kind = inputs, outputs, towers, kind
        self.into, self.out = (0, 1) if kind == "transposed" else (1, 0)  # axes of a weight
        (red, green), (red_out, green_out) = inputs, outputs
        everything = red_out + towers * green_out
        self.few = everything <= AT_ONCE
        if kind == "transposed":  # weights of transposed convolutions name their inputs first
            self.from_red = nn.Parameter(torch.empty(red, everything, 4, 4))
            self.from_green = nn.Parameter(torch.empty(towers, green, green_out, 4, 4))
            taps = 4  # with stride 2, an output pixel is reached by 2 x 2 of the 4 x 4
        else:
            self.from_red = nn.Parameter(torch.empty(everything, red, 3, 3))
            self.from_green = nn.Parameter(torch.empty(towers, green_out, green, 3, 3))
            taps = 9
        red_tower, to_green = self.from_red.detach().split([red_out, everything - red_out], self.out)
        initialise(red_tower, initialisation, red * taps)
        initialise(to_green, initialisation, (red + green) * taps)
        initialise(self.from_green, initialisation, (red + green) * taps)

    def forward(self, features: Tensor) -> Tensor:
        """(B, r + K g, h, w) to (B, r' + K g', h', w')."""
        if self.few:
            return self.convolve(features, torch.cat([self.from_red, self.between_green()], self.into))
        red, green = features.split([self.inputs[0], self.towers * self.inputs[1]], 1)
        drawn = self.convolve(red, self.from_red)
        drawn[:, self.outputs[0] :] += self.convolve(green, self.from_green.flatten(0, 1), self.towers)
        return drawn

    def parts(self) -> list[Layer]:
        """What is done in each tower: (B, r, h, w) to (B, r', h', w') in red, (B, r + g, …) to (B, g', …) in green."""
        to_red, *to_green = self.from_red.split([self.outputs[0], *[self.outputs[1]] * self.towers], self.out)
        both = [torch.cat(pair, self.into) for pair in zip(to_green, self.from_green, strict=True)]
        return [partial(self.convolve, weight=weight) for weight in (to_red, *both)]

    def between_green(self) -> Tensor:
        """The weight from all green features to everything: 0 to red and to the green of other towers."""
        (red_out, green_out), last = self.outputs, self.towers - 1
        beside = [(red_out + k * green_out, (last - k) * green_out) for k in range(self.towers)]
        rows = [
            F.pad(weight, (0, 0) * (3 - self.out) + around)
            for weight, around in zip(self.from_green, beside, strict=True)
        ]
        return torch.cat(rows, self.into)

    def convolve(self, features: Tensor, weight: Tensor, groups: int = 1) -> Tensor:
        """(B, channels, h, w) to (B, channels', h', w').

        Args:
            features: what comes in.
            weight: of a convolution of this layer's kind.
            groups: how many towers lie side by side in it.
        """
        if self.kind == "transposed":
            return F.conv_transpose2d(features, weight, stride=2, padding=1, groups=groups)
        if self.kind == "nearest":
            features = F.interpolate(features, scale_factor=2.0, mode="nearest")
        return F.conv2d(features, weight, padding=1, groups=groups)


def smoothed(images: Tensor) -> Tensor:
    """Images (B, C, H, W) filtered by (1, 2, 1)/4 along y and x: nothing of a checkerboard of period 2 passes it."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    halves = padded[:, :, 1:] + padded[:, :, :-1]  # sums of neighbours take a quarter of what pooling takes on a CPU
    rows = halves[:, :, 1:] + halves[:, :, :-1]  # (B, C, H, W + 2)
    halves = rows[..., 1:] + rows[..., :-1]
    return (halves[..., 1:] + halves[..., :-1]) / 16


class RedAndGreen(nn.Module):
    """One red tower and K green towers from one latent, whose first part is red and the rest green.

    The features of every layer have a red part and K green parts; the red tower sees the red part only, a green tower
    the red part and its own. K = 1 is the separable generator, one K per protein the star-shaped one.

    Args:
        spec: its own_shape gives H and W, its range the squashing of the output.
        towers: K.
        green: channels that each green tower draws.
        latent: length of the latent.
        width: channels (red and green) before the last layer; each layer before has twice as many.
        red_portion: share of the latent and of the features that is red.
        layers: extra 3 x 3 layers before the last one.
        normalisation: before each ReLU.
        upsampling: how a layer doubles the size.
        smooth: whether what is drawn passes a fixed filter (1, 2, 1)/4 along y and x.
        bias: whether the last layer has a bias.
        initialisation: "dcgan" or "default".
        fused: green towers as grouped convolutions; None: on a GPU, and on a CPU where they are narrow.

    Raises:
        DoesNotFit: no red or no green channels, or sizes that cannot be halved.
    """

    def __init__(
        self,
        spec: DataSpec,
        towers: int,
        green: int,
        *,
        latent: int,
        width: int,
        red_portion: float,
        layers: int,
        normalisation: PerChannel,
        upsampling: Upsampling,
        smooth: bool,
        bias: bool,
        initialisation: Initialisation,
        fused: bool | None,
    ):
        super().__init__()
        if green < 1:
            raise DoesNotFit("a red and a green tower need at least two channels; these images have one")
        count, *start = halvings(*spec.own_shape[1:])
        self.spec = spec
        self.smooth = smooth
        self.towers, self.narrow, self.fused = towers, width < NARROW, fused
        self.memory_format = torch.channels_last  # on a CPU; grouped convolutions on a GPU are not known to gain

        def parts(channels: int) -> tuple[int, int]:
            return red_and_green_parts(channels, red_portion)

        sizes = [parts(width * 2**power) for power in range(count)][::-1]  # 8 w, 4 w, 2 w, w for 48 x 80
        totals = [r + towers * g for r, g in sizes]
        self.start = (totals[0], *start)  # (r + K g, 3, 5) for 48 x 80
        self.latent = parts(latent)
        self.first_red = nn.Parameter(torch.empty(totals[0] * start[0] * start[1], self.latent[0]))
        self.first_green = nn.Parameter(torch.empty(towers * sizes[0][1] * start[0] * start[1], self.latent[1]))
        initialise(self.first_red, initialisation, latent)
        initialise(self.first_green, initialisation, latent)

        def layer(inputs: tuple[int, int], outputs: tuple[int, int], kind: Upsampling | Literal["same"]) -> GreenOnRed:
            return GreenOnRed(inputs, outputs, towers, kind, initialisation)

        middle = [layer(inputs, outputs, upsampling) for inputs, outputs in pairwise(sizes)]
        self.layers = nn.ModuleList([*middle, *(layer(sizes[-1], sizes[-1], "same") for _ in range(layers))])
        self.norms = nn.ModuleList(
            normalise(normalisation, total, 1, initialisation) for total in totals + totals[-1:] * layers
        )
        self.last = layer(sizes[-1], (1, green), upsampling)
        self.bias = initial_bias((1 + towers * green, 1, 1), initialisation, width * 4) if bias else None

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(B, latent) to red (B, 1, H, W) and green (B, K * green, H, W)."""
        red, green = latent.split([self.latent[0], latent.shape[1] - self.latent[0]], 1)
        from_red, from_green = F.linear(red, self.first_red), self.first_of_green(green)
        features = from_red + F.pad(from_green, (from_red.shape[1] - from_green.shape[1], 0))
        features = features.unflatten(1, self.start)
        kind = latent.device.type
        layers = [*self.layers, self.last]
        apart = 0  # layers that are computed tower by tower: up to the last one with many outputs
        if not grouped(self.fused, self.narrow, latent.device):
            apart = max((number for number, layer in enumerate(layers, 1) if not layer.few), default=0)
        if apart:
            drawn = self.tower_by_tower(features, layers[:apart])
        else:
            drawn = features.contiguous(memory_format=self.memory_format) if kind == "cpu" else features
        for norm, layer in zip(self.norms[apart:], layers[apart:], strict=True):
            drawn = layer(F.relu(norm(drawn), inplace=True))  # (B, r + K g, h, w), at last (B, 1 + K * green, H, W)
        if self.bias is not None:
            drawn = drawn + self.bias
        if self.smooth:
            drawn = smoothed(drawn)
        drawn = into_range(drawn, self.spec, "tanh")
        return drawn[:, :1], drawn[:, 1:]

    def first_of_green(self, green: Tensor) -> Tensor:
        """What enters the green towers, (B, K g h w), from one latent for all, (B, n), or one for each, (B, K n)."""
        if green.shape[1] == self.latent[1]:
            return F.linear(green, self.first_green)
        each, weights = green.unflatten(1, (self.towers, -1)), self.first_green.unflatten(0, (self.towers, -1))
        return torch.einsum("bkn,kon->bko", each, weights).flatten(1)

    def tower_by_tower(self, features: Tensor, layers: list[GreenOnRed]) -> Tensor:
        """The first layers, first in the red tower, then in one green tower after another: as `layers` in a row.

        What a layer leaves is then still in the processor's cache for the next one.

        Args:
            features: (B, r + K g, h, w), where the towers start.
            layers: the first ones.
        """
        sizes = [[layer.inputs[0], *[layer.inputs[1]] * self.towers] for layer in layers]
        convolutions = [layer.parts() for layer in layers]
        norms = [parts_of(norm, size) for norm, size in zip(self.norms, sizes, strict=False)]
        seen: list[Tensor] = []  # by the layers of the red tower
        found = []
        for number, part in enumerate(features.split(sizes[0], 1)):
            drawn = part.clone(memory_format=self.memory_format)
            for level, (norm, convolve) in enumerate(zip(norms, convolutions, strict=True)):
                drawn = F.relu(norm[number](drawn), inplace=True)
                if number == 0:
                    seen.append(drawn)
                else:
                    drawn = torch.cat([seen[level], drawn], 1)
                drawn = convolve[number](drawn)
            found.append(drawn)
        return torch.cat(found, 1)


class RedAndGreenGenerator(nn.Module):
    """Base class of the generators made of `RedAndGreen`, with their options.

    Args:
        spec: what one sample is.
        towers: how many green towers there are.
        green: channels that each of them draws.
        fused: computes the green towers as one grouped convolution, not one after another: the same mathematics. None:
            on a GPU, and on a CPU where they are narrower than 12.
        latent: length of the latent, red and green part together.
        width: channels, red and green, before the last layer; each layer before has twice as many.
        red_portion: share of the latent and of the features that is red.
        layers: extra 3 x 3 layers before the last one.
        normalisation: before each ReLU; "instance" is over each channel of a sample.
        upsampling: "transposed" convolutions (4 x 4, stride 2), or "nearest": each pixel twice, then 3 x 3, which
            costs 1.4 times as much and in short trainings draws a woven pattern.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes; such
            patterns are what transposed convolutions tend to leave (Odena et al. 2016, distill.pub).
        bias: gives the last layer a bias (the paper has none); helps much to get the background right.
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
    """

    def __init__(
        self,
        spec: DataSpec,
        towers: int,
        green: int,
        fused: bool | None,
        *,
        latent: Annotated[int, Ge(2)] = 100,
        width: Annotated[int, Ge(2)] = 64,
        red_portion: Annotated[float, Gt(0), Lt(1)] = 0.5,
        layers: Annotated[int, Ge(0)] = 0,
        normalisation: PerChannel = "batch",
        upsampling: Upsampling = "transposed",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
    ):
        super().__init__()
        self.latent_shape = (latent,)
        self.net = RedAndGreen(
            spec,
            towers,
            green,
            latent=latent,
            width=width,
            red_portion=red_portion,
            layers=layers,
            normalisation=normalisation,
            upsampling=upsampling,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )
        self.latent_parts = red_and_green_latent(self.net.latent)

    def latent_weights(self) -> dict[str, tuple[slice, Tensor]]:
        """The first layer's weights for the red and the green part of the latent."""
        red, green = self.net.latent
        return {"red": (slice(0, red), self.net.first_red), "green": (slice(red, red + green), self.net.first_green)}
