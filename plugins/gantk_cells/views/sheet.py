"""A sheet of small pictures: blocks of lines with titles on a dark ground. No text runs over its place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

GAP = 4
MARGIN = 10
LEAST_WIDTH = 300
MOST_WIDTH = 4096  # of a sheet that can be looked at
MOST_HEIGHT = 16384
LEAST_SIDE = 24  # of a picture that can be looked at
GROUND = (24, 24, 27)
INK = (235, 235, 235)
FAINT = (165, 165, 170)


@dataclass
class Line:
    """Pictures side by side.

    Args:
        titles: above the pictures, from the left; a single title may be as wide as the sheet.
        pictures: (H, W, 3) each, None for a place left free.
    """

    titles: list[str]
    pictures: list[NDArray[np.uint8] | None]


@dataclass
class SheetBlock:
    """Lines of pictures under one heading."""

    heading: str
    lines: list[Line]


@lru_cache
def font(size: int, plain: bool = True) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The font that comes with Pillow; it has Latin letters only, so others, as Greek, are not plain."""
    if plain:
        return ImageFont.load_default(size)
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size - 1)


@dataclass(frozen=True)
class ScaleBar:
    """A bar as long as something in the pictures.

    Args:
        length: in pixels of a picture, before it is enlarged.
        text: beside it: "5 µm".
    """

    length: float
    text: str


def scale_bar(width: int, pixel_size: float | None, wanted: float | None) -> ScaleBar | None:
    """A bar for pictures of this width; None where the size of a pixel is not known, or 0 is wanted.

    Args:
        width: of a picture, pixels.
        pixel_size: micrometres.
        wanted: micrometres; None: the longest of 1, 2, 5, 10, 20, … that is not above two thirds of the width.
    """
    if not pixel_size or wanted == 0:
        return None
    if wanted is None:
        room = width * pixel_size * 2 / 3
        power = 10.0 ** np.floor(np.log10(room))
        wanted = float(max(step * power for step in (1, 2, 5) if step * power <= room))
    return ScaleBar(wanted / pixel_size, f"{wanted:g} µm")


def sheet(caption: str, blocks: list[SheetBlock], scale: int, bar: ScaleBar | None = None) -> Image.Image:
    """All blocks under one another.

    Args:
        caption: printed at the top; a long one is wrapped.
        blocks: of pictures of one size.
        scale: each pixel of a picture becomes scale × scale pixels; less where the sheet would be too large to look at,
            and then pictures may be drawn smaller than they are.
        bar: drawn at the foot.
    """
    pictures = [picture for block in blocks for line in block.lines for picture in line.pictures if picture is not None]
    columns = max(len(line.pictures) for block in blocks for line in block.lines)
    lines = sum(len(block.lines) for block in blocks)
    scale, smaller = _fitting_scale(pictures[0].shape, columns, lines, scale)
    if smaller > 1:
        blocks = [_smaller(block, smaller) for block in blocks]
        bar = bar and ScaleBar(bar.length / smaller, bar.text)
    height, width = (scale * -(-side // smaller) for side in pictures[0].shape[:2])
    room = max(columns * (width + GAP) - GAP, LEAST_WIDTH)
    strips = [_strip(room, MARGIN), *_text(caption, 16, INK, room)]
    for block in blocks:
        strips += _text(block.heading, 14, FAINT, room)
        for line in block.lines:
            strips += [_titles(line, width, room), _pictures(line, scale, height, width, room)]
        strips.append(_strip(room, MARGIN - GAP))
    if bar is not None:
        strips.append(_bar(bar, scale, room))
    page = _strip(room, sum(strip.height for strip in strips))
    top = 0
    for strip in strips:
        page.paste(strip, (0, top))
        top += strip.height
    return page


def _fitting_scale(shape: tuple[int, ...], columns: int, lines: int, scale: int) -> tuple[int, int]:
    """How often each pixel is repeated, and how many along each axis become one."""
    height, width = shape[:2]

    def fits(larger: int, smaller: int) -> bool:
        across = columns * (larger * -(-width // smaller) + GAP)
        down = lines * (larger * -(-height // smaller) + GAP)
        return across <= MOST_WIDTH and down <= MOST_HEIGHT

    for larger in range(scale, 0, -1):
        if fits(larger, 1):
            return larger, 1
    smaller = 2
    while not fits(1, smaller) and min(height, width) // (smaller + 1) >= LEAST_SIDE:
        smaller += 1
    return 1, smaller if min(height, width) // smaller >= LEAST_SIDE else 1


def _smaller(block: SheetBlock, factor: int) -> SheetBlock:
    """The block with pictures in which factor × factor pixels are averaged."""
    lines = [
        Line(
            line.titles,
            [None if each is None else np.asarray(Image.fromarray(each).reduce(factor)) for each in line.pictures],
        )
        for line in block.lines
    ]
    return SheetBlock(block.heading, lines)


def _strip(room: int, height: int) -> Image.Image:
    return Image.new("RGB", (room + 2 * MARGIN, height), GROUND)


def _text(text: str, size: int, ink: tuple[int, int, int], room: int) -> list[Image.Image]:
    """Strips with the text, broken between words."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size).getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    strips = []
    for line in lines:
        strips.append(_strip(room, size + 8))
        ImageDraw.Draw(strips[-1]).text((MARGIN, 2), _fitting(line, size, room), ink, font(size, _is_plain(line)))
    return strips


def _titles(line: Line, width: int, room: int) -> Image.Image:
    strip = _strip(room, 20 if any(line.titles) else 0)
    for column, title in enumerate(line.titles):
        fitting = _fitting(title, 13, room if len(line.titles) == 1 else width)
        ImageDraw.Draw(strip).text((MARGIN + column * (width + GAP), 2), fitting, INK, font(13, _is_plain(title)))
    return strip


def _pictures(line: Line, scale: int, height: int, width: int, room: int) -> Image.Image:
    strip = _strip(room, height + GAP)
    for column, picture in enumerate(line.pictures):
        if picture is not None:
            larger = Image.fromarray(picture.repeat(scale, axis=0).repeat(scale, axis=1))
            strip.paste(larger, (MARGIN + column * (width + GAP), 0))
    return strip


def _bar(bar: ScaleBar, scale: int, room: int) -> Image.Image:
    strip = _strip(room, 24)
    length = min(round(bar.length * scale), room)
    drawing = ImageDraw.Draw(strip)
    drawing.rectangle((MARGIN, 8, MARGIN + length - 1, 11), INK)
    drawing.text((MARGIN + length + 8, 2), bar.text, INK, font(13, _is_plain(bar.text)))
    return strip


def _fitting(text: str, size: int, room: int) -> str:
    """The text, shortened with an ellipsis where it is wider than `room` pixels."""
    letters = font(size, _is_plain(text))
    if letters.getlength(text) <= room:
        return text
    while text and letters.getlength(text + "…") > room:
        text = text[:-1]
    return text + "…"


def _is_plain(text: str) -> bool:
    return all((character < "\u0100" and character != "µ") or character in "…–—·" for character in text)
