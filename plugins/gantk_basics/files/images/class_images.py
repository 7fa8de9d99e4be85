"""Reads image files into arrays, in parallel, once: the result is cached."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantk import machine
from gantk.console import progress, warn
from gantk.errors import DataError
from gantk_basics.files.images import cache, consistency
from gantk_basics.files.images.class_folder import ClassFolder, shown
from gantk_basics.files.images.equal_images import BYTES, digests
from gantk_basics.files.images.read_file import FileImages, Reading, read_file
from gantk_basics.files.images.streamed import PixelsOnDisk, PixelsWriter, stand_for

WINDOW = 256  # files that are read ahead of what is written to disk


@dataclass
class ClassImages:
    """The images of one class.

    Args:
        name: of the class.
        files: names of the files, sorted, one for each image; of a file of several cells "name#number".
        images: as they are in the files, uint8, uint16 or float32, (N, C, H, W); or `PixelsOnDisk` of these.
        truth: what is known besides, (N,) each.
        padded: how many pixels of each image were padded, (N,).
        channels: names of the channels where all files give the same, else ().
        pixel_size: micrometres, where the files say.
        origin: what the files say that they are ("generated"), else "".
        digests: (N, 16) bytes each, equal for images that are equal, as they are or turned over.
        left_out: numbers of channels that the files have, that hold something, and that were not chosen.
        stack_of: how many channels the files have; 0: they are colour pictures, or differ.
        damaged: (file, why it cannot be read).
        kind: of picture, in words: "RGB of 8 bits".
    """

    name: str
    files: list[str]
    images: Any
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    padded: NDArray[np.int64] | None = None
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    origin: str = ""
    digests: NDArray[np.uint8] | None = None
    left_out: tuple[int, ...] = ()
    stack_of: int = 0
    damaged: list[tuple[Path, str]] = field(default_factory=list)
    kind: str = ""


Entry = tuple[dict[str, NDArray[Any]], dict[str, Any]]
"""The arrays and notes of a class, as they are cached."""


def load(folders: Sequence[ClassFolder], reading: Reading) -> list[ClassImages]:
    """The images of these classes, from the cache where their folders have not changed since.

    Raises:
        DataError: an unreadable file, a missing channel, images of unequal size or type, channels that repeat another.
    """
    how = {name: value for name, value in asdict(reading).items() if name != "damaged"}
    keys = [cache.digest(str(folder.path.resolve()), folder.name, how) for folder in folders]
    kept = [_kept(key, folder, reading) for key, folder in zip(keys, folders, strict=True)]
    missing = [(key, folder) for key, folder, entry in zip(keys, folders, kept, strict=True) if entry is None]
    known = [
        (folder.path / entry[1]["files"][0], entry[1]["kind"], len(entry[1]["files"]))
        for folder, entry in zip(folders, kept, strict=True)
        if entry is not None and entry[1]["files"]
    ]
    read = _streamed(missing, reading) if reading.stream else iter(_read_folders(missing, reading, known))
    loaded: list[ClassImages] = []
    remarks: Counter[str] = Counter()
    for key, folder, entry in zip(keys, folders, kept, strict=True):
        if entry is None:
            entry = next(read)
            cache.save(key, folder.fingerprint, *entry)
        arrays, notes = entry
        images = _on_disk(arrays, notes) if reading.stream else arrays["images"]
        found = ClassImages(folder.name, notes["files"], images, padded=arrays["padded"], kind=notes["kind"])
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
    if reading.colours != "rgb":  # where grey pictures are asked for in three channels
        channels = reading.channels or range(loaded[0].images.shape[1])
        consistency.refuse_equal_channels(loaded[0].name, [stand_for(part.images) for part in loaded], channels)
    return loaded


def _kept(key: str, folder: ClassFolder, reading: Reading) -> Entry | None:
    """What is cached of a folder, unless a file that could not be read then (for want of memory, say) can be now."""
    kept = cache.load(key, folder.fingerprint)
    if kept is None or (reading.stream and not _on_disk(*kept).is_there()):
        return None
    damaged = {file for file, _ in kept[1]["damaged"]}
    again = (read_file(folder, number, reading) for number, file in enumerate(folder.files) if file in damaged)
    return None if any(isinstance(each, FileImages) for each in again) else kept


def _on_disk(arrays: dict[str, NDArray[Any]], notes: dict[str, Any]) -> PixelsOnDisk:
    return PixelsOnDisk(cache.folder() / notes["pixels"], notes["shape"], notes["dtype"], arrays["checks"])


def _read_folders(
    missing: Sequence[tuple[str, ClassFolder]], reading: Reading, known: Sequence[tuple[Path, str, int]]
) -> list[Entry]:
    """The arrays and notes of each folder; stops where all of it is more than data may take in memory.

    Args:
        missing: folders that are not cached, and their keys.
        reading: how.
        known: an example, the kind and the number of images of each folder that is cached.
    """
    files = [(folder, number) for _, folder in missing for number in range(len(folder.files))]
    if not files:
        return []
    found: list[FileImages | str] = []
    total = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = pool.map(lambda file: read_file(file[0], file[1], reading), files, chunksize=16)
        for each in progress(read, len(files), "reading images"):
            found.append(each)
            total += each.images.nbytes if isinstance(each, FileImages) else 0
            what = f"the first {len(found)} images of {shown(files[0][0].path.parent)}"
            machine.refuse_above_data_limit(total, what, DataError)
    every = iter(found)
    outcomes = [(folder, [(file, next(every)) for file in folder.files]) for _, folder in missing]
    if reading.pictures:
        found_kinds = [(folder.path / file, read.kind, 1) for folder, part in outcomes for file, read in _good(part)]
        consistency.check_kinds([*known, *found_kinds])
    return [_together(folder, part, reading, None) for folder, part in outcomes]


def _streamed(missing: Sequence[tuple[str, ClassFolder]], reading: Reading) -> Iterator[Entry]:
    """The arrays and notes of each folder, one after another; the pixels themselves go to a file of the cache."""
    for key, folder in missing:
        writer = PixelsWriter(f"{key}-{cache.digest(folder.fingerprint, cache.made_by())[:16]}")
        try:
            outcome, keys = [], [np.empty((0, BYTES), np.uint8)]
            ticks: Any = progress(range(len(folder.files)), text=f"reading images of {folder.name}")
            for file, read in zip(folder.files, _in_windows(folder, reading), strict=True):
                next(ticks, None)
                if isinstance(read, FileImages):
                    keys.append(digests(read.images))
                    read = replace(read, images=writer.add(read.images))
                outcome.append((file, read))
            if reading.pictures:
                consistency.check_kinds([(folder.path / file, read.kind, 1) for file, read in _good(outcome)])
            entry = _together(folder, outcome, reading, np.concatenate(keys))
            pixels = writer.finished()
        except BaseException:
            writer.given_up()
            raise
        about = {"pixels": pixels.path.name, "shape": list(pixels.stored), "dtype": pixels.dtype.name}
        yield entry[0] | {"checks": pixels.checks}, entry[1] | about


def _in_windows(folder: ClassFolder, reading: Reading) -> Iterator[FileImages | str]:
    """What is read of the files of a folder, a few hundred at a time in memory."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(folder.files), WINDOW):
            numbers = range(start, min(start + WINDOW, len(folder.files)))
            yield from pool.map(lambda number: read_file(folder, number, reading), numbers, chunksize=16)


def _good(outcome: Sequence[tuple[str, FileImages | str]]) -> list[tuple[str, FileImages]]:
    return [(file, read) for file, read in outcome if isinstance(read, FileImages)]


def _together(
    folder: ClassFolder,
    outcome: Sequence[tuple[str, FileImages | str]],
    reading: Reading,
    keys: NDArray[np.uint8] | None,
) -> Entry:
    """The arrays and notes of a folder; `keys` are the digests of images that are kept elsewhere."""
    good = _good(outcome)
    _check_alike(folder, good, reading)
    names: list[str] = []
    for file, read in good:
        names += [file] if len(read.images) == 1 else [f"{file}#{number}" for number in range(len(read.images))]
    padded = np.repeat([read.padded for _, read in good], [len(read.images) for _, read in good]).astype(np.int64)
    arrays: dict[str, NDArray[Any]] = {"padded": padded}
    if keys is None:
        empty = np.empty((0, 0, 0, 0), np.uint8)
        arrays["images"] = np.concatenate([read.images for _, read in good]) if good else empty
        keys = digests(arrays["images"])
    arrays["digests"] = keys
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
        "kind": good[0][1].kind if good else "",
        "remarks": Counter(remark for _, read in good for remark in read.remarks),
    }


def _check_alike(folder: ClassFolder, good: list[tuple[str, FileImages]], reading: Reading) -> None:
    """Refuses a class whose files differ in size, type, number of channels, or what a channel's number means."""

    def of(what: Callable[[FileImages], Any]) -> list[tuple[Path, Any]]:
        return [(folder.path / file, what(read)) for file, read in good]

    consistency.check_sizes(of(lambda read: read.images.shape[2:]))
    consistency.check_types(of(lambda read: read.images.dtype.name))
    if reading.colours is not None:
        return
    if reading.channels is None:
        consistency.check_counts(of(lambda read: read.images.shape[1]), reading.classes_key)
    elif any(isinstance(each, int) for each in reading.channels):
        consistency.check_counts(of(lambda read: read.stack_of or None), reading.classes_key)
    else:
        return
    if not reading.same_order:
        consistency.check_meanings(of(lambda read: read.names or None))


def warn_if_dark(loaded: Sequence[ClassImages], white: Sequence[float], names: Sequence[str]) -> None:
    """Warns of a channel that is nearly black in all images, such as one of 12 bits read as one of 16."""
    brightest = np.max([stand_for(part.images).max(axis=(0, 2, 3)) for part in loaded], axis=0)  # (C,)
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
    if reading.pictures:
        consistency.check_kinds(
            [
                (folder.path / part.files[0], part.kind, len(part.images))
                for part, folder in zip(loaded, folders, strict=True)
            ]
        )
    first = [(folder.path / part.files[0], part.images) for part, folder in zip(loaded, folders, strict=True)]
    consistency.check_sizes([(path, images.shape[2:]) for path, images in first])
    consistency.check_types([(path, images.dtype.name) for path, images in first])
    if reading.colours is None and (
        reading.channels is None or any(isinstance(each, int) for each in reading.channels)
    ):
        named = [path for path, _ in first]
        counts = [(path, part.stack_of or None) for path, part in zip(named, loaded, strict=True)]
        consistency.check_counts(counts, reading.classes_key)
        if not reading.same_order:
            consistency.check_meanings(
                [(path, part.channels or None) for path, part in zip(named, loaded, strict=True)]
            )
