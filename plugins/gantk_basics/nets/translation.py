"""What nets share that make a picture from another of the same height and width, of any size once they are built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn, stack

from gantk.errors import DoesNotFit
from gantk.interfaces import into_range
from gantk.spec import DataSpec

Span = Callable[[int, int], tuple[int, int]]


def is_two_domains(spec: DataSpec) -> bool:
    """Whether a sample is a picture of each of two domains, as units, and is its own condition: data without pairs."""
    return spec.units == (2,) and len(spec.own_shape) == 3 and spec.condition_shape == spec.shape


def picture_channels(spec: DataSpec, component: str, size_step: int) -> tuple[int, int]:
    """How many channels a translator is given, and how many it makes.

    Args:
        spec: what one sample is.
        component: named in messages.
        size_step: what both sides must be multiples of.

    Raises:
        DoesNotFit: data that are no pictures made from pictures of the same height and width, or of other sizes.
    """
    given, made = spec.condition_shape, spec.own_shape
    paired = not spec.unit_axes and len(made) == 3 and given is not None and len(given) == 3 and given[1:] == made[1:]
    if spec.categorical or not (paired or is_two_domains(spec)):
        raise DoesNotFit(
            f"{component} makes a picture (channel, y, x) from another of the same height and width, or pictures of "
            f"two domains from each other, but samples are {spec.shape} and their condition is {given}; cells/paired "
            "and cells/unpaired make such data"
        )
    if made[1] % size_step or made[2] % size_step:
        raise DoesNotFit(
            f"{component} needs sides that are multiples of {size_step}, not {made[1]} x {made[2]}: choose another "
            "size of tiles in the data, or halve less often"
        )
    assert given is not None
    return given[-3], made[0]


class Translator(nn.Module):
    """A generator of pictures from pictures. Of two domains it has a net to each: (x, y) becomes (F(y), G(x)).

    It is fully convolutional: once built, it takes conditions of any sides that are multiples of `size_step`.

    Args:
        spec: what one sample is.
        net: builds a net; its `forward(pictures, noise)` gives raw numbers.
        size_step: what both sides must be multiples of.
        receptive_field: see `gantk.interfaces.OPTIONAL_MEMBERS`.
    """

    latent_shape = None

    def __init__(self, spec: DataSpec, net: Callable[[], nn.Module], *, size_step: int, receptive_field: int | None):
        super().__init__()
        self.spec = spec
        self.size_step = size_step
        self.receptive_field = receptive_field
        self.ways = nn.ModuleList(net() for _ in range(spec.unit_count))

    def translate(self, pictures: Tensor, way: int = 0, noise: int | None = None) -> Tensor:
        """Pictures (B, C, H, W) of one domain to those (B, C', H, W) of the other.

        Args:
            pictures: as the data have them.
            way: which net: of two domains 0 leads to the first, 1 to the second.
            noise: which draw of the noise, where the net has some; None: without.
        """
        return into_range(self.ways[way](pictures, noise), self.spec)

    def both_ways(self, condition: Tensor, noise: int | None = None) -> Tensor:
        """Conditions (B, *spec.condition_shape), of any height and width, to samples."""
        if not self.spec.unit_axes:
            return self.translate(condition, 0, noise)
        x, y = condition.unbind(1)
        return stack([self.translate(y, 0, noise), self.translate(x, 1, noise)], 1)


def receptive_field(size_step: int, span: Span) -> int:
    """The side of the square round a pixel outside of which nothing matters to it: an odd number.

    Args:
        size_step: after how many pixels the pattern repeats.
        span: gives for pixels from `low` to `high` along an axis the first and last pixel that matter to them.
    """
    farthest = 0
    for pixel in range(size_step):
        low, high = span(pixel, pixel)
        farthest = max(farthest, pixel - low, high - pixel)
    return 2 * farthest + 1


Normalisation = Literal["batch", "instance", "none"]


def normalised(kind: Normalisation, channels: int) -> list[nn.Module]:
    """The normalisation layer of this kind, if any."""
    layers: dict[str, Callable[[], list[nn.Module]]] = {
        "batch": lambda: [nn.BatchNorm2d(channels)],
        "instance": lambda: [nn.InstanceNorm2d(channels)],
        "none": list,
    }
    return layers[kind]()


def start(module: nn.Module, **_: Any) -> None:
    """Weights from N(0, 0.02), scales from N(1, 0.02), biases 0 (Isola et al. 2017, section 6.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    bias = getattr(module, "bias", None)
    if isinstance(bias, nn.Parameter):
        nn.init.zeros_(bias)
