"""What the cell nets share: sizes from the DataSpec, initialisation, normalisation.

A tower is one plain DCGAN net. Towers that run side by side keep their weights in one parameter with a leading tower
axis, so that they can be computed together (`fused`: one grouped convolution, few launches) or one after another.
Both are the same mathematics.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from gantk_basics import image_sizes
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec

Initialisation = Literal["dcgan", "default"]
Normalisation = Literal["batch", "layer", "instance", "none"]
Layer = Callable[[Tensor], Tensor]

NARROW = 12  # measured: towers narrower than this gain from grouped convolutions on a CPU too, wider ones lose


def halvings(height: int, width: int) -> tuple[int, int, int]:
    """How often a frame is halved until one side is 4 or less, and the size that is left: 48 x 80 gives 4, 3, 5.

    Args:
        height: of the frame, pixels.
        width: of the frame, pixels.

    Raises:
        DoesNotFit: a side becomes odd before that, or there is nothing to halve.
    """
    h, w, count = height, width, 0
    while h > 4 and w > 4:
        if h % 2 or w % 2:
            raise DoesNotFit(
                f"images of {height} x {width} cannot be halved down to a side of 4 or less (stuck at {h} x {w}). "
                f"Bring images of your own to a size that can:\n{image_sizes.advice(height, width)}"
            )
        h, w, count = h // 2, w // 2, count + 1
    if count == 0:
        raise DoesNotFit(f"images of {height} x {width} are too small for these nets: both sides must exceed 4")
    return count, h, w


def image_shape(spec: DataSpec, units: Literal[0, 1], net: str) -> tuple[int, int, int, int]:
    """(K, channels, H, W) of a sample: K = 1 where there are no units.

    Args:
        spec: what one sample is.
        units: how many unit axes the net wants.
        net: its name in the error.

    Raises:
        DoesNotFit: samples of another form.
    """
    if spec.unit_axes != units or len(spec.own_shape) != 3:
        wanted = ("single images (channel, y, x): `layout: pairs`", "one image per class: `layout: per_class`")[units]
        raise DoesNotFit(
            f"{net} needs {wanted}; these samples are {' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)})"
        )
    channels, height, width = spec.own_shape
    return spec.unit_count, channels, height, width


def initialise(weight: Tensor, initialisation: Initialisation, fan_in: int) -> None:
    """Fill a weight in place.

    Args:
        weight: any shape.
        initialisation: "dcgan": N(0, .02) (Radford et al. 2016); "default": U(-b, b), b = 1 / sqrt(fan_in), as
            PyTorch's convolutions start.
        fan_in: how many inputs one output sees.
    """
    if initialisation == "dcgan":
        nn.init.normal_(weight, 0.0, 0.02)
    else:
        nn.init.uniform_(weight, -(fan_in**-0.5), fan_in**-0.5)


def initial_bias(shape: tuple[int, ...], initialisation: Initialisation, fan_in: int) -> nn.Parameter:
    """A bias: 0 ("dcgan") or as PyTorch starts it ("default").

    Args:
        shape: of the bias.
        initialisation: "dcgan" or "default".
        fan_in: how many inputs one output sees.
    """
    bias = nn.Parameter(torch.zeros(shape))
    if initialisation == "default":
        nn.init.uniform_(bias, -(fan_in**-0.5), fan_in**-0.5)
    return bias


def normalise(kind: Normalisation, channels: int, towers: int, initialisation: Initialisation) -> nn.Module:
    """Normalisation of `towers` towers side by side, each on its own.

    Args:
        kind: over the batch, over all channels of a tower ("layer"), over each channel of a sample ("instance").
        channels: of all towers together.
        towers: K, for "layer".
        initialisation: "dcgan" draws the scales from N(1, .02).
    """
    if kind == "none":
        return nn.Identity()
    norm: nn.Module
    if kind == "batch":
        norm = nn.BatchNorm2d(channels)
    else:
        norm = nn.GroupNorm(towers if kind == "layer" else channels, channels)
    if initialisation == "dcgan":
        nn.init.normal_(norm.weight, 1.0, 0.02)
    return norm


def grouped(fused: bool | None, narrow: bool, device: torch.device) -> bool:
    """Whether towers are computed together, by grouped convolutions.

    Args:
        fused: as the recipe says; None: on everything but a CPU, and there where they are narrow.
        narrow: whether they have fewer than NARROW channels.
        device: where they are computed.
    """
    return (device.type != "cpu" or narrow) if fused is None else fused


def parts_of(norm: nn.Module, sizes: list[int]) -> list[Layer]:
    """What a normalisation does to the features of each tower, for towers that are computed one after another.

    In training it is taken for granted that each part is called once: all of them are one batch of the statistics.

    Args:
        norm: made by `normalise`, for as many channels as the parts have together.
        sizes: channels of each part.
    """
    if isinstance(norm, nn.Identity) or len(sizes) == 1:
        return [norm] * len(sizes)

    def split(tensor: Tensor) -> list[Tensor]:
        return list(tensor.split(sizes))

    scales, shifts = split(norm.get_parameter("weight")), split(norm.get_parameter("bias"))
    if isinstance(norm, nn.GroupNorm):
        each = norm.num_channels // norm.num_groups
        return [
            partial(F.group_norm, num_groups=size // each, weight=scale, bias=shift, eps=norm.eps)
            for size, scale, shift in zip(sizes, scales, shifts, strict=True)
        ]
    assert isinstance(norm, nn.BatchNorm2d)
    means, variances = split(norm.get_buffer("running_mean")), split(norm.get_buffer("running_var"))
    if norm.training:
        norm.get_buffer("num_batches_tracked").add_(1)
    return [
        partial(
            F.batch_norm,
            running_mean=mean,
            running_var=variance,
            weight=scale,
            bias=shift,
            training=norm.training,
            eps=norm.eps,
        )
        for mean, variance, scale, shift in zip(means, variances, scales, shifts, strict=True)
    ]


def red_and_green_parts(size: int, red_portion: float) -> tuple[int, int]:
    """How a latent or features of `size` numbers or channels divide into a red and a green part.

    Args:
        size: how many there are.
        red_portion: share of the red part, between 0 and 1; rounded down.

    Raises:
        DoesNotFit: nothing is left for one of them.
    """
    red = int(size * red_portion)
    if not 0 < red < size:
        raise DoesNotFit(f"red_portion {red_portion} of {size} channels leaves {red} red: raise width or latent")
    return red, size - red


def red_and_green_latent(sizes: tuple[int, int]) -> dict[str, slice]:
    """Which part of a latent is red and which green, for commands that hold one of them fixed.

    Args:
        sizes: of the two parts; red comes first.
    """
    return {"red": slice(0, sizes[0]), "green": slice(sizes[0], sum(sizes))}
