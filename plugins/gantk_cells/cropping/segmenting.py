"""Finds nuclei and cells by classical rules: smoothed threshold, watershed of touching nuclei, seeded watershed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gantk_cells.cropping.settings import Segment
from gantk_cells.scikit_image import scikit_image

SMOOTH = 1.5  # pixels: what nuclei are first found with
DIMMEST = 0.5  # of Otsu's threshold: below, nothing is a nucleus, however dark its surroundings
SPECK = 0.15  # of the area of a usual nucleus: smaller pieces are none
SPUR = 1 / 7  # diameters of a nucleus: what of a cell is narrower than twice this is cut off
LEAST = 20  # pixels: the smallest piece that counts where the size of nuclei is estimated


def skimage(part: str) -> Any:
    """A module of scikit-image, imported when cells are first looked for.

    Args:
        part: its name: "feature", "filters", "segmentation".

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    return scikit_image(part, "segment:", "give masks= of your own")


@dataclass(frozen=True)
class Found:
    """What is in a field.

    Args:
        cells: labels, (H, W), 0 outside.
        nuclei: the same; equal numbers belong together.
        specks: y, x and pixels of what is bright as a nucleus is, and much smaller.
    """

    cells: NDArray[np.int32]
    nuclei: NDArray[np.int32] | None
    specks: list[tuple[float, float, float]]


def segment(image: NDArray[Any], nuclei: int, cells: int | None, settings: Segment, pixel_size: float | None) -> Found:
    """Cells and their nuclei.

    Args:
        image: (C, H, W).
        nuclei: the channel in which they are bright.
        cells: the channel in which cells are bright; None: a nucleus and what lies around it.
        settings: lengths in micrometres; in pixels where their size is not known.
        pixel_size: micrometres; None: lengths are in pixels.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    unit = pixel_size or 1.0
    bright = image[nuclei].astype(np.float32)
    smooth = (settings.smooth / unit) if settings.smooth else SMOOTH
    diameter = settings.diameter / unit if settings.diameter else None
    if diameter is None:
        diameter = usual_diameter(_above(ndimage.gaussian_filter(bright, smooth), "otsu", None))
    if not settings.smooth and settings.diameter:
        smooth = diameter / 12
    found = _above(ndimage.gaussian_filter(bright, smooth), settings.nuclei_threshold, diameter)
    if not found.any():
        return Found(np.zeros(image.shape[1:], np.int32), None, [])
    if settings.diameter is None:
        diameter = usual_diameter(found)
    apart = settings.apart / unit if settings.apart else 0.3 * diameter
    own, specks = without_specks(parted(found, diameter, apart), SPECK * np.pi / 4 * diameter**2)
    away = ndimage.distance_transform_edt(own == 0)
    reach = settings.reach / unit if settings.reach else 0.7 * diameter
    allowed = away <= reach
    if cells is None:
        return Found(skimage("segmentation").watershed(away, own, mask=allowed).astype(np.int32), own, specks)
    body = ndimage.gaussian_filter(image[cells].astype(np.float32), smooth)
    mask = (_above(body, settings.cells_threshold, diameter) & allowed) | (own > 0)
    top = max(float(np.percentile(body, 99)), 1e-6)
    whole = skimage("segmentation").watershed(body / top + 2 * away / diameter, own, mask=mask)
    return Found(without_spurs(whole.astype(np.int32), own, SPUR * diameter), own, specks)


def without_specks(
    labels: NDArray[np.int32], least: float
) -> tuple[NDArray[np.int32], list[tuple[float, float, float]]]:
    """Labels without those of fewer pixels, numbered anew, and of those left out y, x and pixels."""
    areas = np.bincount(labels.ravel())
    small = [number for number in range(1, len(areas)) if areas[number] < least]
    places = ndimage.center_of_mass(labels > 0, labels, small) if small else []
    specks = [(float(y), float(x), float(areas[number])) for (y, x), number in zip(places, small, strict=True)]
    kept = np.ones(len(areas), np.int32)
    kept[[0, *small]] = 0
    return (np.cumsum(kept) * kept).astype(np.int32)[labels], specks


def without_spurs(cells: NDArray[np.int32], nuclei: NDArray[np.int32], narrow: float) -> NDArray[np.int32]:
    """Cells without what is narrower than twice `narrow` pixels: each opened by a disc, its nucleus kept."""
    edge = np.zeros(cells.shape, bool)
    for axis in (0, 1):
        other = np.roll(cells, 1, axis) != cells
        edge |= other | np.roll(other, -1, axis)
    depth = ndimage.distance_transform_edt(~edge)
    inner = np.where((depth > narrow) | (nuclei > 0), np.where(nuclei > 0, nuclei, cells), 0)
    grown = skimage("segmentation").expand_labels(inner, narrow + 1)
    return np.where(grown == cells, cells, 0).astype(np.int32)


def usual_diameter(found: NDArray[np.bool_]) -> float:
    """The diameter, in pixels, of a circle with the median area of the connected regions."""
    labels, _ = ndimage.label(found)
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > LEAST] if (areas > LEAST).any() else areas
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if len(areas) else 10.0


def parted(found: NDArray[np.bool_], diameter: float, apart: float) -> NDArray[np.int32]:
    """Touching nuclei apart: a watershed of the distance to the background, from its maxima.

    Args:
        found: which pixels are those of nuclei.
        diameter: of a usual nucleus, pixels.
        apart: how far maxima are apart at least, pixels.
    """
    regions, _ = ndimage.label(found)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(found), diameter / 16)
    peaks = skimage("feature").peak_local_max(
        depth, min_distance=max(1, round(apart)), labels=regions, exclude_border=False
    )
    seeds = np.zeros(found.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return skimage("segmentation").watershed(-depth, seeds, mask=found).astype(np.int32)


def _above(smooth: NDArray[np.float32], threshold: str | float, diameter: float | None) -> NDArray[np.bool_]:
    """Which pixels are above a threshold; single ones are removed, holes filled."""
    if not np.ptp(smooth):
        return np.zeros(smooth.shape, bool)
    filters = skimage("filters")
    if threshold == "local":
        ground = ndimage.gaussian_filter(smooth, 2 * (diameter or 10.0))
        above = (smooth > ground) & (smooth > DIMMEST * filters.threshold_otsu(smooth))
    elif threshold == "otsu_log":
        low = float(smooth.min())
        above = smooth > np.exp(filters.threshold_otsu(np.log(smooth - low + 1))) + low - 1
    elif isinstance(threshold, str):
        above = smooth > getattr(filters, f"threshold_{threshold}")(smooth)
    else:
        above = smooth > threshold
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_opening(above)))
