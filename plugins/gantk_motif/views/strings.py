"""The view: 0/1 strings as rows of dark and light cells, every occurrence of the motif in colour."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.text import Text
from torch import Tensor

from gantk.interfaces import Nearest, Panel, Samples, View
from gantk.spec import DataSpec
from gantk_motif.motifs import Motif, as_bits, covered, motif_of, occurrences, to_bits
from gantk_motif.views.panels import panels

PAPER = (255, 255, 255)
INK = (40, 40, 40)
PLAIN = np.array([(243, 243, 241), (178, 182, 188)], np.float32)  # a 0 and a 1
MARKED = np.array([(255, 206, 130), (204, 78, 20)], np.float32)  # a 0 and a 1 within the motif
ORANGE = "rgb(204,78,20)"
DIFFERENT = (28, 108, 208)  # the bar under a letter that differs
BAR = 5  # pixels, with the white around it
LINE = 18
MARGIN = 10  # pixels


class StringsView(View):
    """Rows of cells, one string each: light is 0, dark is 1, between them what is undecided; motifs in orange.

    Args:
        spec: what one sample is: (1, L).
        rows: how many strings to draw at most.
        cell: width of one letter in pixels.
        motif: the pattern to highlight, written as 0s and 1s; null: the one that the data name.
    """

    distance = "the number of letters that differ"

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

    def distances(self, samples: Tensor, others: Tensor) -> Tensor:
        """Letters that differ, after Hamming."""
        one, other = (to_bits(each, self.spec).float() for each in (samples, others))
        return one @ (1 - other).T + (1 - one) @ other.T

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """Three rows each: a string, its nearest training and its nearest held-out string; blue under what differs."""
        strips = []
        for row in range(len(samples)):
            own = samples.samples[row : row + 1]
            strips += [_text(f"generated string {row + 1}"), self._marked(own, own)]
            for name, found in (("training", training), ("held-out", held_out)):
                of = self.spec.shape[1]
                strips.append(_text(f"nearest {name} string: {found.texts(row)[0]} of {of} letters differ"))
                strips.append(self._marked(found.samples.samples[row : row + 1], own))
            strips.append(Image.new("RGB", (1, MARGIN), PAPER))
        width = max(strip.width for strip in strips) + 2 * MARGIN
        page = Image.new("RGB", (width, sum(strip.height for strip in strips) + 2 * MARGIN), PAPER)
        top = MARGIN
        for strip in strips:
            page.paste(strip, (MARGIN, top))
            top += strip.height
        return page

    def _marked(self, string: Tensor, like: Tensor) -> Image.Image:
        """A string (1, 1, L) as a row of cells, and a bar under those where its letter is not that of `like`."""
        cells = self._colours(string).repeat(self.cell, axis=1).repeat(2 * self.cell - 2 or 1, axis=0)
        bar = np.full((BAR, *cells.shape[1:]), PAPER, np.uint8)
        differs = (to_bits(string, self.spec) != to_bits(like, self.spec))[0].numpy()
        bar[1:-1, differs.repeat(self.cell)] = DIFFERENT
        return Image.fromarray(np.concatenate([cells, bar]))

    def _colours(self, strings: Tensor) -> NDArray[np.uint8]:
        """Of strings (R, 1, L) the colour of each letter, (R, L, 3)."""
        found = occurrences(to_bits(strings, self.spec), as_bits(self.motif))
        low, high = self.spec.range or (0.0, 1.0)
        level = ((strings[:, 0].cpu().float() - low) / (high - low)).clamp(0, 1).numpy()[..., None]  # (R, L, 1)
        plain = PLAIN[0] + level * (PLAIN[1] - PLAIN[0])  # (R, L, 3)
        marked = MARKED[0] + level * (MARKED[1] - MARKED[0])
        return np.where(covered(found, len(self.motif)).numpy()[..., None], marked, plain).astype(np.uint8)

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """What a report shows of many strings beside held-out ones."""
        return panels(samples, real, self.motif)

    def text(self, samples: Samples) -> Text:
        """The strings as 0s and 1s for a terminal, one a line; motifs in colour."""
        bits = to_bits(samples.samples, self.spec)
        inside = covered(occurrences(bits, as_bits(self.motif)), len(self.motif)).tolist()
        lines = Text(no_wrap=True)
        for letters, marks in zip(bits.tolist(), inside, strict=True):
            for letter, mark in zip(letters, marks, strict=True):
                lines.append(str(letter), style=ORANGE if mark else "")
            lines.append("\n")
        return lines

    def _block(self, samples: Samples, caption: str) -> Image.Image:
        """Caption, count, and one row of cells a string."""
        shown = samples[slice(0, self.rows)]
        bits = to_bits(shown.samples, self.spec)  # (R, L)
        found = occurrences(bits, as_bits(self.motif))
        colours = self._colours(shown.samples)

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


def _text(text: str) -> Image.Image:
    font = ImageFont.load_default(size=13)
    strip = Image.new("RGB", (int(font.getlength(text)) + 1, LINE), PAPER)
    ImageDraw.Draw(strip).text((0, 0), text, fill=INK, font=font)
    return strip
