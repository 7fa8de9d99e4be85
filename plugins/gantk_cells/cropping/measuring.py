"""Where cells are, how large, how they lie, how sharp; and which are left out, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gantk_cells.cropping.segmenting import Found
from gantk_cells.cropping.settings import Drop

SMALLEST, LARGEST = 0.25, 4.0  # of the median area, where nothing is said
AROUND = 3  # pixels round a nucleus in which its edge is looked for
SPECK, BORDER, SMALL, LARGE, BLURRED, FRAME, BEYOND = (
    "specks",
    "at the border",
    "too small",
    "too large",
    "out of focus",
    "larger than the frame",
    "frame beyond the field",
)
REASONS = (SPECK, BORDER, SMALL, LARGE, BLURRED, FRAME, BEYOND)


@dataclass
class Cell:
    """One cell of a field, in pixels of the field.

    Args:
        field: name of the field.
        tags: of the field.
        label: its number in the label image of the field; 0: it is a speck.
        y: of its centre of mass.
        x: the same.
        area: pixels.
        angle: degrees by which its long axis is turned from x towards y, above −90 to 90.
        extent: height and width of the smallest box round its centre that holds it, as it lies.
        turned_extent: the same with its long axis along x.
        sharpness: of the edge of its nucleus, or its own: steepest slope relative to contrast, in 1 / pixel.
        at_border: whether it touches the border of the field.
        reason: why it is left out; "" where it is kept.
        file: name of its image; "" where there is none.
        split: "train" or "test" where there are folders of both, else "".
        pixel_size: micrometres; None where it is not known.
    """

    field: str
    tags: dict[str, str]
    label: int
    y: float
    x: float
    area: float
    angle: float
    extent: tuple[float, float]
    turned_extent: tuple[float, float]
    sharpness: float
    at_border: bool
    reason: str = ""
    file: str = ""
    split: str = ""
    pixel_size: float | None = None


def measure(
    name: str,
    tags: dict[str, str],
    found: Found,
    channel: NDArray[Any],
    pixel_size: float | None,
) -> list[Cell]:
    """The cells of one field.

    Args:
        name: of the field.
        tags: of the field.
        found: cells, nuclei (None: sharpness is that of the cells), specks.
        channel: in which sharpness is measured, (H, W).
        pixel_size: micrometres, kept with the cells.
    """
    labels, nuclei = found.cells, found.nuclei
    height, width = labels.shape
    smooth = ndimage.gaussian_filter(channel.astype(np.float32), 1.0)
    slope = np.hypot(*np.gradient(smooth))
    cells = []
    cores = nuclei if nuclei is not None else labels
    core_places = ndimage.find_objects(cores)
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if place is None:
            continue
        rows, columns = np.nonzero(labels[place] == number)
        ys, xs = rows + place[0].start, columns + place[1].start
        y, x = float(ys.mean()), float(xs.mean())
        angle = _angle(ys - y, xs - x)
        core = core_places[number - 1] if number <= len(core_places) else None
        cells.append(
            Cell(
                name,
                tags,
                number,
                y,
                x,
                float(len(ys)),
                float(np.degrees(angle)),
                _extent(ys - y, xs - x, 0.0),
                _extent(ys - y, xs - x, angle),
                0.0 if core is None else _sharpness(core, cores, number, smooth, slope),
                bool(ys.min() == 0 or xs.min() == 0 or ys.max() == height - 1 or xs.max() == width - 1),
                pixel_size=pixel_size,
            )
        )
    for y, x, area in found.specks:
        own = (np.sqrt(area), np.sqrt(area))
        cells.append(Cell(name, tags, 0, y, x, area, 0.0, own, own, 0.0, False, SPECK, pixel_size=pixel_size))
    return cells


def _angle(y: NDArray[np.floating], x: NDArray[np.floating]) -> float:
    """The direction of the long axis by second moments, radians from x towards y, above −π/2 to π/2."""
    return 0.5 * float(np.arctan2(2 * (x * y).mean(), (x * x).mean() - (y * y).mean()))


def _extent(y: NDArray[np.floating], x: NDArray[np.floating], angle: float) -> tuple[float, float]:
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return 2 * float(np.abs(across).max()) + 1, 2 * float(np.abs(along).max()) + 1


def _sharpness(
    place: tuple[slice, ...], cores: NDArray[np.int32], number: int, smooth: NDArray[Any], slope: NDArray[Any]
) -> float:
    window = tuple(
        slice(max(0, each.start - AROUND), min(side, each.stop + AROUND))
        for each, side in zip(place, cores.shape, strict=True)
    )
    near = ndimage.binary_dilation(cores[window] == number, iterations=AROUND)
    values = smooth[window][near]
    low, high = np.percentile(values, [5, 95])
    return float(np.percentile(slope[window][near], 90) / (high - low)) if high > low else 0.0


def limits(cells: Sequence[Cell], drop: Drop) -> tuple[float, float, float]:
    """The smallest and the largest area, and the least sharpness, of cells that stay; areas in the unit of `drop`."""
    whole = [each for each in cells if each.reason != SPECK]
    inside = [each for each in whole if not each.at_border] or whole
    if not inside:
        return 0.0, float("inf"), 0.0
    usual = float(np.median([area_of(each) for each in inside]))
    sharp = float(np.median([each.sharpness for each in inside]))
    smallest = SMALLEST * usual if drop.smallest is None else drop.smallest
    largest = LARGEST * usual if drop.largest is None else drop.largest
    return smallest, largest, drop.focus * sharp


def area_of(cell: Cell) -> float:
    """In square micrometres; in pixels where their size is not known."""
    return cell.area * (cell.pixel_size or 1.0) ** 2


def leave_out(cells: Sequence[Cell], drop: Drop) -> tuple[float, float, float]:
    """Says of each cell why it is left out, where it is; the limits that were applied."""
    smallest, largest, blurred = limits(cells, drop)
    for cell in cells:
        if cell.reason == SPECK:
            continue
        if drop.border and cell.at_border:
            cell.reason = BORDER
        elif area_of(cell) < smallest:
            cell.reason = SMALL
        elif area_of(cell) > largest:
            cell.reason = LARGE
        elif cell.sharpness < blurred:
            cell.reason = BLURRED
    return smallest, largest, blurred
