"""What looks at samples: Metric, View, Format, Objective, and the Callback that is told of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor, nn

from gantk.interfaces.dataset import Samples
from gantk.interfaces.loss import Dataset
from gantk.plugin import interface

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image


@dataclass(frozen=True)
class Value:
    """One number that a metric found, and how to read it.

    Args:
        value: the number.
        better: "higher", "lower", "near" (near `reference` is best), or None where there is no better.
        reference: what real data give for the same number, or what chance gives; None where there is none.
        note: a few words beside it in the table: "real test", "expected by chance".
    """

    value: float
    better: Literal["higher", "lower", "near"] | None = None
    reference: float | None = None
    note: str = ""


@interface("metric")
class Metric(Protocol):
    """Generated against real: built as `Component(*, …)`.

    `samples` is how many generated samples it wants. `compute` returns numbers by name, in the order to print them;
    `rng` (CPU) is its only source of randomness. `nets` holds "generator" and "critic" where there are any.
    A metric may define `summary(values) -> str`, one readable line printed above its numbers, and `costly = True` where
    it takes minutes, so that it is computed only where somebody names it.
    """

    samples: int

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]: ...


@dataclass(frozen=True)
class Panel:
    """One figure of a report.

    Args:
        title: what it shows, in a few words.
        caption: how to read it, in a sentence or two.
        figure: a matplotlib figure, which stays sharp at every size and takes the page's colours, or a picture.
    """

    title: str
    caption: str
    figure: Figure | Image.Image


@interface("view")
class View(Protocol):
    """Samples to pictures: built as `Component(spec, *, …)`.

    `draw` gives one picture of all `samples`; `real`, where given, may be drawn beside or behind them. `caption` is
    printed in the picture. A view may also define `pictures(samples, caption) -> dict[str, Image]`: more pictures by
    a name fit for a file (one per protein, say), `text(samples) -> rich.text.Text`, for `gantk view --text`, and
    `panels(samples, real) -> dict[str, Panel]`, by a name fit for a file: what a report shows of many generated
    samples beside as many held-out real ones.
    """

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image: ...


@interface("format")
class Format(Protocol):
    """File to samples and back, chosen by the file's ending; built as `Component(*, …)`."""

    endings: Sequence[str]

    def write(self, path: Path, samples: Samples) -> None:
        """Writes all samples with their names and attributes to `path` (its ending is one of `endings`)."""
        ...

    def read(self, path: Path) -> Samples:
        """Reads what `write` wrote. Raises FileError where it cannot."""
        ...


@interface("objective")
class Objective(Protocol):
    """What designed samples are to have much of: built as `Component(spec, *, …)` by a command that designs.

    `differentiable` says whether gradients flow to soft samples. A command may supply more by name: scored `data` to
    learn from, a `seed`.
    """

    differentiable: bool

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B,), high for much of it."""
        ...


@interface("callback")
class Callback:
    """Told what happens during a run; never changes it. Built as `Component(*, …)`. Override what you need."""

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Training begins or resumes in the run folder `folder`."""

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        """The terms of a step, and whatever else was measured then, are known.

        Metrics are called entry.value; those of the end, on the test split, test.entry.value.
        """

    def on_picture(self, step: int, name: str, picture: Image.Image) -> None:
        """A sample picture was drawn."""

    def on_end(self, folder: Path) -> None:
        """The run ended: it was judged, or training was interrupted or diverged."""
