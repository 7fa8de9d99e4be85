"""Where a cell is in its image, and what state its growth zones are in: classical rules, the same for all images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

BACKGROUND = 0.1  # of the brightness range; darker is outside
IN_IMAGE = np.array([[[0] * 3] * 3, [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[0] * 3] * 3], bool)  # joins no two images

RED_STATES = ("one end", "two ends", "band")
END, FLANK, MIDDLE = (0.0, 0.15), (0.2, 0.4), (0.455, 0.5)  # from a tip (0) to the centre (0.5) of the cell's length
BAND_CONTRAST = 1.5  # a band: the middle is this many times as bright as the flanks
SECOND_END = 0.3  # two ends: the weaker end rises this far above the flanks, compared with the stronger


def inside(images: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which pixels are inside the cell: the largest connected bright region of an image, its holes filled.

    A pixel is bright where the brightest of its channels is above `BACKGROUND`.

    Args:
        images: brightness from 0 to 1, (N, C, H, W).

    Returns:
        (N, H, W); nothing is inside where nothing is bright.
    """
    bright = images.max(axis=1) > BACKGROUND  # (N, H, W)
    region, count = ndimage.label(bright, IN_IMAGE)
    image_of = np.zeros(count + 1, int)  # of each region
    image_of[region.ravel()] = np.repeat(np.arange(len(images)), bright.shape[1] * bright.shape[2])
    by_size = np.bincount(region.ravel(), minlength=count + 1)[1:].argsort(kind="stable") + 1
    largest = np.full(len(images), -1)
    largest[image_of[by_size]] = by_size  # the last written is the largest
    cell = region == largest[:, None, None]
    gap, count = ndimage.label(~cell, IN_IMAGE)
    reaches_edge = np.zeros(count + 1, bool)
    for edge in (gap[:, 0], gap[:, -1], gap[:, :, 0], gap[:, :, -1]):
        reaches_edge[edge] = True
    reaches_edge[0] = False  # 0 is the cell itself
    return ~reaches_edge[gap]


def zones(red: NDArray[np.floating], cell: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Mean red inside the cell in five zones along its long axis, which lies along x: end, flank, middle, flank, end.

    Args:
        red: brightness from 0 to 1, (N, H, W).
        cell: inside, (N, H, W).

    Returns:
        (N, 5); 0 where there is no cell.
    """
    amount, pixels = (red * cell).sum(axis=1), cell.sum(axis=1)  # (N, W) each
    filled = pixels > 0
    width = cell.shape[2]
    first = filled.argmax(axis=1)[:, None]
    last = width - 1 - filled[:, ::-1].argmax(axis=1)[:, None]
    place = (np.arange(width) - first + 0.5) / (last - first + 1)  # (N, W), 0 … 1 along the cell
    bounds = [END, FLANK, (MIDDLE[0], 1 - MIDDLE[0]), (1 - FLANK[1], 1 - FLANK[0]), (1 - END[1], 1 - END[0])]
    means = []
    for low, high in bounds:
        here = (place >= low) & (place <= high)
        means.append((amount * here).sum(axis=1) / np.maximum((pixels * here).sum(axis=1), 1))
    return np.stack(means, axis=1)


def red_state(red: NDArray[np.floating], cell: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The state of each cell's growth zones, an index of `RED_STATES`.

    A band, where the middle is `BAND_CONTRAST` times as bright as the flanks; else two ends, where the weaker end rises
    above the flanks at least `SECOND_END` times as far as the stronger; else one end.

    Args:
        red: brightness from 0 to 1, (N, H, W).
        cell: inside, (N, H, W).
    """
    left, left_flank, middle, right_flank, right = zones(red, cell).T
    flank = (left_flank + right_flank) / 2
    weaker, stronger = np.minimum(left, right) - flank, np.maximum(left, right) - flank
    ends = np.where(weaker > SECOND_END * np.maximum(stronger, 0), 1, 0)
    return np.where(middle > BAND_CONTRAST * flank, 2, ends)
