"""The size of a pixel in micrometres, as OME-XML, ImageJ, TIFF and PNG say it."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import tifffile

MICROMETRES = {
    "m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3, "µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "pm": 1e-6,
    "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0, "å": 1e-4, "angstrom": 1e-4, "angstroms": 1e-4, "ångström": 1e-4,
    "in": 25400.0, "inch": 25400.0, "inches": 25400.0, '"': 25400.0, "thou": 25.4, "mil": 25.4,
} | {
    f"{prefix}{metre}{plural}": size
    for prefix, size in {"": 1e6, "centi": 1e4, "milli": 1e3, "micro": 1.0, "nano": 1e-3, "pico": 1e-6}.items()
    for metre in ("metre", "meter")
    for plural in ("", "s")
}  # fmt: skip
COARSEST = 10.0
"""Micrometres. A plain file that says more was given the resolution of a screen or a printer (72 or 300 dpi)."""


def micrometres(size: Any, unit: str) -> float | None:
    """A size in micrometres; None where size or unit say nothing.

    Args:
        size: of a pixel, in the unit.
        unit: its sign or name: "nm", "µm", "Å", "cm", "inch", ….
    """
    try:
        value = float(size) * MICROMETRES[unit.strip().lower()]
    except (TypeError, ValueError, KeyError):
        return None
    return round(value, 9) if 0 < value < float("inf") else None


def ome_pixel_size(root: ElementTree.Element) -> float | None:
    """Micrometres of a pixel along x in OME-XML, or None."""
    pixels = next((item for item in root.iter() if item.tag.endswith("}Pixels")), root)
    return micrometres(pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm"))


def tiff_pixel_size(page: tifffile.TiffPage, imagej: dict[str, Any]) -> float | None:
    """Micrometres of a pixel in ImageJ's unit where that is named, else in TIFF's own; None where neither says it.

    Args:
        page: the first of the file.
        imagej: what ImageJ wrote into the file, or nothing.
    """
    tag = page.tags.get("XResolution")
    try:
        pixels, units = tag.value  # type: ignore[union-attr]  # a fraction: pixels a unit
        each = units / pixels
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return None
    if imagej.get("unit"):
        return micrometres(each, str(imagej["unit"]))
    unit = page.tags.get("ResolutionUnit")
    return _of_a_microscope(
        micrometres(each, {2: "inch", 3: "cm"}.get(int(unit.value) if unit else 1 if imagej else 2, ""))
    )


def png_pixel_size(info: dict[Any, Any]) -> float | None:
    """Micrometres of a pixel in what Pillow says of a PNG: its chunk pHYs, as pixels an inch."""
    try:
        return _of_a_microscope(micrometres(1 / info["dpi"][0], "inch"))
    except (KeyError, TypeError, IndexError, ZeroDivisionError):
        return None


def _of_a_microscope(size: float | None) -> float | None:
    return size if size is not None and size <= COARSEST else None
