"""Masks that a user has: label images of Cellpose, StarDist, CellProfiler, or regions of interest of Fiji."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gantk_basics.files.images.class_folder import shown
from gantk_basics.files.images.tiff_file import open_tiff
from matplotlib.path import Path as Path2D
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gantk.console import warn
from gantk.errors import DataError
from gantk_cells.cropping.volumes import EXTRA, MissingReader

ROIS = (".roi", ".zip")
LABELS = (".tif", ".tiff", ".png")


def masks_path(template: str, tags: dict[str, str], fields: Path | None) -> Path:
    """The file of masks of a field.

    Args:
        template: "masks/field{field}.tif".
        tags: of the field.
        fields: folder of the fields, where it is looked for as well.

    Raises:
        DataError: a word that the field does not have, or no such file.
    """
    try:
        name = template.format_map(tags)
    except (KeyError, ValueError, IndexError) as error:
        known = ", ".join(f"{{{word}}}" for word in tags)
        raise DataError(f"masks={template}: {error} is no word of the pattern; there are {known}") from error
    places = [Path(name), *([fields / name] if fields is not None else [])]
    for place in places:
        if place.is_file():
            return place
    raise DataError(f"no masks of field {', '.join(tags.values())}: there is no file {shown(places[0])}")


def read_masks(path: Path, size: tuple[int, int]) -> NDArray[np.int32]:
    """Labels (H, W), 0 outside of cells.

    Args:
        path: of a label image, or of ROIs.
        size: of the field.

    Raises:
        DataError: it cannot be read, or is of another size.
        MissingReader: ROIs, and the library roifile is not installed.
    """
    ending = path.suffix.lower()
    if ending in ROIS:
        return _rois(path, size)
    if ending not in LABELS:
        raise DataError(
            f"{shown(path)}: masks are label images ({', '.join(LABELS)}) or ROIs of Fiji ({', '.join(ROIS)})"
        )
    try:
        values = _values(path)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything
        raise DataError(f"{shown(path)} cannot be read: {shown(str(error) or type(error).__name__)}") from error
    if values.shape != size:
        raise DataError(
            f"{shown(path)} is {' × '.join(map(str, values.shape))}, but its field is {size[0]} × {size[1]}"
        )
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == values.round()).all()):
        raise DataError(f"{shown(path)} holds numbers with decimals, which are no labels")
    if values.dtype.kind != "u" and values.min() < 0:
        raise DataError(f"{shown(path)} holds negative numbers, which are no labels")
    kinds = np.unique(values)
    if len(kinds) == 2 and kinds[0] == 0 and kinds[1] in (1, 255, 65535):
        labels, count = ndimage.label(values)
        if count > 1:
            warn(f"{shown(path)} holds one value besides 0: its {count} connected regions are taken for cells")
        return labels.astype(np.int32)
    return np.searchsorted(kinds, values).astype(np.int32) + (0 if kinds[0] == 0 else 1)


def _values(path: Path) -> NDArray[Any]:
    if path.suffix.lower() == ".png":
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode not in ("L", "I", "I;16", "1", "P"):
                raise DataError(f"{shown(path)} is a colour picture; masks are numbers, one for each cell")
            return np.asarray(image).astype(np.int32)
    with open_tiff(path) as tiff:
        return np.squeeze(tiff.series[0].asarray())


def _rois(path: Path, size: tuple[int, int]) -> NDArray[np.int32]:
    try:
        import roifile
    except ImportError as error:
        raise MissingReader(f"{shown(path)} holds ROIs of Fiji, which need the library roifile: {EXTRA}") from error
    try:
        found = roifile.roiread(path)
    except Exception as error:  # damaged files raise nearly anything
        raise DataError(f"{shown(path)} holds no ROIs of Fiji: {shown(str(error) or type(error).__name__)}") from error
    labels = np.zeros(size, np.int32)
    for number, roi in enumerate(found if isinstance(found, list) else [found], start=1):
        labels[inside_of(roi, size)] = number
    if not labels.any():
        raise DataError(f"{shown(path)} holds no ROI that encloses pixels of the field (points and lines enclose none)")
    return labels


def inside_of(roi: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels, (H, W), have their centres inside a region of interest."""
    inside = np.zeros(size, bool)
    for part in roi.coordinates(multi=True):
        if len(part) < 3:
            continue
        left, top = np.maximum(np.floor(part.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(part.max(0)).astype(int) + 1, size[::-1])
        if right <= left or bottom <= top:
            continue
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        within = Path2D(part).contains_points(np.stack([x.ravel(), y.ravel()], 1))
        inside[top:bottom, left:right] ^= within.reshape(y.shape)  # parts within parts are holes
    return inside
