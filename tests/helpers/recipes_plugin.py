"""A small plugin without torch nets, and a registry of it: what the tests of recipes work with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval, MaxLen, MinLen

from gantk.components.annotations import Kind
from gantk.components.registry import Registry
from gantk.interfaces import Callback, Loss, Metric
from gantk.plugin import Component, hookimpl

if TYPE_CHECKING:
    from nowhere import Spec  # only a type checker would see it


class Part:
    """Remembers what it was built with."""

    def __init__(self, **given: Any):
        self.given = given


class Points(Part):
    """Points in a plane.

    They are drawn anew for each split.

    Args:
        split: which part of the data.
        root: where they lie.
        names: what they are called,
            over two lines.
        flip: whether they are flipped.
    """

    def __init__(
        self,
        split: str,
        *,
        root: Path = Path("data"),
        names: tuple[str, ...] = ("a", "b"),
        flip: bool = False,
        scale: float = 1,
        limits: Annotated[list[float], MinLen(1), MaxLen(3)] | None = None,
        widths: dict[str, Annotated[int, Ge(1)]] = {},  # noqa: B006  # never changed
        anything: Any = None,
    ):
        super().__init__(split=split, root=root, names=names, flip=flip, scale=scale, limits=limits, widths=widths)
        if names == ("forbidden",):
            raise ValueError("these names are forbidden")


class Files(Part):
    """Needs a folder.

    Args:
        root: the folder.
    """

    def __init__(self, split: str, *, root: Path, layout: Literal["pairs", "per_class"] = "pairs"):
        super().__init__(split=split, root=root, layout=layout)


class Net(Part):
    """A net.

    Args:
        spec: what one sample is.
        width: how wide it is.
        upsampling: how it grows.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, Ge(1)] = 64,
        upsampling: Literal["nearest", "transposed"] = "nearest",
        share: Annotated[float, Interval(gt=0, lt=1)] = 0.5,
        layers: int | list[int] = 3,
    ):
        super().__init__(spec=spec, width=width, upsampling=upsampling, share=share, layers=layers)


class Simple(Loss):
    """A loss with defaults for `play`.

    Args:
        penalty: weight of the penalty.
    """

    def __init__(self, *, penalty: Annotated[float, Ge(0)] = 10.0):
        super().__init__()
        self.penalty = penalty

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        optimizer = {"use": "toy/adam", "lr": 1e-4 if parameters["penalty"] else 5e-5}
        return {"critic_steps": 5, "generator_optimizer": optimizer, "critic_optimizer": optimizer}


class Bare(Loss):
    """A loss that says nothing about `play`, and has no parameters."""


class Around(Loss):
    """Wraps a loss.

    Args:
        loss: what is wrapped.
        more: other losses.
        meter: a metric, or none.
    """

    def __init__(self, *, loss: Loss, more: list[Loss] = (), meter: Metric | None = None, kernels: int = 3):  # type: ignore[assignment]
        super().__init__()
        self.loss, self.more, self.meter, self.kernels = loss, more, meter, kernels


def adam(parameters: Any, *, lr: Annotated[float, Gt(0)] = 1e-3, betas: tuple[float, float] = (0.9, 0.999)) -> Part:
    """Adam.

    Args:
        parameters: what is trained.
        lr: learning rate.
        betas: decay rates.
    """
    return Part(parameters=parameters, lr=lr, betas=betas)


@dataclass(frozen=True, kw_only=True)
class Count(Metric):
    """Counts.

    Args:
        samples: how many are counted.
    """

    samples: Annotated[int, Ge(1)] = 1000
    motif: str | None = None


@dataclass(frozen=True, kw_only=True)
class Told(Callback):
    """Is told of the run."""

    text: str = "no"


def chooser(*, objective: Annotated[Any, Kind("objective")] | None = None) -> None:
    """Takes a component by mark, where no interface says so."""


def broken(*, when: Never = 3) -> None:  # type: ignore[name-defined]  # noqa: F821  # what no recipe can give
    """Has an annotation that cannot be evaluated."""


def explodes() -> None:
    """Never imported: its target does not exist."""


@hookimpl
def gantk_components() -> Iterator[Component]:
    here = "tests.helpers.recipes_plugin"
    yield Component("dataset", "points", f"{here}:Points", "points in a plane")
    yield Component("dataset", "files", f"{here}:Files", "files in a folder")
    yield Component("generator", "net", f"{here}:Net", "a generator")
    yield Component("critic", "net", f"{here}:Net", "a critic")
    yield Component("critic", "broken", f"{here}:broken", "a critic with a bad signature")
    yield Component("critic", "absent", f"{here}:Absent", "a critic that is not there")
    yield Component("loss", "simple", f"{here}:Simple", "a loss")
    yield Component("loss", "bare", f"{here}:Bare", "a loss without defaults")
    yield Component("loss", "around", f"{here}:Around", "a loss around a loss")
    yield Component("optimizer", "adam", f"{here}:adam", "an optimizer")
    yield Component("metric", "count", f"{here}:Count", "a metric")
    yield Component("metric", "span", f"{here}:Count", "another metric")
    yield Component("callback", "told", f"{here}:Told", "a callback")


def entry_point(name: str, value: str = "tests.helpers.recipes_plugin") -> EntryPoint:
    """An entry point of a plugin, as an installed distribution would give it."""
    return EntryPoint(name, value, "gantk")


def registry() -> Registry:
    """A registry with the plugin above, under the two names "toy" and "other"."""
    return Registry([entry_point("toy"), entry_point("other")])


RECIPE = """\
about: a test
data: {use: toy/points, root: data/points, names: [x, y]}
generator: {use: toy/net, width: 32}
critic: {use: toy/net}
loss: {use: toy/simple, penalty: 5}
play: {critic_steps: 2}
train: {steps: 100, batch: 16}
evaluate:
  - {use: toy/count, every: 10}
  - {use: toy/span, samples: 10, require: {">=": 0.9}}
"""
