"""The view: a sequence logo, that of real sequences beside it, and some sequences in colour."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Interval
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rich.text import Text
from torch import Tensor

from gantk.errors import ComponentError
from gantk.interfaces import Nearest, Panel, Samples, View
from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES, bases_in, decode, one_hot, reverse_complement, shared_codes
from gantk_dna.codes import check_bases, counted_rows, information
from gantk_dna.files.motif_files import choose_motifs
from gantk_dna.metrics.nearest import letters_apart
from gantk_dna.motifs import Hit, places_of_hits
from gantk_dna.views.beside import beside_nearest
from gantk_dna.views.glyphs import COLOURS, FAINT, INK, MARGIN, PAPER, below_each_other, blended, font, stacks
from gantk_dna.views.motif_boxes import draw_boxes, legend, lines_below
from gantk_dna.views.panels import panels
from gantk_dna.weights import COLUMN

AXIS = 44  # pixels
LINE = 20
WIDEST = 1200


class Logo(View):
    """Sequence logos of all samples and of real ones, and below them rows of sequences in colour.

    The height of a stack is the information at its position (Schneider & Stephens 1990), with their correction for
    small samples; both logos have one scale. Soft samples count by their shares of the bases, and their colours mix.

    Args:
        spec: what one sample is.
        rows: how many sequences to draw in colour at most.
        height: of a logo in pixels.
        bits: upper end of the scale; null: as high as the highest stack, or .2 where all are lower.
        both_strands: whether a logo counts each sequence and its reverse complement; null: where the data do.
        motifs: file of matrices (JASPAR, MEME, TRANSFAC) whose hits are marked by boxes, on either strand.
        motif_names: names or identities of those that are marked; null: all in the file.
        p_value: of a hit at one position of one strand, bases being a quarter each.
    """

    distance = "the number of letters changed, added or left out"
    wanted = 500  # of 16 random sequences, a stack of letters that mean nothing is as high as 1 bit now and then

    def __init__(
        self,
        spec: DataSpec,
        *,
        rows: Annotated[int, Ge(0)] = 16,
        height: Annotated[int, Ge(20)] = 110,
        bits: float | None = None,
        both_strands: bool | None = None,
        motifs: Path | None = None,
        motif_names: Sequence[str] | None = None,
        p_value: Annotated[float, Interval(gt=0, lt=1)] = 1e-4,
    ):
        check_bases(spec)
        self.spec = spec
        self.rows = rows
        self.height = height
        self.bits = bits
        self.both_strands = spec.attributes.get("both_strands", False) if both_strands is None else both_strands
        self.letters = bases_in(spec)
        if motifs is None and motif_names is not None:
            raise ComponentError("motif_names says which motifs of a file are marked: say motifs=FILE, too")
        self.motifs = [] if motifs is None else choose_motifs(motifs, motif_names)
        self.p_value = p_value
        self.column = max(2, min(24, WIDEST // spec.shape[1]))

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture: caption, logos, sequences; of real ones as many as of the samples."""
        sets = [(samples, caption or str(samples.attributes.get("origin", "")))]
        if real is not None:
            sets.append((real, f"for comparison: {real.attributes.get('origin', 'real')}"))
        found = [self._heights(each) for each, _ in sets]
        top = self.bits or max(0.2, *(float(heights.sum(0).max()) for heights in found))
        strips: list[Image.Image] = []
        for (each, title), heights in zip(sets, found, strict=True):
            count = f"{len(each):,} sequences" if len(each) != 1 else "1 sequence"
            if COLUMN in each.truth:
                count += f", which count as {len(counted_rows(each)):,}"
            strips += self._texts(f"{title}: {count}" if title else count)
            strips.append(self._logo(heights, top))
        for each, title in sets:
            shown = each[slice(0, self.rows)]
            if self.rows and len(shown):
                strips += self._texts(f"the first {len(shown)} {_kind(each, title)} sequences", FAINT)
                hits = self._hits(shown)
                strips.append(self._sequences(shown, hits))
                if self.motifs:
                    strips += self._texts(legend(self.motifs, hits, self.p_value), FAINT)
        return below_each_other(strips)

    def tiles(self, samples: Samples) -> list[Image.Image]:
        """Each sequence as its letters, as high as their shares: where the generator is undecided, they are stacked."""
        shares = samples.samples[:, :BASES].detach().cpu().double()
        shares = shares / shares.sum(1, keepdim=True).clamp_min(1e-9)  # (N, 4, L)
        return [stacks(each, self.letters, self.column, 2 * LINE) for each in shares.numpy()]

    def _heights(self, samples: Samples) -> NDArray[np.float64]:
        """(4, L) in bits, of sequences as often as they count."""
        found = samples.samples[:, :BASES].detach().cpu().double()
        copies = np.bincount(counted_rows(samples), minlength=len(found))
        if self.both_strands:
            found, copies = torch.cat([found, reverse_complement(found)]), np.tile(copies, 2)
        return logo_heights(found.numpy(), len(counted_rows(samples)), copies)

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """What a report shows of many sequences beside held-out ones."""
        return panels(samples, real)

    def distances(self, samples: Tensor, others: Tensor) -> Tensor:
        """Letters changed, added or left out, after Levenshtein."""
        one, other = (decode(shared_codes(each)) for each in (samples, others))
        return torch.from_numpy(letters_apart(one, other))

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """Pairs of rows: each sequence above its nearest training and its nearest held-out one; red: what differs."""
        return beside_nearest(samples, training, held_out, self.column)

    def text(self, samples: Samples) -> Text:
        """The sequences as coloured letters for a terminal, one a line; the likeliest base at each position.

        Below a sequence stand boxes, where it has motifs.
        """
        lines = Text(no_wrap=True)
        rows = samples.samples[:, :BASES].argmax(1).tolist()
        for codes, hits in zip(rows, self._hits(samples), strict=True):
            for base in codes:
                red, green, blue = (int(part) for part in COLOURS[base])
                lines.append(self.letters[base], style=f"rgb({red},{green},{blue})")
            lines.append("\n")
            for below in lines_below(hits, self.motifs):
                lines.append(f"{below}\n")
        return lines

    def _hits(self, shown: Samples) -> list[list[Hit]]:
        """Hits of the motifs in the likeliest letters of each sequence."""
        letters = one_hot(shown.samples[:, :BASES].detach().cpu().argmax(1))
        return places_of_hits(letters, self.motifs, self.p_value)

    @property
    def _width(self) -> int:
        return AXIS + self.column * self.spec.shape[1] + 2 * MARGIN

    def _texts(self, text: str, ink: tuple[int, int, int] = INK) -> list[Image.Image]:
        """The text, broken between words where it is wider than the picture."""
        room = max(self._width, 260) - 2 * MARGIN
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and font(14).getlength(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        strips = []
        for line in lines:
            strip = Image.new("RGB", (max(room, int(font(14).getlength(line)) + 1) + 2 * MARGIN, LINE), PAPER)
            ImageDraw.Draw(strip).text((MARGIN, 1), line, fill=ink, font=font(14))
            strips.append(strip)
        return strips

    def _logo(self, heights: NDArray[np.float64], top: float) -> Image.Image:
        """The logo with its axes."""
        length = heights.shape[1]
        strip = Image.new("RGB", (self._width, self.height + 2 * LINE), PAPER)
        pen, left, high = ImageDraw.Draw(strip), MARGIN + AXIS, LINE // 2
        strip.paste(stacks(heights / top, self.letters, self.column, self.height), (left, high))
        pen.line([(left - 3, high), (left - 3, high + self.height)], fill=FAINT)
        for share in (0.0, 0.5, 1.0):
            y = high + round(self.height * (1 - share))
            pen.line([(left - 7, y), (left - 3, y)], fill=FAINT)
            pen.text((left - 10, y), f"{top * share:.2g}", fill=INK, font=font(11), anchor="rm")
        pen.text((MARGIN - 8, high + self.height + 4), "bits", fill=FAINT, font=font(11))
        every = next((step for step in (1, 5, 10, 20, 50, 100) if step * self.column >= 28), 200)
        for place in range(0, length, every):
            x = left + place * self.column + self.column // 2
            pen.text((x, high + self.height + 3), str(place), fill=FAINT, font=font(11), anchor="ma")
        return strip

    def _sequences(self, shown: Samples, hits: Sequence[Sequence[Hit]]) -> Image.Image:
        """One row of coloured cells a sequence, with letters where there is room for them, and boxes around hits."""
        shares = shown.samples[:, :BASES].detach().cpu().float().numpy()
        high, left = max(6, min(18, self.column + 4)), MARGIN + AXIS
        cells = blended(shares)  # (R, L, 3)
        if self.column >= 10:
            cells = cells // 3 + 170  # lighter, so that letters can be read
        cells = cells.repeat(self.column, axis=1).repeat(high, axis=0)
        cells[np.arange(len(cells)) % high == high - 1] = PAPER
        strip = Image.new("RGB", (self._width, len(cells) + LINE // 2), PAPER)
        strip.paste(Image.fromarray(cells), (left, 0))
        if self.column >= 10:
            pen, face = ImageDraw.Draw(strip), font(min(13, self.column - 1), bold=True)
            for row, letters in enumerate(shares.argmax(1)):
                for place, base in enumerate(letters):
                    at = left + place * self.column + self.column // 2, row * high + (high - 1) // 2
                    pen.text(at, self.letters[base], fill=INK, font=face, anchor="mm")
        draw_boxes(ImageDraw.Draw(strip), hits, left=left, column=self.column, row_height=high)
        return strip


def logo_heights(
    shares: NDArray[np.float64], n: int | None = None, copies: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Height of each letter in bits, corrected for small samples: (4, L).

    Args:
        shares: (N, 4, L), the share of each base at each position of each sequence.
        n: how many sequences these are; None: N. Both strands of one are one.
        copies: (N,) how often each counts; None: once.
    """
    mean = np.average(shares, axis=0, weights=copies)
    mean = mean / np.maximum(mean.sum(0), 1e-9)
    return mean * information(mean, len(shares) if n is None else n)


def _kind(samples: Samples, title: str) -> str:
    return "real" if title.startswith("for comparison") else str(samples.attributes.get("origin", ""))
