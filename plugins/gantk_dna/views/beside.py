"""Sequences beside their nearest real ones, aligned, with what differs marked."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from rapidfuzz.distance import Levenshtein

from gantk.interfaces import Nearest, Samples
from gantk_dna.alphabet import DNA, SHARES, bases_in, decode, shared_codes
from gantk_dna.views.glyphs import COLOURS, INK, MARGIN, PAPER, below_each_other, font

MARK = (211, 53, 44)  # the bar under letters that differ
BAR = 5  # pixels, with the white around it
LINE = 20
READABLE = 10  # pixels of a column from which on letters are written into it
GAP = "-"


def aligned(first: str, second: str) -> tuple[str, str]:
    """Both sequences with gaps where the other has a letter more, so that as few places as possible differ.

    Args:
        first: letters.
        second: letters.
    """
    above, below = [], []
    for step in Levenshtein.opcodes(first, second):
        one, other = first[step.src_start : step.src_end], second[step.dest_start : step.dest_end]
        above.append(one.ljust(len(other), GAP))
        below.append(other.ljust(len(one), GAP))
    return "".join(above), "".join(below)


def beside_nearest(samples: Samples, training: Nearest, held_out: Nearest, column: int) -> Image.Image:
    """Pairs of rows: each sequence above its nearest training one, and above its nearest held-out one.

    Args:
        samples: generated sequences.
        training: of each the nearest training sequence.
        held_out: of each the nearest held-out sequence.
        column: width of a letter in pixels.
    """
    bases = bases_in(samples.spec)
    made = decode(shared_codes(samples.samples.cpu()), bases)
    strips = []
    for row, sequence in enumerate(made):
        for name, found in (("training", training), ("held-out", held_out)):
            other = decode(shared_codes(found.samples.samples[row : row + 1]), bases)[0]
            called = "" if found.samples.names is None else f" {found.samples.names[row]}"
            text = f"generated {row + 1}, and below it the nearest {name} sequence{called}: "
            strips.append(_text(text + f"{found.texts(row)[0]} of {len(sequence)} letters"))
            strips.append(_pair(*aligned(sequence, other), column))
    return below_each_other(strips)


def _text(text: str) -> Image.Image:
    strip = Image.new("RGB", (int(font(13).getlength(text)) + 1 + 2 * MARGIN, LINE), PAPER)
    ImageDraw.Draw(strip).text((MARGIN, 2), text, fill=INK, font=font(13))
    return strip


def _pair(above: str, below: str, column: int) -> Image.Image:
    """Two aligned sequences in colour, and bars under the places where they differ."""
    high, places = max(6, min(18, column + 4)), np.array([list(above), list(below)])
    cells = np.stack([[_colour(letter, column) for letter in row] for row in places])  # (2, L, 3)
    pixels = cells.astype(np.uint8).repeat(high, axis=0).repeat(column, axis=1)
    pixels[high - 1] = PAPER
    bar = np.full((BAR, *pixels.shape[1:]), PAPER, np.uint8)
    bar[1:-1, (places[0] != places[1]).repeat(column)] = MARK
    strip = Image.new("RGB", (pixels.shape[1] + 2 * MARGIN, 2 * high + BAR + LINE // 2), PAPER)
    strip.paste(Image.fromarray(np.concatenate([pixels, bar])), (MARGIN, 0))
    if column >= READABLE:
        pen, face = ImageDraw.Draw(strip), font(min(13, column - 1), bold=True)
        for (row, place), letter in np.ndenumerate(places):
            at = MARGIN + place * column + column // 2, row * high + (high - 1) // 2
            pen.text(at, str(letter), fill=INK, font=face, anchor="mm")
    return strip


def _colour(letter: str, column: int) -> tuple[int, ...]:
    """Of a base, or the mixture of those that an ambiguity code allows; white of a gap."""
    if letter == GAP:
        return PAPER
    mixed = SHARES[DNA.index(letter.replace("U", "T"))] @ COLOURS
    return tuple((mixed // 3 + 170 if column >= READABLE else mixed).astype(np.uint8).tolist())
