"""Plain DCGAN critic towers side by side: the critic of Osokin et al. 2017, section 4, one for each unit."""

from functools import partial
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from gantk_cells.nets.layers import (
    NARROW,
    Initialisation,
    Layer,
    Normalisation,
    grouped,
    halvings,
    initial_bias,
    initialise,
    normalise,
    parts_of,
)


class TowerConvolution(nn.Module):
    """A convolution of its own for each of K towers.

    Args:
        towers: K.
        inputs: channels that come into each tower.
        outputs: channels that leave it.
        size: 4 (stride 2) or 3 (stride 1).
        bias: whether each has a bias.
        initialisation: "dcgan" or "default".
    """

    def __init__(self, towers: int, inputs: int, outputs: int, size: int, bias: bool, initialisation: Initialisation):
        super().__init__()
        self.stride = 2 if size == 4 else 1
        self.weight = nn.Parameter(torch.empty(towers, outputs, inputs, size, size))
        initialise(self.weight, initialisation, inputs * size * size)
        self.bias = initial_bias((towers, outputs), initialisation, inputs * size * size) if bias else None

    def parts(self, count: int) -> list[Layer]:
        """What is done to each part, (B, channels, h, w): each tower alone, or all in one, if one is asked for."""
        towers = len(self.weight)
        weights = self.weight.flatten(0, 1).chunk(count)
        biases = [None] * count if self.bias is None else self.bias.flatten().chunk(count)
        return [
            partial(F.conv2d, weight=weight, bias=bias, stride=self.stride, padding=1, groups=towers // count)
            for weight, bias in zip(weights, biases, strict=True)
        ]


class CriticTowers(nn.Module):
    """K DCGAN critics, each with weights of its own, each judging its own image.

    Args:
        towers: K.
        channels: of one image.
        height: of one image, pixels.
        width_pixels: of one image, pixels.
        width: channels after the first convolution; each later one has twice as many.
        layers: extra 3 x 3 convolutions after the first one.
        normalisation: after each convolution but the first.
        bias: whether the convolutions and the score have biases.
        initialisation: "dcgan" or "default".
        fused: all towers as one grouped convolution; None: on a GPU, and on a CPU where they are narrow.
    """

    def __init__(
        self,
        towers: int,
        channels: int,
        height: int,
        width_pixels: int,
        *,
        width: int,
        layers: int,
        normalisation: Normalisation,
        bias: bool,
        initialisation: Initialisation,
        fused: bool | None,
    ):
        super().__init__()
        count, start_height, start_width = halvings(height, width_pixels)
        self.towers, self.narrow, self.fused = towers, width < NARROW, fused
        self.memory_format = torch.channels_last
        steps = [(channels, width, 4)] + [(width, width, 3)] * layers
        steps += [(width * 2**power, width * 2 ** (power + 1), 4) for power in range(count - 1)]
        self.outputs = [outputs for _, outputs, _ in steps]
        self.layers = nn.ModuleList(TowerConvolution(towers, *step, bias, initialisation) for step in steps)
        self.norms = nn.ModuleList(
            normalise(normalisation, towers * outputs, towers, initialisation) for _, outputs, _ in steps[1:]
        )
        inputs = steps[-1][1] * start_height * start_width
        self.last = nn.Parameter(torch.empty(towers, inputs))
        initialise(self.last, initialisation, inputs)
        self.last_bias = initial_bias((towers,), initialisation, inputs) if bias else None

    def features(self, images: Tensor) -> Tensor:
        """(B, K, channels, H, W) to (B, K, F)."""
        parts = self.parts(images)
        count = len(parts)
        sizes = [[outputs * self.towers // count] * count for outputs in self.outputs]
        convolutions: list[Any] = list(self.layers)
        layers = [convolution.parts(count) for convolution in convolutions]
        norms = [parts_of(norm, size) for norm, size in zip([nn.Identity(), *self.norms], sizes, strict=True)]
        found = []
        for number, features in enumerate(parts):  # what a layer leaves is still in the processor's cache for the next
            for convolve, normalised in zip(layers, norms, strict=True):
                features = F.leaky_relu(normalised[number](convolve[number](features)), 0.2, inplace=True)
            found.append(features.flatten(1))
        return torch.cat(found, 1).unflatten(1, (self.towers, -1))

    def parts(self, images: Tensor) -> list[Tensor]:
        """(B, K, channels, H, W) to (B, channels, H, W) of each tower, or, fused, to one (B, K channels, H, W)."""
        kind = images.device.type
        if grouped(self.fused, self.narrow, images.device):
            together = images.flatten(1, 2)
            return [together.contiguous(memory_format=self.memory_format) if kind == "cpu" else together]
        if kind in ("cpu", "cuda") and self.memory_format is torch.channels_last:
            pixels = images.permute(1, 0, 3, 4, 2).contiguous()  # (K, B, H, W, channels)
            return [tower.permute(0, 3, 1, 2) for tower in pixels.unbind()]
        return list(images.unbind(1))

    def head(self, features: Tensor) -> Tensor:
        """(B, K, F) to scores (B, K)."""
        scores = (features * self.last).sum(-1)
        return scores if self.last_bias is None else scores + self.last_bias


class TowersCritic(nn.Module):
    """What the critics of `CriticTowers` share: their options. They say how many towers judge what.

    Args:
        shape: K, channels, H and W: see `image_shape`.
        fused: computes the towers as one grouped convolution, not one after another: the same mathematics. None: on a
            GPU, and on a CPU where they are narrower than 12.
        width: channels after the first convolution (4 x 4, stride 2); each later one has twice as many.
        layers: extra 3 x 3 convolutions after the first one.
        normalisation: after each convolution but the first; "layer" is over all channels of a tower, "instance" over
            each channel of a sample. Gradient penalties do not go with "batch".
        bias: gives the convolutions and the score biases (the paper has none); learns much faster with them.
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        fused: bool | None,
        *,
        width: Annotated[int, Ge(1)] = 64,
        layers: Annotated[int, Ge(0)] = 0,
        normalisation: Normalisation = "none",
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
    ):
        super().__init__()
        self.net = CriticTowers(
            *shape,
            width=width,
            layers=layers,
            normalisation=normalisation,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )
