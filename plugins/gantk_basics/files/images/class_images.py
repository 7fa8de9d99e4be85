"""Reads image files into arrays, in parallel, once: the result is cached."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gantk import machine
from gantk.console import progress, warn
from gantk.errors import DataError
from gantk_basics.files.images import cache, consistency
from gantk_basics.files.images.channel_files import names_of
from gantk_basics.files.images.class_folder import ClassFolder, shown
from gantk_basics.files.images.decode import Decoded, chosen, decode
from gantk_basics.files.images.equal_images import digests
from gantk_basics.image_sizes import Fit, fitted


@dataclass(frozen=True)
class Reading:
    """How files become arrays: all of it changes what is cached, but `damaged`.

    Args:
        channels: which channels of a file, in this order: numbers or names; None means all.
        size: (height, width) that images are brought to; None keeps them, and then all must be equal.
        fit: how they are brought there.
        damaged: whether an unreadable file is an error, or left out.
        same_order: whether the channels are known to be in the same order in all files, whatever these call them.
    """

    channels: tuple[int | str, ...] | None
    size: tuple[int, int] | None = None
    fit: Fit = "scale"
    damaged: Literal["error", "skip"] = "error"
    same_order: bool = False


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
        digests: (N, 16) bytes each, equal for images that are equal, as they are or turned over.
        left_out: numbers of channels that the files have, that hold something, and that were not chosen.
        stack_of: how many channels the files have; 0: they are colour pictures, or differ.
        damaged: (file, why it cannot be read).
    """

    name: str
    files: list[str]
    images: NDArray[Any]
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    padded: NDArray[np.int64] | None = None
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    origin: str = ""
    digests: NDArray[np.uint8] | None = None
    left_out: tuple[int, ...] = ()
    stack_of: int = 0
    damaged: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _File:
    """What was read of one file: its cells (n, C, H, W), pixels padded, and what it says of itself."""

    images: NDArray[Any]
    padded: int
    stack_of: int  # how many channels the file has; 0: a colour picture
    names: tuple[str, ...]
    pixel_size: float | None
    origin: str
    left_out: tuple[int, ...]
    remarks: tuple[str, ...]


def load(folders: Sequence[ClassFolder], reading: Reading) -> list[ClassImages]:
    """The images of these classes, from the cache where their folders have not changed since.

    Raises:
        DataError: an unreadable file, a missing channel, images of unequal size or type, channels that repeat another.
    """
    how = {name: value for name, value in asdict(reading).items() if name != "damaged"}
    keys = [cache.digest(str(folder.path.resolve()), folder.name, how) for folder in folders]
    kept = [_kept(key, folder, reading) for key, folder in zip(keys, folders, strict=True)]
    missing = [folder for folder, entry in zip(folders, kept, strict=True) if entry is None]
    read = iter(_read_folders(missing, reading))
    loaded: list[ClassImages] = []
    remarks: Counter[str] = Counter()
    for key, folder, entry in zip(keys, folders, kept, strict=True):
        if entry is None:
            entry = next(read)
            cache.save(key, folder.fingerprint, *entry)
        arrays, notes = entry
        found = ClassImages(folder.name, notes["files"], arrays["images"], padded=arrays["padded"])
        found.channels, found.pixel_size = tuple(notes["channels"]), notes["pixel_size"]
        found.origin, found.digests = notes["origin"], arrays["digests"]
        found.left_out, found.stack_of = tuple(notes["left_out"]), notes["stack_of"]
        found.damaged = [(folder.path / file, reason) for file, reason in notes["damaged"]]
        remarks.update(notes["remarks"])
        loaded.append(found)
    if damaged := [each for one in loaded for each in one.damaged]:
        _report_damaged(damaged, reading)
    for remark, count in remarks.items():
        warn(f"{count} image{'s' * (count > 1)}, such as those in {shown(folders[0].path)}: {remark}")
    _check_classes(loaded, folders, reading)
    channels = reading.channels or range(loaded[0].images.shape[1])
    consistency.refuse_equal_channels(loaded[0].name, [part.images for part in loaded], channels)
    return loaded


def _kept(key: str, folder: ClassFolder, reading: Reading) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """What is cached of a folder, unless a file that could not be read then (for want of memory, say) can be now."""
    kept = cache.load(key, folder.fingerprint)
    damaged = {file for file, _ in kept[1]["damaged"]} if kept is not None else set()
    again = (_try(folder, number, reading) for number, file in enumerate(folder.files) if file in damaged)
    return None if any(isinstance(each, _File) for each in again) else kept


def _read_folders(
    folders: Sequence[ClassFolder], reading: Reading
) -> list[tuple[dict[str, NDArray[Any]], dict[str, Any]]]:
    """The arrays and notes of each folder, as they are cached."""
    files = [(folder, number) for folder in folders for number in range(len(folder.files))]
    if not files:
        return []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = pool.map(lambda file: _try(file[0], file[1], reading), files, chunksize=16)
        outcomes = iter(_within_memory(folders, progress(read, len(files), "reading images")))
    return [_together(folder, [(file, next(outcomes)) for file in folder.files], reading) for folder in folders]


def _within_memory(folders: Sequence[ClassFolder], read: Iterable[_File | str]) -> list[_File | str]:
    """What was read of all files; stops where all of it together is more than data may take in memory."""
    found, total = [], 0
    for each in read:
        found.append(each)
        total += each.images.nbytes if isinstance(each, _File) else 0
        what = f"the first {len(found)} images of {shown(folders[0].path.parent)}"
        machine.refuse_above_data_limit(total, what, DataError)
    return found


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
    arrays["digests"] = digests(arrays["images"])
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
        "left_out": sorted({channel for _, read in good for channel in read.left_out}),
        "stack_of": good[0][1].stack_of if len({read.stack_of for _, read in good}) == 1 else 0,
        "remarks": Counter(remark for _, read in good for remark in read.remarks),
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
    if not reading.same_order:
        consistency.check_meanings(of(lambda read: read.names or None))


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, in a line."""
    text = str(error).strip()
    plain = isinstance(error, (DataError, ValueError)) and text
    return text if plain else f"it is damaged, or of another form than its ending says ({type(error).__name__}: {text})"


def decode_image(folder: ClassFolder, number: int) -> Decoded:
    """One image of a class: a file, or the files of its channels together.

    Raises:
        DataError: sound files that are no image with channels.
        Exception: damaged files raise nearly anything.
    """
    if not folder.parts:
        return decode(folder.path / folder.files[number])
    files = folder.parts[number]
    if "" in files:
        there = next(file for file in files if file)
        raise ValueError(f"beside {shown(there)} there is no file of {folder.markers[files.index('')]}")
    read = [decode(folder.path / file) for file in files]
    planes = []
    for file, each in zip(files, read, strict=True):
        lit = [k for k in range(each.images.shape[1]) if each.images[:, k].max() > each.images[:, k].min()] or [0]
        if len(each.images) > 1 or len(lit) > 1:
            raise DataError(
                f"{shown(folder.path / file)} holds {len(lit)} channels, but by its name it is one of the files of an "
                "image, one channel each: data.channel_files=[] reads every file as an image"
            )
        planes.append(each.images[:, lit])
    if len({plane.shape for plane in planes}) > 1 or len({plane.dtype for plane in planes}) > 1:
        raise ValueError(f"its files {', '.join(map(shown, files))} differ in size or type of pixels")
    return Decoded(np.concatenate(planes, 1), names_of(folder.markers), read[0].pixel_size)


def _try(folder: ClassFolder, number: int, reading: Reading) -> _File | str:
    """What the file holds, or why it cannot be read."""
    path = folder.path / folder.files[number]
    try:
        decoded = decode_image(folder, number)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything: OSError, SyntaxError, zlib.error, KeyError, …
        return reason_of(error)
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
        tuple(k for k in set(range(decoded.images.shape[1])) - set(channels) if _holds_something(decoded.images[:, k])),
        decoded.remarks,
    )


def _holds_something(plane: NDArray[Any]) -> bool:
    return bool(plane.max() > plane.min())


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


def _check_classes(loaded: Sequence[ClassImages], folders: Sequence[ClassFolder], reading: Reading) -> None:
    """Refuses classes that differ from each other as files of one class may not."""
    for part, folder in zip(loaded, folders, strict=True):
        if not len(part.images):
            raise DataError(f"no readable images in {shown(folder.path)}")
    first = [(folder.path / part.files[0], part.images) for part, folder in zip(loaded, folders, strict=True)]
    consistency.check_sizes([(path, images.shape[2:]) for path, images in first])
    consistency.check_types([(path, images.dtype.name) for path, images in first])
    if reading.channels is None or any(isinstance(each, int) for each in reading.channels):
        named = [path for path, _ in first]
        consistency.check_counts([(path, part.stack_of or None) for path, part in zip(named, loaded, strict=True)])
        if not reading.same_order:
            consistency.check_meanings(
                [(path, part.channels or None) for path, part in zip(named, loaded, strict=True)]
            )
