"""What is translated: a picture of which rows are read when they are asked for, by which net, to which side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray
from torch import nn

from gantk.errors import DoesNotFit
from gantk.interfaces import declares, member
from gantk.messages import did_you_mean
from gantk.spec import DataSpec


class PictureRows(Protocol):
    """A picture of which rows are read when they are asked for; it need not fit into memory."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        ...

    def read(self, top: int, bottom: int) -> NDArray[Any]:
        """Rows from `top` to before `bottom`, (C, bottom - top, W), in the units of the file."""
        ...


@dataclass(frozen=True)
class InMemory:
    """A picture that is there already.

    Args:
        values: (C, H, W).
    """

    values: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.values.shape
        return channels, height, width

    def read(self, top: int, bottom: int) -> NDArray[Any]:
        """Rows from `top` to before `bottom`."""
        return self.values[:, top:bottom]


def size_step_of(generator: nn.Module, spec: DataSpec) -> int:
    """What sides must be multiples of. Raises DoesNotFit where this is no translator of pictures."""
    given, made = spec.condition_shape, spec.own_shape
    if not declares(generator, "condition") or given is None or len(given) < 3 or len(made) != 3:
        raise DoesNotFit("this model does not translate pictures: its generator takes none as a condition")
    if (spec.unit_axes and (spec.units != (2,) or given != spec.shape)) or given[-2:] != made[1:] or spec.categorical:
        raise DoesNotFit(f"this model makes {spec.shape} of {given}, not a picture of one of the same height and width")
    step: int | None = member(generator, "size_step")
    if step is None:
        raise DoesNotFit(
            f"this generator takes pictures of {made[1]} x {made[2]} pixels alone (it has no size_step); "
            "`gantk sample --condition` makes such samples"
        )
    return step


def sides_of(spec: DataSpec, to: str | None) -> tuple[int, tuple[str, str]]:
    """Which unit of a sample is wanted, and the names of both sides in the normalisation."""
    if not spec.unit_axes:
        if to is not None:
            raise DoesNotFit("this model translates in one direction: leave out `to`")
        return 0, ("condition", "target")
    domains = tuple(spec.names.get(spec.axes[0], ("0", "1")))
    if to is not None and to not in domains:
        hint = did_you_mean(to, domains)
        raise DoesNotFit(f"this model translates to {' and to '.join(domains)}, not to {to!r}{hint and '; '}{hint}")
    unit = 1 if to is None else domains.index(to)
    return unit, (domains[1 - unit], domains[unit])


def channels_of(known: Any) -> Sequence[Mapping[str, Any]]:
    """Name, lowest and highest value of each channel, as `attributes["normalisation"]` of a DataSpec has one side."""
    return [{"name": str(each["name"]), "low": float(each["low"]), "high": float(each["high"])} for each in known]


def is_normalised_by_itself(generator: nn.Module) -> bool:
    """Whether a layer takes mean and deviation from the picture itself."""
    kinds = nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm
    return any(isinstance(each, kinds) and each.running_mean is None for each in generator.modules())
