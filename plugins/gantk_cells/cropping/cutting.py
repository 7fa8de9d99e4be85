"""Cuts one cell out of its field: turned, brought to a size of pixel, with black or its neighbours around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gantk_basics import image_sizes
from numpy.typing import NDArray
from scipy import ndimage

from gantk_cells.cropping.measuring import Cell


def frame_of(cells: Sequence[Cell], holds: float, turned: bool, scale: Sequence[float]) -> tuple[int, int]:
    """The smallest size that nets can halve and that has room for this share of the cells.

    Args:
        cells: those that stay.
        holds: the share.
        turned: whether their long axes will lie along x; else the size is a square.
        scale: pixels of the cell's image for each pixel of its field.
    """
    extents = np.array([each.turned_extent if turned else each.extent for each in cells]) * np.array(scale)[:, None]
    if turned:
        height, width = (float(np.quantile(extents[:, axis], holds)) for axis in (0, 1))
    else:
        height = width = float(np.quantile(extents.max(1), holds))
    return image_sizes.padded(int(np.ceil(height)), int(np.ceil(width)))


def fits(cell: Cell, size: tuple[int, int], turned: bool, scale: float) -> bool:
    """Whether a cell has room in a frame."""
    extent = cell.turned_extent if turned else cell.extent
    return all(scale * have <= room + 1 for have, room in zip(extent, size, strict=True))


def beyond(cell: Cell, field: tuple[int, int], size: tuple[int, int], turned: bool, scale: float) -> bool:
    """Whether the frame of a cell reaches beyond its field."""
    y, x = _corners(cell, size, turned, scale)
    return bool(y.min() < -0.5 or x.min() < -0.5 or y.max() > field[0] - 0.5 or x.max() > field[1] - 0.5)


def _corners(cell: Cell, size: tuple[int, int], turned: bool, scale: float) -> tuple[NDArray[Any], NDArray[Any]]:
    y, x = np.meshgrid([0.0, size[0] - 1.0], [0.0, size[1] - 1.0], indexing="ij")
    return _places(cell, size, turned, scale, y, x)


def _places(
    cell: Cell, size: tuple[int, int], turned: bool, scale: float, y: NDArray[Any], x: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where pixels of the frame lie in the field."""
    down, along = (y - (size[0] - 1) / 2) / scale, (x - (size[1] - 1) / 2) / scale
    if not turned and scale == 1:  # whole pixels: values stay as they are
        top, left = round(cell.y - (size[0] - 1) / 2), round(cell.x - (size[1] - 1) / 2)
        return y + top, x + left
    angle = np.radians(cell.angle) if turned else 0.0
    return (
        cell.y + down * np.cos(angle) + along * np.sin(angle),
        cell.x + along * np.cos(angle) - down * np.sin(angle),
    )


def cut(
    image: NDArray[Any],
    labels: NDArray[np.int32],
    cell: Cell,
    size: tuple[int, int],
    *,
    turned: bool,
    scale: float,
    black: bool,
) -> NDArray[Any]:
    """The picture of one cell, (C, *size), of the type of the field; 0 beyond the field.

    Args:
        image: the field, (C, H, W).
        labels: of the field, (H, W).
        cell: which.
        size: height and width of the picture.
        turned: whether the long axis is brought along x.
        scale: pixels of the picture for each pixel of the field; below 1 the field is smoothed first.
        black: whether what is not this cell becomes 0.
    """
    y, x = np.meshgrid(np.arange(size[0], dtype=float), np.arange(size[1], dtype=float), indexing="ij")
    rows, columns = _places(cell, size, turned, scale, y, x)
    blur = max(0.0, (1 / scale - 1) / 2)
    room = 2 + int(np.ceil(4 * blur))
    top, left = (max(0, int(np.floor(each.min())) - room) for each in (rows, columns))
    bottom, right = (int(np.ceil(each.max())) + room + 1 for each in (rows, columns))
    window = image[:, top:bottom, left:right]
    inside = labels[top:bottom, left:right] == cell.label
    places = np.stack([rows - top, columns - left])
    if not turned and scale == 1:
        picture = np.stack([ndimage.map_coordinates(each, places, order=0) for each in window])
        within = ndimage.map_coordinates(inside.astype(np.uint8), places, order=0) > 0
    else:
        smooth = window.astype(np.float32)
        if blur:
            smooth = ndimage.gaussian_filter(smooth, (0, blur, blur))
        values = np.stack([ndimage.map_coordinates(each, places, order=1) for each in smooth])
        within = ndimage.map_coordinates(inside.astype(np.float32), places, order=1) >= 0.5
        whole = image.dtype.kind == "u"
        picture = values.round().clip(0, np.iinfo(image.dtype).max).astype(image.dtype) if whole else values
    return np.where(within, picture, image.dtype.type(0)) if black else picture
