"""Finds nuclei and cells by classical rules: smoothed threshold, watershed of touching nuclei, seeded watershed."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gantk.errors import DataError
from gantk_cells.cropping.settings import Segment

EXTRA = "pip install 'gantk[morphology]'"
SMOOTH = 1.5  # pixels: what nuclei are first found with
DIMMEST = 0.5  # of Otsu's threshold: below, nothing is a nucleus, however dark its surroundings
LEAST = 20  # pixels: the smallest piece that counts where the size of nuclei is estimated


def scikit_image() -> ModuleType:
    """The library, imported when cells are first looked for.

    Raises:
        DataError: it is not installed.
    """
    try:
        import skimage.feature
        import skimage.filters
        import skimage.segmentation
    except ImportError as error:
        raise DataError(f"segment: needs the library scikit-image: {EXTRA}; or give masks= of your own") from error
    return skimage


def segment(
    image: NDArray[Any], nuclei: int, cells: int | None, settings: Segment, pixel_size: float | None
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Labels of cells and of their nuclei, (H, W) each, 0 outside; equal numbers belong together.

    Args:
        image: (C, H, W).
        nuclei: the channel in which they are bright.
        cells: the channel in which cells are bright; None: a nucleus and what lies around it.
        settings: lengths in micrometres; in pixels where their size is not known.
        pixel_size: micrometres; None: lengths are in pixels.

    Raises:
        DataError: scikit-image is not installed, or there is no nucleus.
    """
    skimage = scikit_image()
    unit = pixel_size or 1.0
    bright = image[nuclei].astype(np.float32)
    smooth = (settings.smooth / unit) if settings.smooth else SMOOTH
    diameter = settings.diameter / unit if settings.diameter else None
    if diameter is None:
        diameter = usual_diameter(_above(ndimage.gaussian_filter(bright, smooth), "otsu", None, skimage))
    if not settings.smooth and settings.diameter:
        smooth = diameter / 12
    found = _above(ndimage.gaussian_filter(bright, smooth), settings.nuclei_threshold, diameter, skimage)
    if not found.any():
        return np.zeros(image.shape[1:], np.int32), np.zeros(image.shape[1:], np.int32)
    if settings.diameter is None:
        diameter = usual_diameter(found)
    apart = settings.apart / unit if settings.apart else 0.3 * diameter
    own = parted(found, diameter, apart, skimage)
    away = ndimage.distance_transform_edt(own == 0)
    reach = settings.reach / unit if settings.reach else 0.7 * diameter
    allowed = away <= reach
    if cells is None:
        return skimage.segmentation.watershed(away, own, mask=allowed).astype(np.int32), own
    body = ndimage.gaussian_filter(image[cells].astype(np.float32), smooth)
    mask = (_above(body, settings.cells_threshold, diameter, skimage) & allowed) | (own > 0)
    top = max(float(np.percentile(body, 99)), 1e-6)
    whole = skimage.segmentation.watershed(body / top + 2 * away / diameter, own, mask=mask)
    return whole.astype(np.int32), own


def usual_diameter(found: NDArray[np.bool_]) -> float:
    """The diameter, in pixels, of a circle with the median area of the connected regions."""
    labels, _ = ndimage.label(found)
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > LEAST] if (areas > LEAST).any() else areas
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if len(areas) else 10.0


def parted(found: NDArray[np.bool_], diameter: float, apart: float, skimage: ModuleType) -> NDArray[np.int32]:
    """Touching nuclei apart: a watershed of the distance to the background, from its maxima.

    Args:
        found: which pixels are those of nuclei.
        diameter: of a usual nucleus, pixels.
        apart: how far maxima are apart at least, pixels.
        skimage: the library.
    """
    regions, _ = ndimage.label(found)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(found), diameter / 16)
    peaks = skimage.feature.peak_local_max(
        depth, min_distance=max(1, round(apart)), labels=regions, exclude_border=False
    )
    seeds = np.zeros(found.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return skimage.segmentation.watershed(-depth, seeds, mask=found).astype(np.int32)


def _above(
    smooth: NDArray[np.float32], threshold: str | float, diameter: float | None, skimage: ModuleType
) -> NDArray[np.bool_]:
    """Which pixels are above a threshold; single ones are removed, holes filled."""
    if not np.ptp(smooth):
        return np.zeros(smooth.shape, bool)
    filters = skimage.filters
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
