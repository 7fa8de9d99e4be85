"""Picture files: PNG, JPEG and GIF, written whole, and pictures that somebody has, made fit to look at."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from gantk import machine
from gantk.errors import FileError
from gantk.files.atomic import write_bytes
from gantk.files.whole import refuse_devices

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF"}
"""Ending to Pillow's format: by content, Pillow would start Ghostscript for PostScript."""
Item = TypeVar("Item")
SMALLEST = 48  # pixels: what is less high is enlarged by a whole factor
LEVEL = 4  # of a PNG's compression: less than half the time of Pillow's 6, and a file some 4 % larger
SHARES = (0.35, 99.65)  # percentiles that are black and white where values are no bytes


def is_picture(path: Path) -> bool:
    """Whether this is a picture by its ending; formats of samples have other ones."""
    return path.suffix.lower() in PICTURES


def read_picture(path: Path) -> Image.Image:
    """The picture in a file, in colour; one of 16 bits or of numbers from its darkest to its brightest percent.

    Raises:
        FileError: it cannot be read as what its ending says.
    """
    try:
        refuse_devices(path, FileError)
        with Image.open(path, formats=[PICTURES[path.suffix.lower()]]) as opened:
            machine.refuse_above_data_limit(27 * opened.width * opened.height, str(path), FileError)  # as floats, twice
            opened.load()
            picture = opened.convert("RGB") if opened.mode[0] not in "IF" else _from_numbers(opened)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FileError(f"{path}: cannot be read as an image: {error}") from error
    factor = ceil(SMALLEST / picture.height)
    return picture.resize((factor * picture.width, factor * picture.height), Image.Resampling.NEAREST)


def _from_numbers(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, np.float64)
    low, high = np.percentile(values, SHARES)
    scaled = ((values - low) / max(high - low, 1e-12)).clip(0, 1)
    return Image.fromarray((255 * scaled).round().astype(np.uint8)).convert("RGB")


def write_image(path: Path, picture: Image.Image) -> None:
    """Writes a picture in the format of the path's ending; it is never seen half written.

    Raises:
        OSError: the disk is full, or the folder is gone or read-only; `path` is then as it was.
    """
    content = io.BytesIO()
    kind = Image.registered_extensions()[path.suffix.lower()]
    picture.save(content, format=kind, **({"compress_level": LEVEL} if kind == "PNG" else {}))
    write_bytes(path, content.getbuffer())


def write_animation(
    path: Path, frames: Sequence[Image.Image | Path], seconds_per_frame: float = 0.4, last_seconds: float = 2.0
) -> None:
    """Writes frames as a GIF that repeats.

    Args:
        path: where to.
        frames: pictures, or PNG files, which are opened one after another; of the size of the last one, to which
            others are scaled.
        seconds_per_frame: how long each is shown …
        last_seconds: … but for the last.
    """
    size = next(pictures_in(frames[-1:])).size
    same = (frame.resize(size) for frame in pictures_in(frames))
    durations = [int(1000 * seconds_per_frame)] * (len(frames) - 1) + [int(1000 * last_seconds)]
    content = io.BytesIO()
    next(same).save(content, format="GIF", save_all=True, append_images=same, duration=durations, loop=0)
    write_bytes(path, content.getbuffer())


def write_column(path: Path, frames: Sequence[Path]) -> None:
    """Writes pictures one under another.

    Args:
        path: where to.
        frames: PNG files.
    """
    sizes = [size_of(frame) for frame in frames]
    column = Image.new("RGB", (max(width for width, _ in sizes), sum(height for _, height in sizes)), "white")
    top = 0
    for frame in pictures_in(frames):
        column.paste(frame, (0, top))
        top += frame.height
    write_image(path, column)


def pictures_in(frames: Iterable[Image.Image | Path]) -> Iterator[Image.Image]:
    """Pictures, or those in PNG files, one after another: only one file is in memory at a time."""
    for frame in frames:
        if isinstance(frame, Path):
            with Image.open(frame, formats=["PNG"]) as image:
                yield image.convert("RGB")
        else:
            yield frame.convert("RGB")


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file in pixels; its pixels are not read."""
    with Image.open(path, formats=["PNG"]) as image:
        return image.size


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of the items, the first and the last among them where there are two."""
    if len(items) <= most:
        return list(items)
    return [items[round(number * (len(items) - 1) / max(most - 1, 1))] for number in range(most)]
