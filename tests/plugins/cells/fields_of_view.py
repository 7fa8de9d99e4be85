"""Fields of view that tests draw themselves: what is in them is known to the pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

SIDE = 160


def discs(
    centres: list[tuple[float, float]], radius: float, side: int = SIDE, squeeze: float = 1.0, angle: float = 0.0
) -> NDArray[np.int32]:
    """Labels 1, 2, … of discs, or with `squeeze` of ellipses whose long axis is turned `angle` degrees."""
    labels = np.zeros((side, side), np.int32)
    y, x = np.mgrid[:side, :side].astype(float)
    turn = np.radians(angle)
    for number, (row, column) in enumerate(centres, start=1):
        along = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
        across = (y - row) * np.cos(turn) - (x - column) * np.sin(turn)
        labels[(along**2 + (across / squeeze) ** 2) <= radius**2] = number
    return labels


def field(centres: list[tuple[float, float]], seed: int = 0, side: int = SIDE, kind: str = "uint8") -> NDArray:
    """A field of cells of radius 12 with nuclei of radius 6: DNA, body, spots, on a dim ground, (3, side, side)."""
    rng = np.random.default_rng(seed)
    nuclei, bodies = discs(centres, 6, side) > 0, discs(centres, 12, side) > 0
    planes = [150.0 * nuclei, 100.0 * bodies, 60.0 * bodies + 40 * nuclei]
    planes = [ndimage.gaussian_filter(each, 0.7) + 5 + rng.normal(0, 1, each.shape) for each in planes]
    return np.stack(planes).clip(0, 255).round().astype(kind)


CENTRES = [(30, 30), (30, 75), (30, 120), (80, 40), (80, 90), (125, 30), (125, 75), (125, 125)]


def write_fields(folder: Path, names: str = "field{}_{}.tif", fields: tuple[str, ...] = ("01", "02", "03")) -> Path:
    """A folder of fields of eight cells each, one file a channel (D, F, R)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(fields):
        moved = [(y + number, x - number) for y, x in CENTRES]
        for channel, plane in zip("DFR", field(moved, number), strict=True):
            tifffile.imwrite(folder / names.format(name, channel), plane)
    return folder
