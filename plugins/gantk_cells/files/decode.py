"""One image file as an array, with what it says of its channels and of the size of a pixel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from gantk import machine
from gantk.errors import DataError
from gantk.messages import nearest
from gantk_cells.files.channel_files import names_in_labels
from gantk_cells.files.class_folder import shown
from gantk_cells.files.tiff_file import open_tiff

NOTE = "gantk"  # the key of gantk's own JSON in the OME map annotation
MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "\\u00b5m": 1.0, "nm": 1e-3, "mm": 1e3}
PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}  # what Pillow reads
MOST_PAGES = 16  # of a TIFF that does not say what its pages are
IN_FIJI = {
    "Z": "a z-stack: project it first (Fiji: Image › Stacks › Z Project…, Max Intensity), or save its best plane",
    "T": "a time series: save each time point to its own file (Fiji: Image › Stacks › Tools › Stack Splitter)",
}
IF_CHANNELS = "if they are channels, say so: Fiji, Image › Properties…, Channels {n}, Slices 1, Frames 1; then save"


@dataclass(frozen=True)
class Decoded:
    """What a file holds.

    Args:
        images: of one cell or, of a file that gantk wrote, of several: uint8, uint16 or float32, (n, C, H, W).
        names: of the channels, "" where one has none; () where the file does not name them.
        pixel_size: micrometres; None where the file does not say.
        colour: whether it is a colour picture rather than a stack of channels.
        origin: what gantk wrote of its own images ("generated", …), else "".
    """

    images: NDArray[Any]
    names: tuple[str, ...] = ()
    pixel_size: float | None = None
    colour: bool = False
    origin: str = ""


def decode(path: Path) -> Decoded:
    """One image file.

    Raises:
        DataError: the file is sound, but not one image with channels of 8 or 16 bits, or floating-point numbers.
        ValueError: an empty file, or pixels that are no numbers.
    """
    if not path.stat().st_size:
        raise ValueError("it is empty (0 bytes)")
    form = PICTURES.get(path.suffix.lower())
    decoded = _picture(path, form) if form else _tiff(path)
    if decoded.images.dtype.kind == "f" and not np.isfinite(decoded.images).all():
        raise ValueError("it has pixels that are not numbers (NaN or infinite)")
    return decoded


def _picture(path: Path, form: str) -> Decoded:
    with path.open("rb") as file:
        header = file.read(26)
    if (
        form == "PNG" and header[24:25] == b"\x10" and header[25:26] in (b"\x02", b"\x04", b"\x06")
    ):  # Pillow would round them to 8 bits
        raise DataError(f"{shown(path)} is a colour PNG of 16 bits, which is not read; save it as TIFF")
    with Image.open(path, formats=[form]) as image:
        if image.mode == "CMYK":
            raise DataError(f"{shown(path)} is a picture for printing (CMYK), not an image of a cell; save it as TIFF")
        plainer = {"1": "L", "P": "RGB"}.get(image.mode)
        array = np.asarray(image.convert(plainer) if plainer else image)
    array = _of_known_type(path, array)
    return Decoded(np.atleast_3d(array).transpose(2, 0, 1)[None], colour=array.ndim == 3)


def _tiff(path: Path) -> Decoded:
    with open_tiff(path) as tiff:
        if not len(tiff.pages):
            raise ValueError("it ends before its first image; the rest of the file is missing")
        root = ElementTree.fromstring(tiff.ome_metadata) if tiff.ome_metadata else None
        imagej: dict[str, Any] = tiff.imagej_metadata or {}
        _refuse_several(path, tiff, root)
        series, page = tiff.series[0], tiff.pages.first
        machine.refuse_above_memory(series.nbytes, shown(path), DataError)
        array, axes = series.asarray(), series.axes
        scale = page.tags.get("XResolution")
        shades = page.colormap if page.photometric == tifffile.PHOTOMETRIC.PALETTE and array.ndim == 2 else None
        if shades is not None and root is None and not imagej:
            array, axes = (shades[:, array] >> 8).astype(np.uint8), "SYX"  # a palette; Fiji's are for display
    array = _of_known_type(path, array)
    note = None if root is None else note_of(root)
    if note and '"unit_axes": 0' not in str(note.get("spec", '"unit_axes": 0')):
        raise DataError(f"{shown(path)} holds samples of pairs that are not of one cell, not stacks of channels")
    images = _cells(path, array, axes, note is not None)
    if root is not None:
        names, pixel_size = ome_names(root), ome_pixel_size(root)
    else:
        names = names_in_labels(tuple(map(str, imagej.get("Labels") or ())), path.stem)
        pixel_size = _imagej_pixel_size(imagej, scale.value if scale else None)
    names = tuple(shown(name.strip()) for name in names) if len(names) == images.shape[1] and any(names) else ()
    origin = str(note.get("attributes", {}).get("origin", "")) if note else ""
    return Decoded(images, names, pixel_size, "S" in axes, origin)


def _of_known_type(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "f":
        return array.astype(np.float32, copy=False)
    if array.dtype not in (np.uint8, np.uint16):
        signed = ", which has a sign" if array.dtype.kind == "i" else ""
        raise DataError(
            f"{shown(path)} has pixels of type {array.dtype}{signed}; read are uint8, uint16 (8 or 16 bits without a "
            "sign) and floating-point numbers; save it as one of these (Fiji: Image › Type › 32-bit keeps all values)"
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _refuse_several(path: Path, tiff: tifffile.TiffFile, root: ElementTree.Element | None) -> None:
    files = {item.get("FileName") for item in root.iter() if item.tag.endswith("}UUID")} if root is not None else ()
    if len(files) > 1:  # looked at before tiff.series, which would open the others
        raise DataError(
            f"{shown(path)} is one of {len(files)} files that make one OME-TIFF; save each cell to a file of its own"
        )
    if len(tiff.series) > 1:
        raise DataError(f"{shown(path)} holds {len(tiff.series)} images; save each to its own file")


def _cells(path: Path, array: NDArray[Any], axes: str, ours: bool) -> NDArray[Any]:
    """Any order of axes as (n, C, H, W)."""
    sizes = dict(zip(axes, array.shape, strict=True))
    planes = [axis for axis in axes if axis not in "YX" and not (ours and axis == "T")]
    for axis, advice in IN_FIJI.items():
        if axis in planes:
            alone = f"; {IF_CHANNELS.format(n=sizes[axis])}" if len(planes) == 1 else ""
            raise DataError(f"{shown(path)} is {_described(sizes)}, {advice}{alone}")
    if not {"Y", "X"} <= set(axes) or len(planes) > 1 or not set(planes) <= set("CSQI"):
        raise DataError(f"{shown(path)} is {_described(sizes)}, not one image; save each image to its own file")
    if set(planes) <= set("QI") and planes and sizes[planes[0]] > MOST_PAGES:
        raise DataError(
            f"{shown(path)} has {sizes[planes[0]]} pages and does not say what they are; "
            f"{IF_CHANNELS.format(n=sizes[planes[0]])}"
        )
    order = ["T"] * (ours and "T" in axes) + planes + ["Y", "X"]
    array = array.transpose([axes.index(axis) for axis in order])
    return array.reshape(sizes["T"] if order[0] == "T" else 1, -1, sizes["Y"], sizes["X"])


def _described(sizes: dict[str, int]) -> str:
    return f"{' × '.join(map(str, sizes.values()))} ({''.join(sizes)})"


def chosen(path: Path, decoded: Decoded, channels: Sequence[int | str] | None) -> list[int]:
    """Which channels of a file are meant, counted from 0.

    Args:
        path: of the file, for messages.
        decoded: the file.
        channels: numbers or names; None means all.

    Raises:
        DataError: one that the file does not have, or has twice.
    """
    count = decoded.images.shape[1]
    return list(range(count)) if channels is None else [_channel(path, decoded, each) for each in channels]


def _channel(path: Path, decoded: Decoded, wanted: int | str) -> int:
    count, names = decoded.images.shape[1], decoded.names
    if isinstance(wanted, int):
        if wanted >= count:
            raise DataError(
                f"{shown(path)} has {count} channel{'s' * (count > 1)}, so there is no channel {wanted}; "
                f"choose from it: data.channels={list(range(count))}"
            )
        return wanted
    if not names:
        raise DataError(
            f"{shown(path)} does not name its {count} channels, so there is no channel {wanted!r}; "
            f"choose by number: data.channels={list(range(count))}"
        )
    places = [place for place, name in enumerate(names) if name == wanted]
    if len(places) > 1:
        raise DataError(
            f"{shown(path)} has {len(places)} channels called {wanted!r}; choose by number: "
            f"{' or '.join(map(str, places))} in data.channels"
        )
    if not places:
        near = nearest(wanted, names, cutoff=0.4)
        meant = f" Did you mean {near!r}?" if near else ""
        raise DataError(f"{shown(path)} has no channel {wanted!r}; it has {', '.join(map(repr, names))}.{meant}")
    return places[0]


def note_of(root: ElementTree.Element) -> dict[str, Any] | None:
    """What gantk wrote of its own samples into OME-XML, or None."""
    for item in root.iter():
        if item.tag.endswith("}M") and item.get("K") == NOTE and item.text:
            try:
                found = json.loads(item.text)
            except ValueError:
                return None
            return found if isinstance(found, dict) else None
    return None


def ome_names(root: ElementTree.Element) -> tuple[str, ...]:
    """The names of the channels in OME-XML, "" where one has none."""
    pixels = next((item for item in root.iter() if item.tag.endswith("}Pixels")), root)
    return tuple(item.get("Name") or "" for item in pixels if item.tag.endswith("}Channel"))


def ome_pixel_size(root: ElementTree.Element) -> float | None:
    """Micrometres of a pixel along x in OME-XML, or None."""
    pixels = next((item for item in root.iter() if item.tag.endswith("}Pixels")), root)
    return _micrometres(pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", "µm"))


def _imagej_pixel_size(imagej: dict[str, Any], resolution: Any) -> float | None:
    try:
        pixels, units = resolution  # a fraction: pixels a unit
        return _micrometres(units / pixels, str(imagej.get("unit", "")))
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def _micrometres(size: Any, unit: str) -> float | None:
    try:
        value = float(size) * MICROMETRES[unit.lower()]
    except (TypeError, ValueError, KeyError):
        return None
    return round(value, 9) if 0 < value < float("inf") else None
