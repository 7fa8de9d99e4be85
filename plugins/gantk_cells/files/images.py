"""Reads image files into arrays, in parallel, once: the result is cached."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gantk.console import progress, warn
from gantk.errors import DataError
from gantk_cells.files import cache, consistency
from gantk_cells.files.decode import chosen, decode
from gantk_cells.files.folders import ClassFolder, shown
from gantk_cells.sizes import Fit, fitted


@dataclass(frozen=True)
class Reading:
    """How files become arrays: all of it changes what is cached, but `damaged`.

    Args:
        channels: which channels of a file, in this order: numbers or names; None means all.
        size: (height, width) that images are brought to; None keeps them, and then all must be equal.
        fit: how they are brought there.
        damaged: whether an unreadable file is an error, or left out.
    """

    channels: tuple[int | str, ...] | None
    size: tuple[int, int] | None = None
    fit: Fit = "scale"
    damaged: Literal["error", "skip"] = "error"


@dataclass
class ClassImages:
    """The images of one class.

    Args:
        name: of the class.
        files: names of the files, sorted, one for each image; of a file of several cells "name#number".
        images: as they are in the files, uint8, uint16 or float32, (N, C, H, W).
        truth: what is known besides, (N,) each.
        padded: how many pixels of each image were padded, (N,).
        channels: names of the channels where all files give the same, else ().
        pixel_size: micrometres, where the files say.
        origin: what the files say that they are ("generated"), else "".
    """

    name: str
    files: list[str]
    images: NDArray[Any]
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    padded: NDArray[np.int64] | None = None
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    origin: str = ""


@dataclass(frozen=True)
class _File:
    """What was read of one file: its cells (n, C, H, W), pixels padded, and what it says of itself."""

    images: NDArray[Any]
    padded: int
    stack_of: int  # how many channels the file has; 0: a colour picture
    names: tuple[str, ...]
    pixel_size: float | None
    origin: str


def load(folders: Sequence[ClassFolder], reading: Reading) -> list[ClassImages]:
    """The images of these classes, from the cache where their folders have not changed since.

    Raises:
        DataError: an unreadable file, a missing channel, images of unequal size or type.
    """
    how = {name: value for name, value in asdict(reading).items() if name != "damaged"}
    keys = [cache.digest(str(folder.path.resolve()), folder.name, how) for folder in folders]
    kept = [_kept(key, folder, reading) for key, folder in zip(keys, folders, strict=True)]
    missing = [folder for folder, entry in zip(folders, kept, strict=True) if entry is None]
    read = iter(_read_folders(missing, reading))
    loaded, damaged = [], []
    for key, folder, entry in zip(keys, folders, kept, strict=True):
        if entry is None:
            entry = next(read)
            cache.save(key, folder.fingerprint, *entry)
        arrays, notes = entry
        damaged += [(folder.path / file, reason) for file, reason in notes["damaged"]]
        found = ClassImages(folder.name, notes["files"], arrays["images"], padded=arrays["padded"])
        found.channels, found.pixel_size = tuple(notes["channels"]), notes["pixel_size"]
        found.origin = notes["origin"]
        loaded.append(found)
    if damaged:
        _report_damaged(damaged, reading)
    _check_classes(loaded, folders)
    return loaded


def _kept(key: str, folder: ClassFolder, reading: Reading) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """What is cached of a folder, unless a file that could not be read then (for want of memory, say) can be now."""
    kept = cache.load(key, folder.fingerprint)
    if kept is not None and any(isinstance(_try(folder.path / file, reading), _File) for file, _ in kept[1]["damaged"]):
        return None
    return kept


def _read_folders(
    folders: Sequence[ClassFolder], reading: Reading
) -> list[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """The arrays and notes of each folder, as they are cached."""
    files = [folder.path / file for folder in folders for file in folder.files]
    if not files:
        return []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = pool.map(lambda file: _try(file, reading), files, chunksize=16)
        outcomes = iter(list(progress(read, len(files), "reading images")))
    return [_together(folder, [(file, next(outcomes)) for file in folder.files], reading) for folder in folders]


def _together(
    folder: ClassFolder, outcome: list[tuple[str, _File | str]], reading: Reading
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    good = [(file, read) for file, read in outcome if isinstance(read, _File)]
    _check_alike(folder, good, reading)
    names: list[str] = []
    for file, read in good:
        names += [file] if len(read.images) == 1 else [f"{file}#{number}" for number in range(len(read.images))]
    empty = np.empty((0, 0, 0, 0), np.uint8)
    arrays = {
        "images": np.concatenate([read.images for _, read in good]) if good else empty,
        "padded": np.repeat([read.padded for _, read in good], [len(read.images) for _, read in good]).astype(np.int64),
    }
    said = Counter(read.pixel_size for _, read in good)
    if len(said) > 1:
        found = ", ".join("none" if size is None else f"{size:g} µm" for size in said)
        warn(f"{shown(folder.path)}: the files give pixels of different sizes ({found}); the commonest is taken")
    given = {read.names for _, read in good}
    return arrays, {
        "files": names,
        "damaged": [(file, reason) for file, reason in outcome if isinstance(reason, str)],
        "channels": list(given.pop()) if len(given) == 1 else [],
        "pixel_size": said.most_common(1)[0][0] if said else None,
        "origin": " and ".join(sorted({read.origin for _, read in good} - {""})),
    }


def _check_alike(folder: ClassFolder, good: list[tuple[str, _File]], reading: Reading) -> None:
    """Refuses a class whose files differ in size, type, number of channels, or what a channel's number means."""

    def of(what: Callable[[_File], Any]) -> list[tuple[Path, Any]]:
        return [(folder.path / file, what(read)) for file, read in good]

    consistency.check_sizes(of(lambda read: read.images.shape[2:]))
    consistency.check_types(of(lambda read: read.images.dtype.name))
    if reading.channels is None:
        consistency.check_counts(of(lambda read: read.images.shape[1]))
    elif any(isinstance(each, int) for each in reading.channels):
        consistency.check_counts(of(lambda read: read.stack_of or None))
    else:
        return
    consistency.check_meanings(of(lambda read: read.names or None))


def _try(path: Path, reading: Reading) -> _File | str:
    """What the file holds, or why it cannot be read."""
    try:
        decoded = decode(path)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything: OSError, SyntaxError, zlib.error, KeyError, …
        return f"{type(error).__name__}: {error}"
    channels = chosen(path, decoded, reading.channels)
    try:
        cells = [fitted(image, reading.size, reading.fit) for image in decoded.images[:, channels]]
    except ValueError as error:
        raise DataError(f"{shown(path)} {error}") from error
    images = np.stack([image for image, _ in cells])
    before, after = decoded.images.shape[2:], images.shape[2:]
    pixel_size = decoded.pixel_size
    if pixel_size is not None and reading.fit == "scale" and before != after:
        same = before[0] * after[1] == before[1] * after[0]
        pixel_size = pixel_size * before[1] / after[1] if same else None
    return _File(
        images,
        cells[0][1],
        0 if decoded.colour else decoded.images.shape[1],
        tuple(decoded.names[k] for k in channels) if decoded.names else (),
        pixel_size,
        decoded.origin,
    )


def warn_if_dark(loaded: Sequence[ClassImages], white: Sequence[float], names: Sequence[str]) -> None:
    """Warns of a channel that is nearly black in all images, such as one of 12 bits read as one of 16."""
    brightest = np.max([part.images.max(axis=(0, 2, 3)) for part in loaded], axis=0)  # (C,)
    for name, value, top in zip(names, brightest.tolist(), white, strict=True):
        if value < top / 4:
            warn(
                f"channel {name} is dark: its brightest pixel is {value:g} of {top:g}. data.white says which value is "
                "white (4095, or 99.99% for a percentile of the training images); if the channel is empty, leave it "
                "out of data.channels"
            )


def _report_damaged(damaged: list[tuple[Path, str]], reading: Reading) -> None:
    listed = "\n".join(f"    {shown(path)}: {shown(reason)}" for path, reason in damaged[:5])
    listed += f"\n    … and {len(damaged) - 5} more" if len(damaged) > 5 else ""
    count = "1 image cannot" if len(damaged) == 1 else f"{len(damaged)} images cannot"
    if reading.damaged == "error":
        raise DataError(f"{count} be read:\n{listed}\nMend or delete them, or leave them out: data.damaged=skip")
    warn(f"{count} be read and {'is' if len(damaged) == 1 else 'are'} left out:\n{listed}")


def _check_classes(loaded: Sequence[ClassImages], folders: Sequence[ClassFolder]) -> None:
    for part, folder in zip(loaded, folders, strict=True):
        if not len(part.images):
            raise DataError(f"no readable images in {shown(folder.path)}")
    first = [(folder.path / part.files[0], part.images) for part, folder in zip(loaded, folders, strict=True)]
    consistency.check_sizes([(path, images.shape[2:]) for path, images in first])
    consistency.check_types([(path, images.dtype.name) for path, images in first])
