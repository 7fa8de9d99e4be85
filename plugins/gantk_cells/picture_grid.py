"""Columns of small pictures with titles: what was given, wanted and made, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Picture = NDArray[np.uint8]  # (H, W, 3)
LETTER = 6  # pixels of a letter's width, about
GAP = 2
HEAD = 16
FULL = 1.0
"""Half of the range from -1 to 1: an error of it has the strongest colour."""


def grey(values: NDArray[Any]) -> Picture:
    """Values (H, W) from -1 to 1 as black to white."""
    level = ((np.clip(values, -1, 1) + 1) * 127.5).round().astype(np.uint8)
    return np.repeat(level[:, :, None], 3, 2)


def in_colours_of_error(difference: NDArray[Any]) -> Picture:
    """Differences (H, W) of values from -1 to 1: red where too bright, blue where too dark, white where right."""
    strength = np.clip(difference / FULL, -1, 1)
    light = 255 * (1 - np.abs(strength))
    red, blue = np.where(strength > 0, 255, light), np.where(strength < 0, 255, light)
    return np.stack([red, light, blue], 2).round().astype(np.uint8)


def grid(columns: Mapping[str, Sequence[Picture]], caption: str = "", scale: int | None = None) -> Image.Image:
    """One picture of columns, each with its title above it.

    Args:
        columns: title to pictures of one size.
        caption: printed at the top; empty: none.
        scale: pixels of the page for one of a picture; None: so that a picture is about 96 high.
    """
    height, width = next(iter(columns.values()))[0].shape[:2]
    scale = scale or max(1, round(96 / height))
    wide = [max(scale * width, LETTER * len(title)) + GAP for title in columns]
    rows = max(len(each) for each in columns.values())
    top = (HEAD if caption else 0) + HEAD
    page = Image.new("RGB", (max(sum(wide), LETTER * len(caption) + 8), top + rows * (scale * height + GAP)), "white")
    pen = ImageDraw.Draw(page)
    if caption:
        pen.text((4, 2), caption, "black")
    left = 0
    for (title, pictures), room in zip(columns.items(), wide, strict=True):
        pen.text((left + 2, top - HEAD + 2), title, "black")
        for row, picture in enumerate(pictures):
            drawn = Image.fromarray(picture.repeat(scale, 0).repeat(scale, 1))
            page.paste(drawn, (left, top + row * (scale * height + GAP)))
        left += room
    return page
