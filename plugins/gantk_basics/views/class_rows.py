"""The view of images that have classes: a row for each, with its name."""

from math import ceil
from typing import Annotated

from annotated_types import Ge
from PIL import Image, ImageDraw

from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_basics.views.images import GAP, MARGIN, TEXT, Images, font


class ClassRows(Images):
    """A row of images for each class, with its name; samples without labels in a grid, as basics/images draws them.

    Args:
        spec: what one sample is: channel, y and x behind the units.
        columns: images of a class, at most.
        tile: images smaller than this many pixels high are enlarged by a whole factor until they reach it.
    """

    def __init__(self, spec: DataSpec, *, columns: Annotated[int, Ge(1)] = 10, tile: Annotated[int, Ge(1)] = 48):
        super().__init__(spec, columns=columns, tile=tile)
        self.most_of_a_class = columns

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """Rows of the samples, and on their right those of the real ones.

        Args:
            samples: (N, *spec.shape), N of 1 or more.
            real: drawn in rows of their own.
            caption: printed above.
        """
        if samples.labels is None or not self.spec.classes:
            return super().draw(samples, real=real, caption=caption)
        shown = [(str(samples.attributes.get("origin", "samples")), self._rows(samples))]
        if real is not None and real.labels is not None:
            shown.append((self.spec.origin, self._rows(real)))
        elif real is not None:
            shown.append((self.spec.origin, self._grid(real)))
        return self._titled(shown, caption)

    def _rows(self, samples: Samples) -> Image.Image:
        """Rows of the classes that there are samples of."""
        assert samples.labels is not None
        labels, letters = samples.labels.cpu(), font()
        limits = self._limits(samples)
        rows = []
        for label, name in enumerate(self.spec.classes):
            chosen = (labels == label).nonzero().flatten()[: self.most_of_a_class]
            if len(chosen):
                rows.append((name, self._grid(samples[chosen], limits, len(chosen))))
        left = max(ceil(letters.getlength(name)) for name, _ in rows) + MARGIN
        page = Image.new(
            "RGB", (left + max(row.width for _, row in rows), sum(row.height + GAP for _, row in rows)), "white"
        )
        pen, top = ImageDraw.Draw(page), 0
        for name, row in rows:
            pen.text((0, top + (row.height - TEXT) // 2), name, "black", letters)
            page.paste(row, (left, top))
            top += row.height + GAP
        return page
