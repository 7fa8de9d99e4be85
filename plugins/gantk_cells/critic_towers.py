"""Plain DCGAN critic towers side by side: the critic of Osokin et al. 2017, section 4, one for each unit."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gantk_cells.towers import (
    NARROW,
    Initialisation,
    Normalisation,
    halvings,
    initial_bias,
    initialise,
    normalise,
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

    def forward(self, parts: list[Tensor]) -> list[Tensor]:
        """(B, channels, h, w) of each tower, or one (B, K * channels, h, w) of all, to the same form."""
        towers = len(self.weight)
        fused = len(parts) < towers
        weights = [self.weight.flatten(0, 1)] if fused else self.weight.unbind()
        biases = [None] * towers if self.bias is None else [self.bias.flatten()] if fused else self.bias.unbind()
        groups = towers if fused else 1
        return [
            F.conv2d(part, weight, bias, self.stride, padding=1, groups=groups)
            for part, weight, bias in zip(parts, weights, biases, strict=False)
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
        fused = (images.device.type != "cpu" or self.narrow) if self.fused is None else self.fused
        parts = [images.flatten(1, 2)] if fused else list(images.unbind(1))
        if images.device.type == "cpu" or (images.device.type == "cuda" and not fused):
            parts = [part.contiguous(memory_format=self.memory_format) for part in parts]
        parts = [activated(part) for part in self.layers[0](parts)]
        for layer, norm in zip(self.layers[1:], self.norms, strict=True):
            parts = layer(parts)
            if isinstance(norm, nn.Identity):
                parts = [activated(part) for part in parts]
            else:
                parts = list(activated(norm(torch.cat(parts, 1))).chunk(len(parts), 1))
        return torch.cat(parts, 1).unflatten(1, (self.towers, -1)).flatten(2)

    def head(self, features: Tensor) -> Tensor:
        """(B, K, F) to scores (B, K)."""
        scores = (features * self.last).sum(-1)
        return scores if self.last_bias is None else scores + self.last_bias


def activated(features: Tensor) -> Tensor:
    """LeakyReLU(0.2), in place."""
    return F.leaky_relu(features, 0.2, inplace=True)
