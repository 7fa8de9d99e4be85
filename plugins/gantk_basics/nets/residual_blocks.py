"""The blocks of residual nets: SN-GAN's and R3GAN's, and how they change the size of what they see."""

from math import gcd, sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gantk_basics.nets.dcgan import normalise
from gantk_basics.nets.labels import through

Size = tuple[int, int]
SLOPE = 0.2  # of R3GAN's leaky ReLU below 0
GAIN = sqrt(2 / (1 + SLOPE**2))  # that keeps the variance behind it (He et al. 2015)


def smooth(images: Tensor) -> Tensor:
    """[1, 2, 1] / 4 along both axes, edges repeated: (B, C, H, W) to the same."""
    wide = F.pad(images, (1, 1, 1, 1), mode="replicate")
    rows = (wide[:, :, :-2] + 2 * wide[:, :, 1:-1] + wide[:, :, 2:]) / 4
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 4


def enlarge(images: Tensor, size: Size, smoothly: bool) -> Tensor:
    """Images of another size: each pixel repeated, then perhaps `smooth`, which together is bilinear interpolation.

    Args:
        images: (B, C, h, w).
        size: (H, W), about twice as large.
        smoothly: by [1, 2, 1].
    """
    if images.shape[-2:] == size:
        return images
    large = F.interpolate(images, size=size, mode="nearest")
    return smooth(large) if smoothly else large


def shrink(images: Tensor, size: Size, smoothly: bool) -> Tensor:
    """Images of another size: perhaps `smooth`, then the mean of each 2 x 2 (or 3) pixels.

    Args:
        images: (B, C, H, W).
        size: (h, w), about half as large.
        smoothly: by [1, 2, 1].
    """
    if images.shape[-2:] == size:
        return images
    return F.adaptive_avg_pool2d(smooth(images) if smoothly else images, size)


def convolution(inputs: int, outputs: int, side: int, gain: float, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps the size, with weights from N(0, gain² / inputs of one output).

    Args:
        inputs: channels.
        outputs: channels.
        side: of the kernel, odd.
        gain: 0 starts it at zero.
        groups: of channels, each on its own.
        bias: whether it has one, at first 0.
    """
    layer = nn.Conv2d(inputs, outputs, side, padding=side // 2, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, 0.0, gain / sqrt(inputs // groups * side * side))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class R3ganBlock(nn.Module):
    """x + C₃ a(C₂ a(C₁ x)): 1 x 1 to twice the channels, 3 x 3 in groups, 1 x 1 back, leaky ReLU, no normalisation.

    C₃ starts at zero, and C₁ and C₂ by L^(-1/4) smaller than He et al. 2015 have them, L being all blocks of the net
    (Fix-up: Zhang et al. 2019). Huang et al. 2024, section 3.3.

    Args:
        channels: in and out.
        group: channels that one kernel of the 3 x 3 sees.
        blocks: of the whole net.
    """

    def __init__(self, channels: int, group: int, blocks: int):
        super().__init__()
        wide, gain = 2 * channels, GAIN * blocks**-0.25
        self.first = convolution(channels, wide, 1, gain)
        self.first_bias = nn.Parameter(torch.zeros(wide))
        self.middle = convolution(wide, wide, 3, gain, groups=wide // gcd(wide, group))
        self.middle_bias = nn.Parameter(torch.zeros(wide))
        self.last = convolution(wide, channels, 1, 0.0)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, C, H, W) to the same."""
        hidden = F.leaky_relu(self.first(values) + self.first_bias[:, None, None], SLOPE)
        hidden = F.leaky_relu(self.middle(hidden) + self.middle_bias[:, None, None], SLOPE)
        return values + self.last(hidden)


class SnganBlock(nn.Module):
    """S x + C₂ a(C₁ a(x)) with 3 x 3 convolutions and ReLU; S is a 1 x 1 convolution where size or channels change.

    In a generator each ReLU follows a normalisation, perhaps with a scale and shift for each class; enlarging stands
    before C₁, shrinking behind C₂. The first block of a critic starts with C₁. Miyato et al. 2018, figure 8.

    Args:
        inputs: channels.
        outputs: channels.
        size: of what it gives; None: as it comes.
        up: whether that is larger.
        normalised: whether batch normalisation stands before each ReLU.
        classes: that have a scale and shift of their own; 0: none.
        raw: whether it sees the samples themselves, and so starts without a ReLU.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: Size | None,
        *,
        up: bool = False,
        normalised: bool = False,
        classes: int = 0,
        raw: bool = False,
    ):
        super().__init__()
        kind: Literal["batch", "none"] = "batch" if normalised else "none"
        hidden = outputs if up or raw else inputs
        self.size, self.up, self.raw = size, up, raw
        self.before = nn.Sequential(*([] if raw else [*normalise(kind, inputs, classes), nn.ReLU()]))
        self.first = convolution(inputs, hidden, 3, sqrt(2), bias=True)
        self.between = nn.Sequential(*normalise(kind, hidden, classes), nn.ReLU())
        self.second = convolution(hidden, outputs, 3, sqrt(2), bias=True)
        same = inputs == outputs and size is None
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, 1, 1.0, bias=True)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W')."""
        hidden, beside = through(self.before, values, labels), values
        if self.up and self.size is not None:
            hidden, beside = (enlarge(each, self.size, False) for each in (hidden, beside))
        hidden = self.second(through(self.between, self.first(hidden), labels))
        beside = self.shortcut(beside)
        if not self.up and self.size is not None:
            hidden, beside = (shrink(each, self.size, False) for each in (hidden, beside))
        return hidden + beside


class Resampling(nn.Module):
    """R3GAN's change of size and channels: bilinear, and a 1 x 1 convolution where there is more or less channels.

    Args:
        inputs: channels.
        outputs: channels.
        size: of what it gives.
        up: whether that is larger.
    """

    def __init__(self, inputs: int, outputs: int, size: Size, *, up: bool):
        super().__init__()
        self.size, self.up = size, up
        self.mixed = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1, 1.0)

    def forward(self, values: Tensor, labels: Tensor | None = None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H', W')."""
        if self.up:
            return enlarge(self.mixed(values), self.size, True)
        return self.mixed(shrink(values, self.size, True))
