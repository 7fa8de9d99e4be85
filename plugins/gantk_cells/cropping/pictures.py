"""Pictures to be looked at: the outlines on each field, and a contact sheet of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gantk_cells.cropping.measuring import BEYOND, BLURRED, BORDER, FRAME, LARGE, SMALL, SPECK, Cell
from gantk_cells.views.sheet import Line, SheetBlock, font, sheet

COLOURS: dict[str, tuple[int, int, int]] = {
    "": (255, 255, 255),
    SPECK: (120, 200, 120),
    BORDER: (140, 140, 140),
    SMALL: (255, 150, 0),
    LARGE: (255, 0, 255),
    BLURRED: (0, 220, 255),
    FRAME: (255, 255, 0),
    BEYOND: (255, 80, 80),
}
LARGEST = 2400  # pixels of a side of an overlay
SMALLEST = 700
ROW, ROWS = 12, 2  # cells of a field on the contact sheet


def composite(image: NDArray[Any], white: Sequence[float]) -> NDArray[np.uint8]:
    """Channels in colours, (H, W, 3): one grey; two red and green; three and more blue, green, red.

    Args:
        image: (C, H, W).
        white: what is brightest, for each channel.
    """
    share = [(each / max(top, 1e-9)).clip(0, 1) for each, top in zip(image[:3].astype(np.float32), white, strict=False)]
    dark = np.zeros_like(share[0])
    colours = {1: [share[0]] * 3, 2: [share[0], share[-1], dark], 3: share[::-1]}[len(share)]
    return (255 * np.stack(colours, -1)).round().astype(np.uint8)


def whites(image: NDArray[Any]) -> list[float]:
    """The 99.8th percentile of each channel."""
    return [float(each) for each in np.percentile(image, 99.8, axis=(1, 2))]


def overlay(title: str, image: NDArray[Any], labels: NDArray[np.int32], cells: Sequence[Cell]) -> Image.Image:
    """The field with the outline of each cell: white where it is kept, in the colour of the reason where it is not."""
    factor = 1
    height, width = labels.shape
    while max(height, width) * (factor + 1) <= LARGEST and max(height, width) * factor < SMALLEST:
        factor += 1
    less = -(-max(height, width) // LARGEST)
    picture = composite(image, whites(image))
    if less > 1:
        picture, labels = np.asarray(Image.fromarray(picture).reduce(less)), labels[::less, ::less]
        labels = labels[: picture.shape[0], : picture.shape[1]]
    picture = picture.repeat(factor, 0).repeat(factor, 1).copy()
    labels = labels.repeat(factor, 0).repeat(factor, 1)
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    table = np.zeros((int(labels.max(initial=0)) + 1, 3), np.uint8)
    for cell in cells:
        if cell.label:
            table[cell.label] = COLOURS[cell.reason]
    owner = np.maximum(labels, np.maximum(np.roll(labels, 1, 0), np.roll(labels, 1, 1)))
    own = np.where(labels > 0, labels, owner)[edge]
    picture[edge] = table[own]
    counts = {reason: sum(cell.reason == reason for cell in cells) for reason in COLOURS}
    lines = [(title, (235, 235, 235))]
    lines += [
        (f"{count} {reason or 'kept'}", COLOURS[reason]) for reason, count in counts.items() if count or not reason
    ]
    foot = Image.new("RGB", (picture.shape[1], 22 * len(lines) + 8), (24, 24, 27))
    drawing = ImageDraw.Draw(foot)
    for number, (line, ink) in enumerate(lines):
        drawing.text((8, 4 + 22 * number), line, ink, font(16))
    page = Image.new("RGB", (picture.shape[1], picture.shape[0] + foot.height))
    page.paste(Image.fromarray(picture), (0, 0))
    page.paste(foot, (0, picture.shape[0]))
    return page


def contact_sheet(caption: str, fields: dict[str, tuple[int, list[NDArray[Any]]]]) -> Image.Image:
    """The first cells of each field.

    Args:
        caption: above them.
        fields: name to how many cells it has, and pictures of some, (C, H, W).
    """
    every = [picture for _, pictures in fields.values() for picture in pictures]
    white = [float(np.percentile(np.stack([each[k] for each in every]), 99.7)) for k in range(min(3, len(every[0])))]
    blocks = []
    for name, (count, pictures) in fields.items():
        drawn = [composite(each, white) for each in pictures[: ROW * ROWS]]
        lines = [Line([], list(drawn[start : start + ROW])) for start in range(0, len(drawn), ROW)]
        if lines:
            blocks.append(SheetBlock(f"{name}: {count} cells", lines))
    side = max(every[0].shape[1:])
    return sheet(caption, blocks, max(1, round(96 / side)))
