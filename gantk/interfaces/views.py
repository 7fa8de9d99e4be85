"""What looks at samples: Metric, View, Format, Objective, and the Callback that is told of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gantk.interfaces.dataset import Samples
from gantk.plugin import interface

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image


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
    samples beside as many held-out real ones. A view whose picture sums up many samples says by `wanted` how many it
    wants to be given, and takes a parameter `rows`: how many of them to draw one by one.
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
