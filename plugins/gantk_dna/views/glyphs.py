"""Letters as stretched pictures: what sequence logos are built of. Each is drawn once; stretching is quick."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gantk_dna.alphabet import BASES

COLOURS = np.array([(38, 150, 72), (44, 106, 206), (240, 164, 24), (211, 53, 44)], np.float32)
"""(4, 3): A green, C blue, G orange, T (or U) red."""
PAPER = (255, 255, 255)
INK = (40, 40, 40)
FAINT = (150, 150, 150)
MARGIN = 12  # pixels


@lru_cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib.

    Args:
        size: in pixels.
        bold: whether bold.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


@lru_cache
def _glyph(letter: str) -> Image.Image:
    """The letter in white on black, as large as its outline."""
    face = font(160, bold=True)
    picture = Image.new("L", (240, 240))
    ImageDraw.Draw(picture).text((40, 20), letter, fill=255, font=face)
    return picture.crop(picture.getbbox())


@lru_cache(maxsize=4096)
def stretched(letter: str, width: int, height: int) -> Image.Image:
    """The letter stretched to a box, as a mask.

    Args:
        letter: one.
        width: of the box in pixels, 1 or more.
        height: of the box in pixels, 1 or more.
    """
    return _glyph(letter).resize((width, height), Image.Resampling.BOX if height < 4 else Image.Resampling.LANCZOS)


def stacks(heights: NDArray[np.float64], letters: tuple[str, ...], column: int, height: int) -> Image.Image:
    """Letters stacked upon each other in each column, the highest on top.

    Args:
        heights: (4, L) of each letter, as a share of the picture's height.
        letters: the four bases.
        column: width of a column in pixels.
        height: of the picture in pixels.

    Returns:
        a picture of L columns.
    """
    length = heights.shape[1]
    picture = Image.new("RGB", (column * length, height), PAPER)
    width = max(column - (1 if column > 4 else 0), 1)
    for place in range(length):
        reached = 0.0
        for base in heights[:, place].argsort(kind="stable"):
            bottom = round(reached * height)
            reached += float(heights[base, place])
            top = min(round(reached * height), height)
            if top > bottom:
                colour = tuple(int(part) for part in COLOURS[base])
                mask = stretched(letters[base], width, top - bottom)
                picture.paste(colour, (place * column, height - top), mask)
    return picture


def blended(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Colours of the bases, mixed by their shares: (N, L, 3) from (N, 4, L)."""
    total = np.maximum(shares[:, :BASES].sum(1, keepdims=True), 1e-9)
    return np.einsum("nbl,bc->nlc", shares[:, :BASES] / total, COLOURS).round().astype(np.uint8)


def below_each_other(strips: Sequence[Image.Image]) -> Image.Image:
    """All in one picture, with a margin above and below."""
    width = max(strip.width for strip in strips)
    page = Image.new("RGB", (width, sum(strip.height for strip in strips) + 2 * MARGIN), PAPER)
    top = MARGIN
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    return page
