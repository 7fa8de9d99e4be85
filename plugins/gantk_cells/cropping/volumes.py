"""Fields of view as they lie in files: TIFF, OME-TIFF, OME-Zarr, and through bioio CZI, ND2, LIF."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from gantk_basics.files.images.channel_files import names_in_labels
from gantk_basics.files.images.class_folder import shown
from gantk_basics.files.images.decode import ome_names
from gantk_basics.files.images.pixel_size import micrometres, ome_pixel_size, tiff_pixel_size
from gantk_basics.files.images.tiff_file import open_tiff, read_pixels
from numpy.typing import NDArray

from gantk import machine
from gantk.errors import DataError
from gantk_cells.cropping.patterns import BY_BIOIO, BY_ZARR

EXTRA = "pip install 'gantk[microscopy]'"
READERS = {".czi": "bioio_czi", ".nd2": "bioio_nd2", ".lif": "bioio_lif"}
PAGES = {"channels": "C", "z": "Z", "times": "T"}
UNKNOWN_AXES = "QI"


class MissingReader(DataError):
    """A kind of file whose reader is not installed."""


@dataclass(frozen=True)
class Volume:
    """One field in a file, of which planes are read when they are asked for.

    Args:
        name: of the scene in a file of several, else "".
        sizes: of the axes T, C, Z, Y, X.
        type: of the pixels.
        names: of the channels; () where the file does not name them.
        pixel_size: micrometres along x; None where the file does not say.
        read: (time, channel) to planes (Z, Y, X).
        rows: (time, channel, top, bottom) to these rows, (Z, bottom - top, X); None: they are read at once.
    """

    name: str
    sizes: tuple[int, int, int, int, int]
    type: str
    names: tuple[str, ...]
    pixel_size: float | None
    read: Callable[[int, int], NDArray[Any]]
    rows: Callable[[int, int, int, int], NDArray[Any]] | None = None


def open_volumes(path: Path, pages: str | None) -> list[Volume]:
    """The fields in a file.

    Args:
        path: of a TIFF, an OME-Zarr folder, a CZI, ND2 or LIF.
        pages: what pages are whose meaning a TIFF does not say: "channels", "z" or "times".

    Raises:
        DataError: it cannot be read, or is of another form; the message says what to do.
        MissingReader: the library for it is not installed.
    """
    ending = path.suffix.lower()
    try:
        if ending in BY_ZARR:
            return _zarr(path)
        return _bioio(path, ending) if ending in BY_BIOIO else [_tiff(path, pages)]
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything
        reason = str(error).strip() or type(error).__name__
        raise DataError(f"{shown(path)} cannot be read: {shown(reason)}") from error


def _tiff(path: Path, pages: str | None) -> Volume:
    with open_tiff(path) as tiff:
        root = ElementTree.fromstring(tiff.ome_metadata) if tiff.ome_metadata else None
        files = {item.get("FileName") for item in root.iter() if item.tag.endswith("}UUID")} if root is not None else ()
        if len(files) > 1:
            raise DataError(
                f"{shown(path)} is one of {len(files)} files that make one OME-TIFF, which are not put together here; "
                "save the field as one file, or say by pattern= what each file is: field{field}_{channel}.tif"
            )
        if len(tiff.series) > 1:
            raise DataError(f"{shown(path)} holds {len(tiff.series)} images; save each field to its own file")
        imagej: dict[str, Any] = tiff.imagej_metadata or {}
        machine.refuse_above_data_limit(tiff.series[0].nbytes, shown(path), DataError)
        pixels = read_pixels(path, tiff.series[0])
        size = tiff_pixel_size(tiff.pages.first, imagej)
    values, axes = pixels.values, pixels.axes.replace("S", "C") if "C" not in pixels.axes else pixels.axes
    for axis in UNKNOWN_AXES:
        if axis in axes:
            if pages is None:
                raise DataError(
                    f"{shown(path)} has {values.shape[axes.index(axis)]} pages and does not say what they are: "
                    "pages=channels, pages=z or pages=times"
                )
            axes = axes.replace(axis, PAGES[pages])
    if not {"Y", "X"} <= set(axes) or not set(axes) <= set("TCZYX") or len(set(axes)) < len(axes):
        raise DataError(f"{shown(path)} has the axes {pixels.axes}, not those of a field (T, C, Z, Y, X)")
    ordered = values.transpose([axes.index(axis) for axis in "TCZYX" if axis in axes])
    five = ordered.reshape([values.shape[axes.index(axis)] if axis in axes else 1 for axis in "TCZYX"])
    names = names_in_labels(tuple(map(str, imagej.get("Labels") or ())), path.stem)
    if root is not None:
        names, size = ome_names(root), ome_pixel_size(root) or size
    return Volume("", five.shape, five.dtype.name, _names(names, five.shape[1]), size, lambda t, c: five[t, c])


def _names(given: tuple[str, ...], count: int) -> tuple[str, ...]:
    names = tuple(shown(name.strip()) for name in given)
    return names if len(names) == count and all(names) and len(set(names)) == count else ()


def _zarr(path: Path) -> list[Volume]:
    """OME-Zarr of the versions 0.4 and 0.5: the largest of its resolutions; planes are read one by one."""
    try:
        import zarr
    except ImportError as error:
        raise MissingReader(f"{shown(path)} is an OME-Zarr, which needs the library zarr: {EXTRA}") from error
    group = zarr.open_group(str(path), mode="r")
    about: dict[str, Any] = dict(group.attrs)
    about = about.get("ome", about)
    if "multiscales" not in about:
        fields = [key for key in sorted(group.group_keys(), key=lambda key: (len(key), key)) if key.isdigit()]
        found = [each for key in fields for each in _zarr(path / key)]
        if not found:
            raise DataError(f"{shown(path)} is no OME-Zarr image (it has no multiscales)")
        return [Volume(key, *_rest(each)) for key, each in zip(fields, found, strict=True)]
    scales = about["multiscales"][0]
    axes = [axis["name"] if isinstance(axis, dict) else axis for axis in scales.get("axes", list("tczyx"))]
    largest = scales["datasets"][0]
    array: Any = group[largest["path"]]
    if not {"y", "x"} <= set(axes) or not set(axes) <= set("tczyx"):
        raise DataError(f"{shown(path)} has the axes {', '.join(axes)}, not those of a field (t, c, z, y, x)")
    sizes = tuple(array.shape[axes.index(axis)] if axis in axes else 1 for axis in "tczyx")
    scale = next((each["scale"] for each in largest.get("coordinateTransformations", []) if "scale" in each), None)
    unit = next(
        (axis.get("unit") for axis in scales.get("axes", []) if isinstance(axis, dict) and axis["name"] == "x"), None
    )
    size = (
        micrometres(scale[axes.index("x")], {"micrometer": "micron", "nanometer": "nm"}.get(unit, str(unit)))
        if scale and unit
        else None
    )
    labels = tuple(str(each.get("label", "")) for each in about.get("omero", {}).get("channels", []))

    def rows(time: int, channel: int, top: int, bottom: int) -> NDArray[Any]:
        wanted = {"t": time, "c": channel, "y": slice(top, bottom)}
        planes = np.asarray(array[tuple(wanted.get(axis, slice(None)) for axis in axes)])
        left = [axis for axis in axes if axis in "zyx"]
        planes = planes.transpose([left.index(axis) for axis in "zyx" if axis in left])
        return planes.reshape(sizes[2], -1, sizes[4])

    def read(time: int, channel: int) -> NDArray[Any]:
        return rows(time, channel, 0, sizes[3])

    return [Volume("", sizes, np.dtype(array.dtype).name, _names(labels, sizes[1]), size, read, rows)]  # type: ignore[arg-type]


def _rest(volume: Volume) -> tuple[Any, ...]:
    return volume.sizes, volume.type, volume.names, volume.pixel_size, volume.read, volume.rows


def _bioio(path: Path, ending: str) -> list[Volume]:
    """CZI, ND2 and LIF; a field for each scene."""
    try:
        from bioio import BioImage
    except ImportError as error:
        raise MissingReader(f"{shown(path)} needs the library bioio: {EXTRA}{_besides(ending)}") from error
    try:
        reader = import_module(READERS[ending]).Reader
    except ImportError as error:
        if ending == ".czi":
            raise MissingReader(
                f"{shown(path)} needs the library bioio-czi. Its licence is GPL-3, so it is not among the extras of "
                "gantk: pip install bioio-czi"
            ) from error
        raise MissingReader(f"{shown(path)} needs the library {READERS[ending].replace('_', '-')}: {EXTRA}") from error
    found = []
    try:
        logging.getLogger("bioio").setLevel(logging.ERROR)  # it would say itself, too, that it cannot read a file
        image = BioImage(path, reader=reader)
    except Exception as error:  # of each reader its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]  # before it, which readers were tried
        reason = reason[reason.rfind(f"{path.name}'.") + len(path.name) + 2 :] if f"{path.name}'." in reason else reason
        raise DataError(f"{shown(path)} cannot be read: {shown(reason.strip())}") from error
    for scene in image.scenes:
        image.set_scene(scene)
        sizes = tuple(int(each) for each in image.shape[-5:])
        if len(image.shape) > 5:
            raise DataError(f"{shown(path)} is a colour picture (RGB), not a field with channels")
        size = image.physical_pixel_sizes.X
        lazy = image.dask_data  # of this scene

        def read(time: int, channel: int, lazy: Any = lazy) -> NDArray[Any]:
            return np.asarray(lazy[time, channel].compute())

        names = _names(tuple(map(str, image.channel_names or ())), sizes[1])
        name = scene if len(image.scenes) > 1 else ""
        pixel = None if not size else round(float(size), 9)
        found.append(Volume(name, sizes, np.dtype(image.dtype).name, names, pixel, read))  # type: ignore[arg-type]
    return found


def _besides(ending: str) -> str:
    return ", and for CZI bioio-czi, whose licence is GPL-3: pip install bioio-czi" if ending == ".czi" else ""
