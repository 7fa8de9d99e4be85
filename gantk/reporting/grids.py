"""Samples in a grid whose rows and columns have titles: traversals, chosen seeds, arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from gantk.errors import GantkError
from gantk.files.pictures import write_image
from gantk.interfaces import Samples
from gantk.reporting.pictures import build_view

HEIGHT = 13  # of letters, pixels
LINE = HEIGHT + 5
GAP = 4  # between tiles
MARGIN = 8
MOST = 256  # samples in one picture
WIDEST = 2400  # pixels of a row that can be looked at


def tiles_of(samples: Samples, parameters: Mapping[str, Any] | None = None) -> list[Image.Image]:
    """Each sample as a picture, by the view of such samples.

    Args:
        samples: one or more.
        parameters: of the view.

    Raises:
        GantkError: the samples' spec names no view.
    """
    view = build_view(samples.spec, **(parameters or {}))
    if view is None:
        raise GantkError("these samples name no view to draw them with; write another format than .gif and .png")
    return [tile.convert("RGB") for tile in view.tiles(samples)]


def write_titled(
    path: Path,
    samples: Samples,
    titles: Sequence[str],
    caption: str,
    *,
    columns: int | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Writes a picture of samples, each under a title.

    Args:
        path: where to; its ending says the format.
        samples: one or more; at most 256 are drawn.
        titles: of each.
        caption: over all; what the samples are stands behind it.
        columns: how many stand side by side, fewer where they are wide; None: a grid about as wide as high.
        parameters: of the view.
    """
    tiles = tiles_of(samples[slice(MOST)], parameters)
    columns = columns or max(1, round(sqrt(len(tiles) * (tiles[0].height + LINE) / tiles[0].width)))
    columns = max(1, min(columns, WIDEST // tiles[0].width))
    origin = samples.attributes.get("origin", samples.spec.origin)
    more = f", the first {MOST} of {len(samples)}" if len(samples) > MOST else ""
    write_image(path, grid(tiles, columns, above=titles[:MOST], caption=f"{caption}, {origin}{more}"))


def grid(
    tiles: Sequence[Image.Image],
    columns: int,
    *,
    above: Sequence[str] = (),
    beside: Sequence[str] = (),
    caption: str = "",
) -> Image.Image:
    """Pictures row by row, with titles.

    Args:
        tiles: in the order of rows; the last row may be shorter.
        columns: how many stand side by side.
        above: a title for each tile, or one for each column alone; none: no titles.
        beside: a title for each row, on its left.
        caption: over everything; broken where it is wider than the picture.
    """
    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", HEIGHT)
    columns = min(columns, len(tiles))
    wide = max(max(tile.width for tile in tiles), *(ceil(font.getlength(title)) for title in above), 1)
    left = MARGIN + max((ceil(font.getlength(title)) + MARGIN for title in beside), default=0)
    page_width = left + columns * (wide + GAP) - GAP + MARGIN
    head = _broken(caption, max(page_width - 2 * MARGIN, 20 * HEIGHT), font)
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    titled_rows = ceil(len(above) / columns)
    heights = [max(tile.height for tile in row) for row in rows]
    top = MARGIN + LINE * len(head)
    height = top + sum(heights) + GAP * len(rows) + LINE * titled_rows + MARGIN
    page_width = max(page_width, *(ceil(font.getlength(line)) + 2 * MARGIN for line in head), 1)
    page = Image.new("RGB", (page_width, height), "white")
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(head):
        pen.text((MARGIN, MARGIN + number * LINE), line, "black", font)
    for number, row in enumerate(rows):
        if number < titled_rows:
            for column, title in enumerate(above[number * columns :][: len(row)]):
                pen.text((left + column * (wide + GAP), top), title, "#555555", font)
            top += LINE
        if beside:
            pen.text((MARGIN, top + max(0, (row[0].height - LINE) // 2)), beside[number], "#555555", font)
        for column, tile in enumerate(row):
            page.paste(tile, (left + column * (wide + GAP), top))
        top += heights[number] + GAP
    return page


def _broken(text: str, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """The text in lines of at most so many pixels, broken between words."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines
