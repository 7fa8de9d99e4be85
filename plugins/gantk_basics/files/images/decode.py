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
from gantk.files import refuse_devices
from gantk.messages import nearest
from gantk_basics.files.images.alpha import PROFILE, TURNED, Alpha, upright, without_alpha
from gantk_basics.files.images.channel_files import names_in_labels
from gantk_basics.files.images.class_folder import shown
from gantk_basics.files.images.pixel_size import ome_pixel_size, png_pixel_size, tiff_pixel_size
from gantk_basics.files.images.tiff_file import EXTRA, MissingCodec, open_tiff, read_pixels

NOTE = "gantk"  # the key of gantk's own JSON in the OME map annotation
PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP"}  # what Pillow reads
ORIENTATION = 0x0112  # of EXIF and TIFF
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
        remarks: what of the file was left out, or taken in one sense of several.
        note: all that gantk wrote of its own samples; None of other files.
    """

    images: NDArray[Any]
    names: tuple[str, ...] = ()
    pixel_size: float | None = None
    colour: bool = False
    origin: str = ""
    remarks: tuple[str, ...] = ()
    note: dict[str, Any] | None = None


def decode(path: Path, *, slices: bool = False, alpha: Alpha | None = None) -> Decoded:
    """One image file.

    Args:
        path: a PNG, JPEG, WebP or BMP, else a TIFF.
        slices: whether slices, time points and pairs of one sample are images of their own; otherwise they are refused.
        alpha: what becomes of transparency; None leaves it out, and says so.

    Raises:
        DataError: the file is sound, but not one image with channels of 8 or 16 bits, or floating-point numbers.
        ValueError: an empty file, or pixels that are no numbers.
    """
    refuse_devices(path, DataError)
    if not path.stat().st_size:
        raise ValueError("it is empty (0 bytes)")
    form = PICTURES.get(path.suffix.lower())
    decoded = _picture(path, form, alpha) if form else _tiff(path, slices, alpha)
    if decoded.images.dtype.kind == "f" and not np.isfinite(decoded.images).all():
        raise ValueError("it has pixels that are not numbers (NaN or infinite)")
    if decoded.note and not slices and '"unit_axes": 0' not in str(decoded.note.get("spec", '"unit_axes": 0')):
        raise DataError(f"{shown(path)} holds samples of pairs that are not of one cell, not stacks of channels")
    return decoded


def _picture(path: Path, form: str, policy: Alpha | None) -> Decoded:
    with path.open("rb") as file:
        header = file.read(26)
    deep = header[24:25] == b"\x10" and header[25:26] in (b"\x02", b"\x04", b"\x06")
    if form == "PNG" and deep:  # Pillow would round them to 8 bits
        array, size = _deep_png(path), None
        with Image.open(path, formats=["PNG"]) as image:
            facts, orientation = dict(image.info), image.getexif().get(ORIENTATION, 1)
    else:
        with Image.open(path, formats=[form]) as image:
            if (frames := getattr(image, "n_frames", 1)) > 1 and form != "JPEG":
                raise DataError(f"{shown(path)} is an animation of {frames} pictures; save each to a file of its own")
            if image.mode == "CMYK":
                raise DataError(
                    f"{shown(path)} is a picture for printing (CMYK), not one in light; save it in grey or RGB"
                )
            machine.refuse_above_data_limit(8 * image.width * image.height, shown(path), DataError)
            facts, orientation = dict(image.info), image.getexif().get(ORIENTATION, 1)
            plainer = {"1": "L", "P": "RGB", "PA": "RGBA"}.get(image.mode)
            if "transparency" in image.info:
                plainer = "LA" if image.mode in ("1", "L") else "RGBA"
            array = np.asarray(image.convert(plainer) if plainer else image)
            size = png_pixel_size(image.info) if form == "PNG" else None
    array = np.atleast_3d(_of_known_type(path, array))
    remarks: tuple[str, ...] = ()
    if array.shape[2] in (2, 4):
        array, remarks = without_alpha(path, array[:, :, :-1], array[:, :, -1:], policy)
    if orientation in range(2, 9):
        remarks += (TURNED,)
    if "gamma" in facts or facts.get("icc_profile"):
        remarks += (PROFILE,)
    images = upright(array.transpose(2, 0, 1)[None], orientation)
    return Decoded(np.ascontiguousarray(images), (), size, images.shape[1] == 3, remarks=remarks)


def _deep_png(path: Path) -> NDArray[Any]:
    """A PNG of several channels with 16 bits each, (H, W, C)."""
    try:
        from imagecodecs import png_decode
    except ImportError as error:
        raise MissingCodec(
            f"{shown(path)} is a colour PNG of 16 bits, which needs imagecodecs: {EXTRA}, or save it as TIFF"
        ) from error
    with Image.open(path, formats=["PNG"]) as image:
        machine.refuse_above_data_limit(8 * image.width * image.height, shown(path), DataError)
    return png_decode(path.read_bytes())


def _tiff(path: Path, slices: bool, policy: Alpha | None) -> Decoded:
    with open_tiff(path) as tiff:
        if not len(tiff.pages):
            raise ValueError("it ends before its first image; the rest of the file is missing")
        root = ElementTree.fromstring(tiff.ome_metadata) if tiff.ome_metadata else None
        imagej: dict[str, Any] = tiff.imagej_metadata or {}
        _refuse_several(path, tiff, root)
        series, page = tiff.series[0], tiff.pages.first
        machine.refuse_above_data_limit(series.nbytes, shown(path), DataError)
        pixels = read_pixels(path, series, policy)
        orientation = int(getattr(page.tags.get(ORIENTATION), "value", 1))
        profiled = "InterColorProfile" in page.tags
        pixel_size = tiff_pixel_size(page, imagej)
    array = _of_known_type(path, pixels.values)
    note = None if root is None else note_of(root)
    images = _cells(path, array, pixels.axes, "TZ" if slices else "T" if note else "")
    remarks = pixels.remarks + (PROFILE,) * profiled + (TURNED,) * (orientation in range(2, 9))
    images = np.ascontiguousarray(upright(images, orientation))
    names = names_in_labels(tuple(map(str, imagej.get("Labels") or ())), path.stem)
    if root is not None:
        names, pixel_size = ome_names(root), ome_pixel_size(root) or pixel_size
    names = tuple(shown(name.strip()) for name in names) if len(names) == images.shape[1] and any(names) else ()
    origin = str(note.get("attributes", {}).get("origin", "")) if note else ""
    return Decoded(images, names, pixel_size, pixels.colour, origin, remarks, note)


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


def _cells(path: Path, array: NDArray[Any], axes: str, cells: str) -> NDArray[Any]:
    """Any order of axes as (n, C, H, W); `cells` are the axes along which n images lie."""
    sizes = dict(zip(axes, array.shape, strict=True))
    planes = [axis for axis in axes if axis not in "YX" and axis not in cells]
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
    order = [*(axis for axis in axes if axis in cells), *planes, "Y", "X"]
    array = array.transpose([axes.index(axis) for axis in order])
    channels = sizes[planes[0]] if planes else 1
    return array.reshape(-1, channels, sizes["Y"], sizes["X"])


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
