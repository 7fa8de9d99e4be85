"""The view: 0/1 strings as rows of dark and light cells, every occurrence of the motif in colour."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge
from PIL import Image, ImageDraw, ImageFont

from gantk.interfaces import Panel, Samples, View
from gantk.spec import DataSpec
from gantk_motif.motifs import Motif, as_bits, covered, motif_of, occurrences, to_bits
from gantk_motif.views.panels import panels

PAPER = (255, 255, 255)
INK = (40, 40, 40)
PLAIN = np.array([(243, 243, 241), (178, 182, 188)], np.float32)  # a 0 and a 1
MARKED = np.array([(255, 206, 130), (204, 78, 20)], np.float32)  # a 0 and a 1 within the motif
MARGIN = 10  # pixels


class StringsView(View):
    """Rows of cells, one string each: light is 0, dark is 1, between them what is undecided; motifs in orange.

    Args:
        spec: what one sample is: (1, L).
        rows: how many strings to draw at most.
        cell: width of one letter in pixels.
        motif: the pattern to highlight, written as 0s and 1s; null: the one that the data name.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        rows: Annotated[int, Ge(1)] = 32,
        cell: Annotated[int, Ge(1)] = 7,
        motif: Motif | None = None,
    ):
        self.spec = spec
        self.rows = rows
        self.cell = cell
        self.motif = motif_of(spec, motif)

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture: the caption, the strings, and below them the real ones where given."""
        blocks = [self._block(samples, caption)]
        if real is not None:
            blocks.append(self._block(real, f"for comparison: {real.attributes.get('origin', 'real')} strings"))
        width = max(block.width for block in blocks)
        picture = Image.new("RGB", (width, sum(block.height for block in blocks)), PAPER)
        top = 0
        for block in blocks:
            picture.paste(block, (0, top))
            top += block.height
        return picture

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """What a report shows of many strings beside held-out ones."""
        return panels(samples, real, self.motif)

    def _block(self, samples: Samples, caption: str) -> Image.Image:
        """Caption, count, and one row of cells a string."""
        shown = samples[slice(0, self.rows)]
        bits = to_bits(shown.samples, self.spec)  # (R, L)
        found = occurrences(bits, as_bits(self.motif))
        low, high = self.spec.range or (0.0, 1.0)
        level = ((shown.samples[:, 0].cpu().float() - low) / (high - low)).clamp(0, 1).numpy()[..., None]  # (R, L, 1)
        plain = PLAIN[0] + level * (PLAIN[1] - PLAIN[0])  # (R, L, 3)
        marked = MARKED[0] + level * (MARKED[1] - MARKED[0])
        colours = np.where(covered(found, len(self.motif)).numpy()[..., None], marked, plain).astype(np.uint8)

        high_cell, gap = 2 * self.cell - 2, 2
        cells = colours.repeat(self.cell, axis=1).repeat(high_cell + gap, axis=0)
        cells[np.arange(len(cells)) % (high_cell + gap) >= high_cell] = PAPER
        count = f"{int(found.any(1).sum())} of {len(bits)} strings shown contain {self.motif}"
        lines = [line for line in (caption, count) if line]
        font = ImageFont.load_default(size=13)
        top = MARGIN + 18 * len(lines)
        block = Image.new("RGB", (cells.shape[1] + 2 * MARGIN, top + len(cells) + MARGIN), PAPER)
        pen = ImageDraw.Draw(block)
        for number, line in enumerate(lines):
            pen.text((MARGIN, MARGIN - 4 + 18 * number), line, fill=INK, font=font)
        block.paste(Image.fromarray(cells), (MARGIN, top))
        return block
