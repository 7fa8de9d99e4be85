"""Translated fields as files, strip by strip, with what they were made from; read back to go on where it stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import tifffile
from gantk_basics.files.images.decode import NOTE, note_of
from gantk_basics.files.images.tiff_file import open_tiff
from gantk_basics.pixel_values import Levels
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from gantk.errors import FileError
from gantk.spec import DataSpec
from gantk_cells.translation.reading import RESIDENT

OutputKind = Literal["ome.tif", "png", "ome.zarr"]
CHUNK = 512  # pixels of a tile of a large TIFF, and of a chunk of a zarr
BLOCK = 2**22  # bytes that are read at once for a digest
WORD = "translation"  # the key of what a file was made from, in gantk's own JSON


@dataclass(frozen=True)
class Output:
    """What a file will hold.

    Args:
        path: of the file.
        kind: of file.
        shape: channels, height and width.
        type: of the pixels.
        names: of the channels.
        pixel_size: micrometres, or None.
        levels: what the lowest and highest value of a sample's range mean.
        made_from: digests of the model and the inputs, and settings.
        in_words: what it is.
        version: of OME-Zarr: "0.4" or "0.5".
    """

    path: Path
    kind: OutputKind
    shape: tuple[int, int, int]
    type: str
    names: tuple[str, ...]
    pixel_size: float | None
    levels: Levels
    made_from: dict[str, Any]
    in_words: str
    version: str = "0.5"

    def note(self) -> dict[str, Any]:
        """What gantk writes of its own samples, so that it reads them again, and what this one was made from."""
        attributes = {"pixels": self.levels.document(), "pixel_size_um": self.pixel_size}
        spec = DataSpec(
            self.shape,
            ("channel", "y", "x"),
            names={"channel": self.names},
            formats=("cells/ome_tiff",),
            origin="generated",
            attributes={name: value for name, value in attributes.items() if value},
        )
        return {
            "spec": spec.to_json(),
            "attributes": {"origin": "generated", "model": self.made_from["model"]},
            "labels": None,
            "pixels": self.levels.document(),
            WORD: self.made_from,
        }


def write_strips(output: Output, strips: Iterable[NDArray[np.float32]]) -> None:
    """Writes a file that is never seen half written.

    Args:
        output: what it will hold.
        strips: (C, h, W) from top to bottom, in the units of the file.

    Raises:
        FileError: it cannot be written; a file that was there is as it was.
    """
    part = output.path.with_name(f".{output.path.name}.{os.getpid()}.part")
    spool = part.with_name(f"{part.name}.pixels")
    try:
        if output.kind == "ome.zarr":
            _write_zarr(output, part, strips)
        else:
            pixels = _gathered(output, strips, spool)
            (_write_png if output.kind == "png" else _write_tiff)(output, part, pixels)
            del pixels
        if output.path.is_dir():
            if output.kind != "ome.zarr" or not any((output.path / name).exists() for name in ("zarr.json", ".zgroup")):
                raise FileError(f"{output.path} is a folder; move it away, or choose another folder for -o")
            shutil.rmtree(output.path)
        part.replace(output.path)
    except OSError as error:
        raise FileError(f"{output.path}: cannot be written: {error.strerror or error}") from error
    finally:
        for left in (part, spool):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            with suppress(OSError):
                left.unlink(missing_ok=True)


def write_all(
    outputs: Sequence[Output], strips: Iterable[tuple[NDArray[np.float32], NDArray[np.float32] | None]]
) -> None:
    """Writes a translation and, of several draws, their deviation, in one go over the strips.

    Args:
        outputs: the translation, and the deviation where there is one.
        strips: of both.
    """
    if len(outputs) == 1:
        write_strips(outputs[0], (mean for mean, _ in strips))
        return
    shape = outputs[1].shape
    with TemporaryDirectory(dir=outputs[1].path.parent, prefix=".", ignore_cleanup_errors=True) as folder:
        waiting = np.memmap(Path(folder) / "spread", np.float32, "w+", shape=shape)  # until the mean is written

        def means() -> Iterator[NDArray[np.float32]]:
            at = 0
            for mean, spread in strips:
                waiting[:, at : at + mean.shape[1]] = spread
                at += mean.shape[1]
                yield mean

        write_strips(outputs[0], means())
        write_strips(outputs[1], (waiting[:, top : top + CHUNK] for top in range(0, shape[1], CHUNK)))


def remove_unfinished(folder: Path) -> None:
    """Removes what processes that died were writing: of this machine at once, of others after a day."""
    with suppress(OSError):
        for path in folder.glob(".*.part*"):
            match = re.fullmatch(r"\..+\.(\d+)\.part(\.pixels)?", path.name)
            if match and (not _lives(int(match[1])) or time.time() - path.stat().st_mtime > 86400):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return os.name != "posix"
    except OSError:
        return True
    return True


def has_zarr() -> bool:
    """Whether the library that writes OME-Zarr is installed."""
    try:
        import zarr  # noqa: F401
    except ImportError:
        return False
    return True


def in_type(values: NDArray[np.float32], kind: str) -> NDArray[Any]:
    """Numbers as pixels of a type: rounded, and within its range."""
    if kind == "float32":
        return values
    return values.round().clip(0, np.iinfo(kind).max).astype(kind)


def _gathered(output: Output, strips: Iterable[NDArray[np.float32]], spool: Path) -> NDArray[Any]:
    """All strips, in memory or, where they are many, in a file of their own."""
    size = int(np.prod(output.shape)) * np.dtype(output.type).itemsize
    if size <= RESIDENT:
        pixels: NDArray[Any] = np.empty(output.shape, output.type)
    else:
        pixels = np.memmap(spool, output.type, "w+", shape=output.shape)
    at = 0
    for strip in strips:
        pixels[:, at : at + strip.shape[1]] = in_type(strip, output.type)
        at += strip.shape[1]
    return pixels


def _write_tiff(output: Output, part: Path, pixels: NDArray[Any]) -> None:
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "Name": output.path.name,
        "Channel": {"Name": list(output.names)},
        "Description": output.in_words,
        "MapAnnotation": {"Namespace": NOTE, NOTE: json.dumps(output.note())},
    }
    if output.pixel_size:
        for axis in "XY":
            metadata |= {f"PhysicalSize{axis}": output.pixel_size, f"PhysicalSize{axis}Unit": "µm"}
    large = pixels.nbytes > RESIDENT
    how: dict[str, Any] = {"tile": (CHUNK, CHUNK)} if large else {}
    how["bigtiff"] = pixels.nbytes > 2**31
    tifffile.imwrite(part, pixels, ome=True, photometric="minisblack", compression="zlib", metadata=metadata, **how)


def _write_png(output: Output, part: Path, pixels: NDArray[Any]) -> None:
    about = PngImagePlugin.PngInfo()
    about.add_text("Description", output.in_words)
    about.add_itxt(NOTE, json.dumps(output.note()))
    array = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    more = {} if not output.pixel_size else {"dpi": (25400 / output.pixel_size,) * 2}
    Image.fromarray(np.ascontiguousarray(array)).save(part, format="PNG", pnginfo=about, **more)


def _write_zarr(output: Output, part: Path, strips: Iterable[NDArray[np.float32]]) -> None:
    import zarr

    new = output.version != "0.4"
    group = zarr.open_group(str(part), mode="w", zarr_format=3 if new else 2)
    separator: Any = None if new else {"name": "v2", "separator": "/"}
    array: Any = group.create_array(
        "0",
        shape=output.shape,
        dtype=output.type,
        chunks=(1, min(CHUNK, output.shape[1]), min(CHUNK, output.shape[2])),
        chunk_key_encoding=separator,
        dimension_names=["c", "y", "x"] if new else None,
    )
    size = output.pixel_size
    unit = {"unit": "micrometer"} if size else {}
    about: dict[str, Any] = {
        "multiscales": [
            {
                "name": output.path.name,
                "axes": [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", **unit} for n in "yx")],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [{"type": "scale", "scale": [1.0, size or 1.0, size or 1.0]}],
                    }
                ],
                **({} if new else {"version": "0.4"}),
            }
        ],
        "omero": {"channels": [_omero(name, low, high) for name, low, high in _windows(output)]},
    }
    group.attrs.update({"ome": {"version": "0.5", **about}} if new else about)
    group.attrs[NOTE] = output.note() | {"description": output.in_words}
    waiting: list[NDArray[Any]] = []  # rows that do not yet fill a chunk
    at = 0
    for strip in strips:
        waiting.append(in_type(strip, output.type))
        rows = sum(each.shape[1] for each in waiting)
        if rows >= CHUNK:
            ready = np.concatenate(waiting, 1)
            whole = rows // CHUNK * CHUNK
            array[:, at : at + whole] = ready[:, :whole]
            at, waiting = at + whole, [ready[:, whole:]]
    if waiting and (rest := np.concatenate(waiting, 1)).shape[1]:
        array[:, at : at + rest.shape[1]] = rest


def _windows(output: Output) -> Iterable[tuple[str, float, float]]:
    return zip(output.names, output.levels.background, output.levels.white, strict=True)


def _omero(name: str, low: float, high: float) -> dict[str, Any]:
    window = {"min": low, "max": high, "start": low, "end": high}
    return {"label": name, "color": "FFFFFF", "active": True, "window": window}


def made_from(path: Path) -> dict[str, Any] | None:
    """What a translated file says that it was made from; None of other files."""
    note: Any = None
    try:
        if path.is_dir():
            import zarr

            note = dict(zarr.open_group(str(path), mode="r").attrs).get(NOTE)
        elif path.suffix.lower() == ".png":
            with Image.open(path, formats=["PNG"]) as image:
                note = json.loads(image.info.get(NOTE, "null"))
        else:
            from xml.etree import ElementTree

            with open_tiff(path) as tiff:
                note = note_of(ElementTree.fromstring(tiff.ome_metadata)) if tiff.ome_metadata else None
    except Exception:  # whatever it is, it is none of ours
        return None
    found = note.get(WORD) if isinstance(note, dict) else None
    return found if isinstance(found, dict) else None


def digest_of(files: Sequence[Path]) -> list[str]:
    """A digest of the content of each file; of a zarr, of the names and contents of all in it.

    Raises:
        OSError: one cannot be read.
    """
    return [_digest(path) for path in files]


def _digest(path: Path) -> str:
    total = sha256()
    for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if each.is_dir():
            continue
        if path.is_dir():
            total.update(f"{each.relative_to(path).as_posix()}\0{each.stat().st_size}\0".encode())
        with each.open("rb") as file:
            while block := file.read(BLOCK):
                total.update(block)
    return total.hexdigest()
