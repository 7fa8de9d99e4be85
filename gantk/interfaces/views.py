"""View and Format: samples as pictures, and as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces.dataset import Samples
from gantk.plugin import interface

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image
    from rich.text import Text


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


@dataclass(frozen=True)
class Nearest:
    """Of some samples, the real ones that are nearest to them.

    Args:
        samples: N real ones, each in the version that is nearest; where units are apart, each unit on its own, so that
            units of one sample come from several.
        distances: (N, U) of each unit; U is 1 where samples are compared as a whole.
        searched: among how many.
    """

    samples: Samples
    distances: Tensor
    searched: int

    def texts(self, row: int) -> list[str]:
        """The distances of a sample, of each unit, as text."""
        return [f"{distance:.3g}" for distance in self.distances[row].tolist()]


@interface("view")
class View:
    """Samples to pictures: built as `Component(spec, *, …)`. Override `draw`, and what else you need."""

    wanted: int = 0
    """How many samples a picture sums up, where it sums up many; such a view takes a parameter `rows`: how many of
    them to draw one by one."""

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture of all samples.

        Args:
            samples: what to draw.
            real: real samples, to be drawn beside or behind them.
            caption: printed in the picture.
        """
        raise NotImplementedError

    def pictures(self, samples: Samples, caption: str = "") -> dict[str, Image.Image]:
        """More pictures, one per protein, say, by a name fit for a file."""
        return {}

    def tiles(self, samples: Samples) -> list[Image.Image]:
        """Each sample as a picture of its own, without titles and of one contrast, for grids that have titles; by
        default what `draw` makes of it.

        Args:
            samples: one or more.
        """
        return [self.draw(samples[at : at + 1]) for at in range(len(samples))]

    def blocks(self, blocks: Mapping[str, Mapping[str, Samples]], caption: str = "") -> Image.Image:
        """Named blocks of named rows of samples in one picture; by default what `draw` makes of each row.

        Args:
            blocks: name of the block to name of the row to its samples.
            caption: printed above.
        """
        from PIL import Image

        rows = [
            self.draw(row, caption=f"{caption}, {block}: {title}")
            for block, rows in blocks.items()
            for title, row in rows.items()
        ]
        page = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
        for number, row in enumerate(rows):
            page.paste(row, (0, sum(each.height for each in rows[:number])))
        return page

    def facts(self, samples: Samples) -> dict[str, Tensor]:
        """Numbers that can be read off each sample, by name: what latents that reproduce them may be sorted by."""
        return {}

    class_word = "class"
    """What a class of these samples is called in tables and files."""

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """What a report shows of many generated samples beside as many held-out real ones, by a name fit for a file.

        Raises:
            DoesNotFit: no panel can be drawn of such samples; the message says why.
        """
        return {}

    distance = "Euclidean distance"
    """What `distances` are, in words for a caption."""

    def distances(self, samples: Tensor, others: Tensor) -> Tensor:
        """How far samples (N, …), or units that are apart, are from others (M, …), to find the nearest: (N, M)."""
        return torch.cdist(samples.flatten(1), others.flatten(1))

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """Each sample beside its nearest training and its nearest held-out sample, with the distances.

        Args:
            samples: N generated ones.
            training: of each the nearest training sample.
            held_out: of each the nearest held-out sample.

        Raises:
            DoesNotFit: such samples are not drawn so; the message says why.
        """
        raise DoesNotFit(
            f"the view of these samples ({type(self).__name__}) does not draw them beside their nearest ones; "
            "basics/memorisation gives the distances as numbers"
        )

    def text(self, samples: Samples) -> Text | None:
        """The samples as coloured text, for `--text` of `gantk view`; None: this view has none."""
        return None


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
