"""The body of the separable and the star-shaped generator (Osokin et al. 2017, section 4.2)."""

from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_cells.towers import (
    NARROW,
    Initialisation,
    halvings,
    initial_bias,
    initialise,
    normalise,
    red_and_green_parts,
)

Upsampling = Literal["transposed", "nearest"]
PerChannel = Literal["batch", "instance", "none"]  # normalisation over channels would let green into red
AT_ONCE = 16  # channels that fit a vector register of AVX-512; fewer outputs take as long


class GreenOnRed(nn.Module):
    """One layer of a red tower and K green towers; each green tower sees the red features and its own.

    The paper writes it as one convolution r -> r' and K convolutions (r + g) -> g', and so it is computed on a CPU.
    `fused`, everything that leaves the red features is one convolution r -> r' + K g', and what leaves the green ones
    a grouped one of K groups g -> g'. Few outputs come from one convolution whose weight is 0 from green to other
    green: processors compute at least 16 channels at a time.

    Args:
        inputs: red channels and green channels of each tower that come in: r, g.
        outputs: the same of what goes out: r', g'.
        towers: K.
        kind: "transposed" (4 x 4, stride 2), "nearest" (each pixel twice, then 3 x 3) or "same" (3 x 3).
        initialisation: "dcgan" or "default".
        fused: the K green convolutions as one grouped convolution; None: on a GPU.
    """

    def __init__(
        self,
        inputs: tuple[int, int],
        outputs: tuple[int, int],
        towers: int,
        kind: Literal["transposed", "nearest", "same"],
        initialisation: Initialisation,
        fused: bool | None,
    ):
        super().__init__()
        self.inputs, self.outputs, self.towers, self.kind, self.fused = inputs, outputs, towers, kind, fused
        (red, green), (red_out, green_out) = inputs, outputs
        everything = red_out + towers * green_out
        if kind == "transposed":  # weights of transposed convolutions name their inputs first
            self.from_red = nn.Parameter(torch.empty(red, everything, 4, 4))
            self.from_green = nn.Parameter(torch.empty(towers, green, green_out, 4, 4))
            taps = 4  # with stride 2, an output pixel is reached by 2 x 2 of the 4 x 4
        else:
            self.from_red = nn.Parameter(torch.empty(everything, red, 3, 3))
            self.from_green = nn.Parameter(torch.empty(towers, green_out, green, 3, 3))
            taps = 9
        axis = 1 if kind == "transposed" else 0
        red_tower, to_green = self.from_red.detach().split([red_out, everything - red_out], axis)
        initialise(red_tower, initialisation, red * taps)
        initialise(to_green, initialisation, (red + green) * taps)
        initialise(self.from_green, initialisation, (red + green) * taps)

    def forward(self, features: Tensor) -> Tensor:
        """(B, r + K g, h, w) to (B, r' + K g', h', w')."""
        (red, green), (red_out, green_out), towers = self.inputs, self.outputs, self.towers
        into, out = (0, 1) if self.kind == "transposed" else (1, 0)  # axes of a weight
        if red_out + towers * green_out <= AT_ONCE:
            return self.convolve(features, torch.cat([self.from_red, self.apart(into, out)], into))
        fused = features.device.type != "cpu" if self.fused is None else self.fused
        if fused:
            red_features, green_features = features.split([red, towers * green], 1)
            drawn = self.convolve(red_features, self.from_red)
            drawn[:, red_out:] += self.convolve(green_features, self.from_green.flatten(0, 1), towers)
            return drawn
        red_features, *greens = features.split([red, *[green] * towers], 1)
        to_red, *to_greens = self.from_red.split([red_out, *[green_out] * towers], out)
        parts = [self.convolve(red_features, to_red)]
        for green_features, from_red, from_green in zip(greens, to_greens, self.from_green, strict=True):
            both = torch.cat([red_features, green_features], 1)
            parts.append(self.convolve(both, torch.cat([from_red, from_green], into)))
        return torch.cat(parts, 1)

    def apart(self, into: int, out: int) -> Tensor:
        """The weight from all green features to everything: 0 to red and to the green of other towers.

        Args:
            into: the axis of a weight that counts its inputs.
            out: the axis that counts its outputs.
        """
        (red_out, green_out), last = self.outputs, self.towers - 1
        beside = [(red_out + k * green_out, (last - k) * green_out) for k in range(self.towers)]
        rows = [
            F.pad(weight, (0, 0) * (3 - out) + around) for weight, around in zip(self.from_green, beside, strict=True)
        ]
        return torch.cat(rows, into)

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
    halves = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 2, stride=1)  # (B, C, H + 1, W + 1)
    return F.avg_pool2d(halves, 2, stride=1)


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
        self.range = spec.range
        self.smooth = smooth
        fused = True if fused is None and width < NARROW else fused
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
            return GreenOnRed(inputs, outputs, towers, kind, initialisation, fused)

        middle = [layer(inputs, outputs, upsampling) for inputs, outputs in pairwise(sizes)]
        self.layers = nn.ModuleList([*middle, *(layer(sizes[-1], sizes[-1], "same") for _ in range(layers))])
        self.norms = nn.ModuleList(
            normalise(normalisation, total, 1, initialisation) for total in totals + totals[-1:] * layers
        )
        self.last = layer(sizes[-1], (1, green), upsampling)
        self.bias = initial_bias((1 + towers * green, 1, 1), initialisation, width * 4) if bias else None

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(B, latent) to red (B, 1, H, W) and green (B, K * green, H, W)."""
        red, green = latent.split(self.latent, 1)
        from_red, from_green = F.linear(red, self.first_red), F.linear(green, self.first_green)
        features = from_red + F.pad(from_green, (from_red.shape[1] - from_green.shape[1], 0))
        features = features.unflatten(1, self.start)
        if features.device.type == "cpu":
            features = features.contiguous(memory_format=self.memory_format)
        features = F.relu(self.norms[0](features), inplace=True)
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            features = F.relu(norm(layer(features)), inplace=True)  # (B, r + K g, h, w)
        drawn = self.last(features)  # (B, 1 + K * green, H, W)
        if self.bias is not None:
            drawn = drawn + self.bias
        if self.smooth:
            drawn = smoothed(drawn)
        if self.range is not None:
            low, high = self.range
            drawn = (high + low) / 2 + (high - low) / 2 * drawn.tanh()
        return drawn[:, :1], drawn[:, 1:]
