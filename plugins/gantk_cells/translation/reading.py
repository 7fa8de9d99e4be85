"""Fields to translate, of which rows are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import tifffile
from gantk_basics.files.images.class_folder import shown
from gantk_basics.files.images.decode import PICTURES, decode, ome_names
from gantk_basics.files.images.pixel_size import ome_pixel_size, tiff_pixel_size
from gantk_basics.files.images.tiff_file import open_tiff
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk.messages import nearest
from gantk_cells.cropping.patterns import BY_BIOIO, BY_ZARR
from gantk_cells.cropping.volumes import open_volumes
from gantk_cells.translation.inputs import InputField, Part

RESIDENT = 2**26
"""Bytes up to which a file is read whole; larger TIFFs are read by rows where they can be."""
KINDS = ("uint8", "uint16", "float32")

FileKind = Literal["tiff", "picture", "zarr"]


@dataclass(frozen=True)
class Planes:
    """The channels of one file.

    Args:
        path: of the file.
        shape: channels, height and width.
        names: of the channels, () where the file has none.
        type: of the pixels.
        pixel_size: micrometres; None where the file does not say.
        kind: of file.
        rows: (channel, top, bottom) to (bottom - top, W).
    """

    path: Path
    shape: tuple[int, int, int]
    names: tuple[str, ...]
    type: str
    pixel_size: float | None
    kind: FileKind
    rows: Callable[[int, int, int], NDArray[Any]]


@dataclass(frozen=True)
class FieldPicture:
    """A field: the channels that a model is given, from one file or several. It is a source of rows.

    Args:
        channels: the file and the number of each channel.
        shape: channels, height and width.
    """

    channels: tuple[tuple[Planes, int], ...]
    shape: tuple[int, int, int]

    @property
    def first(self) -> Planes:
        """The first file, whose kind and size of a pixel count."""
        return self.channels[0][0]

    @property
    def pixel_size(self) -> float | None:
        """Micrometres; None where no file says."""
        return next((planes.pixel_size for planes, _ in self.channels if planes.pixel_size), None)

    def read(self, top: int, bottom: int) -> NDArray[Any]:
        """Rows from `top` to before `bottom`, (C, bottom - top, W).

        Raises:
            DataError: a file that turns out to be damaged.
        """
        found = []
        for planes, channel in self.channels:
            found.append(_guarded(planes.path, lambda p=planes, c=channel: p.rows(c, top, bottom)))  # type: ignore[misc]
        return np.stack([each.astype(np.float32) for each in found])


class Watched:
    """A picture that keeps in mind the mean of each channel of what was read of it.

    Args:
        picture: the picture.
    """

    def __init__(self, picture: FieldPicture):
        self.picture = picture
        self.sum: NDArray[np.float64] = np.zeros(picture.shape[0])
        self.count = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.picture.shape

    def read(self, top: int, bottom: int) -> NDArray[Any]:
        """Rows from `top` to before `bottom`."""
        rows = self.picture.read(top, bottom)
        self.sum += rows.sum((1, 2), np.float64)
        self.count += rows[0].size
        return rows

    def means(self) -> list[float]:
        """Of each channel."""
        return (self.sum / max(self.count, 1)).tolist()


def open_field(field: InputField, parts: Sequence[Part], needed: int, channels: Sequence[Part] | None) -> FieldPicture:
    """A field whose channels are those that the model is given.

    Args:
        field: its files.
        parts: what the data of the run call them.
        needed: how many channels the model is given.
        channels: which channels of each file, by number or name; None: as the run has them.

    Raises:
        DataError: a file that cannot be read, has other channels, or is of another size than the others.
    """
    opened = [_guarded(path, lambda p=path: open_planes(p)) for path in field.files]  # type: ignore[misc]
    chosen: list[tuple[Planes, int]] = []
    for planes in opened:
        if channels is not None:
            wanted = [_channel(planes, each) for each in channels]
        elif len(opened) > 1:
            wanted = list(range(planes.shape[0]))
        else:
            wanted = _as_trained(planes, parts, needed)
        chosen += [(planes, channel) for channel in wanted]
    sizes = {planes.shape[1:] for planes in opened}
    if len(sizes) > 1:
        listed = ", ".join(f"{shown(each.path.name)} {each.shape[1]} x {each.shape[2]}" for each in opened)
        raise DataError(f"the channels of field {shown(field.name)} are of several sizes: {listed}")
    return FieldPicture(tuple(chosen), (len(chosen), *sizes.pop()))


def open_planes(path: Path) -> Planes:
    """The channels of one file.

    Raises:
        DataError: not one picture with channels, or a kind whose library is missing.
    """
    ending = path.suffix.lower()
    if ending in (*BY_ZARR, *BY_BIOIO):
        return _from_volume(path)
    if ending not in PICTURES and (streamed := _streamed(path)):
        return streamed
    decoded = decode(path)
    if len(decoded.images) > 1:
        raise DataError(f"{shown(path)} holds {len(decoded.images)} images; a field of view is one")
    image = decoded.images[0]
    shape = image.shape[0], image.shape[1], image.shape[2]
    kind: FileKind = "picture" if ending in PICTURES else "tiff"
    return Planes(
        path, shape, decoded.names, image.dtype.name, decoded.pixel_size, kind, lambda c, top, end: image[c, top:end]
    )


def _guarded(path: Path, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything: TiffFileError, zlib.error, …
        raise DataError(f"{shown(path)} cannot be read: {shown(str(error) or type(error).__name__)}") from error


def _from_volume(path: Path) -> Planes:
    volumes = open_volumes(path, None)
    if len(volumes) > 1:
        raise DataError(f"{shown(path)} holds {len(volumes)} fields; save each to a file of its own")
    (volume,) = volumes
    times, count, depth, height, width = volume.sizes
    if times > 1 or depth > 1:
        raise DataError(
            f"{shown(path)} has {times} time points and {depth} planes; a field is one picture. Save each plane as a "
            "channel or a file of its own"
        )
    if volume.type not in KINDS:
        raise DataError(f"{shown(path)} has pixels of type {volume.type}; read are {', '.join(KINDS)}")
    by_rows = volume.rows
    whole: dict[int, NDArray[Any]] = {}

    def rows(channel: int, top: int, bottom: int) -> NDArray[Any]:
        if by_rows is not None:
            return by_rows(0, channel, top, bottom)[0]
        if channel not in whole:
            whole[channel] = volume.read(0, channel)[0]
        return whole[channel][top:bottom]

    kind: FileKind = "zarr" if path.suffix.lower() in BY_ZARR else "tiff"
    return Planes(path, (count, height, width), volume.names, volume.type, volume.pixel_size, kind, rows)


def _streamed(path: Path) -> Planes | None:
    """A large TIFF of grey planes, whose strips or tiles are read when they are asked for; None: read it whole."""
    with open_tiff(path) as tiff:
        series = tiff.series[0]
        page = series.keyframe
        plain = page.photometric == tifffile.PHOTOMETRIC.MINISBLACK and page.samplesperpixel == 1
        if series.nbytes <= RESIDENT or not plain or len(tiff.series) > 1 or "Orientation" in page.tags:
            return None
        if series.axes not in ("YX", "CYX") or page.dtype is None or page.dtype.name not in KINDS:
            return None
        shape = (1, *series.shape) if series.axes == "YX" else series.shape
        root = ElementTree.fromstring(tiff.ome_metadata) if tiff.ome_metadata else None
        if root is not None and len({item.get("FileName") for item in root.iter() if item.tag.endswith("}UUID")}) > 1:
            return None
        size = tiff_pixel_size(tiff.pages.first, tiff.imagej_metadata or {})
        if len(series.pages) != shape[0]:
            return None
    names: tuple[str, ...] = ()
    if root is not None:
        names, size = ome_names(root), ome_pixel_size(root) or size
    names = tuple(shown(each.strip()) for each in names) if len(names) == shape[0] and all(names) else ()
    return Planes(path, (shape[0], shape[1], shape[2]), names, page.dtype.name, size, "tiff", TiffRows(path))


class TiffRows:
    """Reads rows of the planes of a TIFF: of its strips or tiles those that hold them.

    Args:
        path: of a file with a page for each channel, grey.
    """

    def __init__(self, path: Path):
        self.path = path
        self.decoded: dict[tuple[int, int], NDArray[Any]] = {}  # what was decoded for the rows asked for last

    def __call__(self, channel: int, top: int, bottom: int) -> NDArray[Any]:
        """Rows of a channel, (bottom - top, W)."""
        with open_tiff(self.path) as tiff:
            page: Any = tiff.series[0].pages[channel]
            frame: Any = tiff.series[0].keyframe
            rows = np.zeros((bottom - top, frame.imagewidth), frame.dtype.newbyteorder("="))
            if frame.compression == tifffile.COMPRESSION.NONE and page.is_contiguous and frame.predictor == 1:
                kind = np.dtype(f"{tiff.byteorder}{frame.dtype.char}")
                stored = (frame.imagelength, frame.imagewidth)
                plane = np.memmap(self.path, kind, "r", page.dataoffsets[0], stored)
                rows[:] = plane[top:bottom]
                return rows
            kept = {key: each for key, each in self.decoded.items() if key[0] != channel}
            for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
                _, (_, _, first, left, _), (_, height, width, _) = frame.decode(None, index)
                if first >= bottom or first + height <= top or not count:
                    continue
                if (channel, index) not in self.decoded:
                    tiff.filehandle.seek(offset)
                    raw = tiff.filehandle.read(count)
                    segment = frame.decode(raw, index, jpegtables=frame.jpegtables)[0]
                    if segment is None:
                        continue
                    kept[channel, index] = segment[0, :, :, 0]
                else:
                    kept[channel, index] = self.decoded[channel, index]
                low, high = max(first, top), min(first + height, bottom)
                width = min(width, frame.imagewidth - left)  # tiles reach beyond the edge
                part = kept[channel, index][low - first : high - first, :width]
                rows[low - top : high - top, left : left + width] = part
            self.decoded = kept
        if rows.dtype.kind == "f" and not np.isfinite(rows).all():
            raise ValueError("it has pixels that are not numbers (NaN or infinite)")
        return rows


def _as_trained(planes: Planes, parts: Sequence[Part], needed: int) -> list[int]:
    """The channels of a file that are given: by name or number as in training, or all where they are as many."""
    count = planes.shape[0]
    by_number = bool(parts) and all(isinstance(part, int) and part < count for part in parts)
    by_name = bool(parts) and bool(planes.names) and all(part in planes.names for part in parts)
    if by_name or (by_number and (count > needed or list(parts) == list(range(count)))):
        return [_channel(planes, part) for part in parts]
    if count == needed:
        return list(range(count))
    there = f" ({', '.join(planes.names)})" if planes.names else ""
    wanted = f" ({', '.join(map(str, parts))})" if parts else ""
    raise DataError(
        f"{shown(planes.path)} has {count} channel{'s' * (count > 1)}{there}, and the model is given {needed}{wanted}; "
        "say which, in order: --channels NAME,NAME or numbers from 0"
    )


def _channel(planes: Planes, wanted: Part) -> int:
    count = planes.shape[0]
    if isinstance(wanted, str) and wanted in planes.names:
        return planes.names.index(wanted)
    if isinstance(wanted, int) or str(wanted).isdecimal():
        if int(wanted) < count:
            return int(wanted)
        raise DataError(f"{shown(planes.path)} has {count} channels, counted from 0: there is no channel {wanted}")
    near = nearest(str(wanted), planes.names, cutoff=0.4)
    there = ", ".join(planes.names) or f"{count} channels without names"
    meant = f" Did you mean {near}?" if near else ""
    raise DataError(f"{shown(planes.path)} has no channel {wanted!r}; it has {there}.{meant}")
