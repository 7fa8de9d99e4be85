"""Reads image files into uint8 arrays, in parallel, once: the result is cached."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from gantk.console import progress, warn
from gantk.errors import DataError
from gantk_cells import cache
from gantk_cells.folders import ClassFolder, shown

CACHE_FORMAT = 1


@dataclass(frozen=True)
class Reading:
    """How files become arrays.

    Args:
        channels: which channels of a file, in this order.
        size: (height, width) that images are scaled to; None keeps them, and then all must be equal.
        white: the 16-bit value that becomes 255.
        damaged: whether an unreadable file is an error, or left out.
    """

    channels: tuple[int, ...]
    size: tuple[int, int] | None = None
    white: int = 65535
    damaged: Literal["error", "skip"] = "error"


@dataclass
class ClassImages:
    """The images of one class.

    Args:
        name: of the class.
        files: names of the files, sorted, one for each image.
        images: (N, C, H, W).
        truth: what is known besides, (N,) each.
    """

    name: str
    files: list[str]
    images: NDArray[np.uint8]
    truth: dict[str, np.ndarray] = field(default_factory=dict)


def load(folders: Sequence[ClassFolder], reading: Reading) -> list[ClassImages]:
    """The images of these classes, from the cache where their folders have not changed since.

    Raises:
        DataError: an unreadable file, a missing channel, images of unequal size.
    """
    keys = [
        cache.digest(CACHE_FORMAT, str(folder.path.resolve()), reading.channels, reading.size, reading.white)
        for folder in folders
    ]
    kept = [cache.load(key, folder.fingerprint) for key, folder in zip(keys, folders, strict=True)]
    missing = [folder for folder, entry in zip(folders, kept, strict=True) if entry is None]
    read = iter(_read_folders(missing, reading))
    loaded, damaged = [], []
    for key, folder, entry in zip(keys, folders, kept, strict=True):
        if entry is None:
            images, notes = next(read)
            cache.save(key, folder.fingerprint, {"images": images}, notes)
        else:
            images, notes = entry[0]["images"], entry[1]
        damaged += [(folder.path / file, reason) for file, reason in notes["damaged"]]
        loaded.append(ClassImages(folder.name, notes["files"], images))
    if damaged:
        _report_damaged(damaged, reading)
    _check_sizes(loaded, folders)
    return loaded


def _read_folders(folders: Sequence[ClassFolder], reading: Reading) -> list[tuple[np.ndarray, dict[str, Any]]]:
    files = [folder.path / file for folder in folders for file in folder.files]
    if not files:
        return []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = pool.map(lambda file: _try(file, reading), files, chunksize=16)
        images = iter(list(progress(read, len(files), "reading images")))
    result = []
    for folder in folders:
        outcome = [(file, next(images)) for file in folder.files]
        good = [(file, image) for file, image in outcome if isinstance(image, np.ndarray)]
        shapes = Counter(image.shape for _, image in good)
        if len(shapes) > 1:
            usual = shapes.most_common(1)[0][0]
            odd = next((file, image.shape) for file, image in good if image.shape != usual)
            raise _unequal(folder.path / odd[0], odd[1], usual)
        stacked = np.stack([image for _, image in good]) if good else np.empty((0, 0, 0, 0), np.uint8)
        notes = {
            "files": [file for file, _ in good],
            "damaged": [(file, reason) for file, reason in outcome if isinstance(reason, str)],
        }
        result.append((stacked, notes))
    return result


def _try(path: Path, reading: Reading) -> NDArray[np.uint8] | str:
    """The image, or why it cannot be read."""
    try:
        image = decode(path)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything: OSError, SyntaxError, zlib.error, KeyError, …
        return f"{type(error).__name__}: {error}"
    for channel in reading.channels:
        if channel >= len(image):
            raise DataError(
                f"{shown(path)} has {len(image)} channel{'s' * (len(image) > 1)}, so there is no channel {channel}; "
                f"choose from it: data.channels={list(range(len(image)))}"
            )
    image = image[list(reading.channels)]
    if image.dtype == np.uint16:
        image = np.round(image.clip(max=reading.white) * (255.0 / reading.white)).astype(np.uint8)
    if reading.size and image.shape[1:] != reading.size:
        height, width = reading.size
        smooth = Image.Resampling.BILINEAR
        image = np.stack([np.asarray(Image.fromarray(channel).resize((width, height), smooth)) for channel in image])
    return image


def decode(path: Path) -> np.ndarray:
    """One image file as an array (C, H, W) of uint8 or uint16.

    Raises:
        DataError: the file is sound, but not an image with channels of 8 or 16 bits.
    """
    if path.suffix.lower() == ".png":
        with Image.open(path) as file:
            plainer = {"1": "L", "P": "RGB"}.get(file.mode)
            image = file.convert(plainer) if plainer else file
            array, axes = np.asarray(image), "YX" if len(image.getbands()) == 1 else "YXS"
    else:
        with tifffile.TiffFile(path) as tiff:
            array, axes = tiff.series[0].asarray(), tiff.series[0].axes
    if array.dtype not in (np.uint8, np.uint16):
        raise DataError(f"{shown(path)} has pixels of type {array.dtype}; save it with 8 or 16 bits a channel")
    if array.ndim == 2:
        return array[None]
    if array.ndim != 3:
        sizes = " × ".join(map(str, array.shape))
        raise DataError(f"{shown(path)} is {sizes} ({axes}), not one image; save each image to its own file")
    return np.moveaxis(array, -1, 0) if axes.endswith("S") else array


def warn_if_dark(loaded: Sequence[ClassImages], channels: Sequence[int]) -> None:
    """Warns of a channel that is nearly black in all images, such as one of 12 bits read as one of 16."""
    brightest = np.max([part.images.max(axis=(0, 2, 3)) for part in loaded], axis=0)  # (C,)
    for channel, value in zip(channels, brightest.tolist(), strict=True):
        if value < 64:
            warn(
                f"channel {channel} is dark: its brightest pixel is {value} of 255. If the images have 16 bits, "
                f"data.white={65535 // 16} says which value is white; if it is empty, leave it out of data.channels"
            )


def _report_damaged(damaged: list[tuple[Path, str]], reading: Reading) -> None:
    listed = "\n".join(f"    {shown(path)}: {shown(reason)}" for path, reason in damaged[:5])
    listed += f"\n    … and {len(damaged) - 5} more" if len(damaged) > 5 else ""
    count = "1 image cannot" if len(damaged) == 1 else f"{len(damaged)} images cannot"
    if reading.damaged == "error":
        raise DataError(f"{count} be read:\n{listed}\nMend or delete them, or leave them out: data.damaged=skip")
    warn(f"{count} be read and {'is' if len(damaged) == 1 else 'are'} left out:\n{listed}")


def _check_sizes(loaded: Sequence[ClassImages], folders: Sequence[ClassFolder]) -> None:
    for part, folder in zip(loaded, folders, strict=True):
        if not len(part.images):
            raise DataError(f"no readable images in {shown(folder.path)}")
    usual = Counter(part.images.shape[1:] for part in loaded).most_common(1)[0][0]
    for part, folder in zip(loaded, folders, strict=True):
        if part.images.shape[1:] != usual:
            raise _unequal(folder.path / part.files[0], part.images.shape[1:], usual)


def _unequal(path: Path, shape: tuple[int, ...], usual: tuple[int, ...]) -> DataError:
    return DataError(
        f"images of unequal size: {shown(path)} is {shape[1]} × {shape[2]} (height × width), most others are "
        f"{usual[1]} × {usual[2]}; scale them all: data.size=[{usual[1]}, {usual[2]}]"
    )
