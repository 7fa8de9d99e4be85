"""Tiles along an axis: where they begin and end, and how much each counts where they overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 8
"""Pixels that a side has at least when a net sees it; what is narrower is continued."""


@dataclass(frozen=True)
class Tile:
    """Pixels along one axis that a net sees at once, and how much it is believed at each.

    Args:
        start: the first pixel, a multiple of the step.
        stop: the pixel behind the last one.
        weights: of these pixels, (stop - start,), from 0 to 1.
    """

    start: int
    stop: int
    weights: NDArray[np.float32]


def filled(length: int, step: int) -> int:
    """How long a side is once it is continued to a multiple of `step` that is no less than `LEAST`."""
    return -(-max(length, LEAST, 2 * step) // step) * step


def full_overlap(receptive_field: int, step: int) -> int:
    """The least multiple of `step` beyond which nothing matters to a pixel.

    Args:
        receptive_field: side of the square of what matters to a pixel, an odd number.
        step: what offsets of tiles are multiples of.
    """
    return -(-(receptive_field // 2) // step) * step


def tiles_along(length: int, core: int, overlap: int, reach: int) -> list[Tile]:
    """The tiles of one axis: a core each, and `overlap` pixels on either side where the picture goes on.

    At an edge within the picture the outermost `reach` pixels of a tile do not count, since the net saw an edge there
    that is none; where the overlap is narrower than `reach`, the outer half of it does not. From there to as far from
    the end of the neighbour weights rise linearly.

    Args:
        length: of the picture, a multiple of the step.
        core: how far tiles are apart, a multiple of the step.
        overlap: pixels, a multiple of the step.
        reach: how far from a pixel something matters to it.
    """
    unsure = reach if overlap >= reach else overlap // 2
    found = []
    for first in range(0, length, core):
        start, stop = max(0, first - overlap), min(length, first + core + overlap)
        pixels = np.arange(stop - start, dtype=np.float32) + 0.5
        weights = np.ones(stop - start, np.float32)
        if start > 0:
            weights = np.minimum(weights, _rise(pixels, unsure, overlap))
        if stop < length:
            weights = np.minimum(weights, _rise(pixels[::-1], unsure, overlap))
        found.append(Tile(start, stop, weights))
        if stop == length:
            break
    return found


def _rise(distance: NDArray[np.float32], unsure: int, overlap: int) -> NDArray[np.float32]:
    """Weights by the distance from an edge of a tile: 0 up to `unsure`, 1 from `2 overlap - unsure`."""
    width = 2 * (overlap - unsure)
    if width == 0:
        return (distance > unsure).astype(np.float32)
    return np.clip((distance - unsure) / width, 0, 1).astype(np.float32)


def sums(tiles: list[Tile], length: int) -> NDArray[np.float32]:
    """The sum of the weights at each pixel, (length,)."""
    total = np.zeros(length, np.float32)
    for tile in tiles:
        total[tile.start : tile.stop] += tile.weights
    return total
