"""Images that do not fit into memory: decoded once into a file of the cache, and read from it as they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk_basics.files.images import cache

MOST = 1024  # images that stand for all where every pixel would have to be read


class PixelsOnDisk:
    """Images (N, C, H, W) in a file of the cache. Indexed by rows it reads these, and checks that they are intact.

    Args:
        path: of the file: raw pixels, image after image.
        shape: of all images in it.
        dtype: of a pixel.
        checks: CRC-32 of each image in it.
        rows: which of them these are; None: all.
    """

    def __init__(
        self,
        path: Path,
        shape: Sequence[int],
        dtype: str,
        checks: NDArray[np.uint32],
        rows: NDArray[np.int64] | None = None,
    ):
        self.path, self.dtype, self.checks = path, np.dtype(dtype), checks
        self.stored = tuple(shape)
        self.rows = np.arange(shape[0]) if rows is None else rows
        self._pixels: NDArray[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pixels": None}  # every process opens the file itself

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, C, H, W)."""
        return (len(self.rows), *self.stored[1:])

    def is_there(self) -> bool:
        """Whether the file is there, with as many bytes as it should have."""
        try:
            return self.path.stat().st_size == prod(self.stored) * self.dtype.itemsize
        except OSError:
            return False

    def pick(self, rows: NDArray[np.int64]) -> PixelsOnDisk:
        """Some of these images, unread."""
        return PixelsOnDisk(self.path, self.stored, self.dtype.name, self.checks, self.rows[rows])

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """The pixels of some images, (n, C, H, W).

        Raises:
            DataError: the file is gone, or was changed.
        """
        places = np.atleast_1d(self.rows[rows])
        try:
            if self._pixels is None:
                self._pixels = np.memmap(self.path, self.dtype, "r", shape=self.stored)
            found = np.array(self._pixels[places])
        except (OSError, ValueError) as error:
            raise DataError(f"{self.path}: the cache of the images cannot be read ({error}); start again") from error
        for place, image in zip(places, found, strict=True):
            if crc32(image.data) != self.checks[place]:
                raise DataError(f"{self.path}: the cache of the images is damaged; delete this file and start again")
        return found


def pick(images: Any, rows: NDArray[np.int64]) -> Any:
    """Some of the images, read where all of them are."""
    return images.pick(rows) if isinstance(images, PixelsOnDisk) else images[rows]


def stand_for(images: Any) -> NDArray[Any]:
    """All images, or where they are on disk up to `MOST` of them, evenly spaced."""
    if not isinstance(images, PixelsOnDisk):
        return images
    return images[np.unique(np.linspace(0, len(images) - 1, min(len(images), MOST)).astype(np.int64))]


class PixelsWriter:
    """Writes images of one size and type to a file of the cache, one after another.

    Args:
        name: of the file, without its ending; files of this name are replaced when it is finished.
    """

    def __init__(self, name: str):
        self.name = name
        self.shape: tuple[int, ...] = ()  # of one image
        self.dtype = "uint8"
        self.checks: list[int] = []
        try:
            cache.folder().mkdir(parents=True, exist_ok=True)
            self.part = cache.folder() / f".{name}.{os.getpid()}.part"
            self.file = self.part.open("wb")
        except OSError as error:
            raise self._failed(error) from error

    def add(self, images: NDArray[Any]) -> NDArray[Any]:
        """Writes images (n, C, H, W), but for those of another size or type, which nothing is made of.

        Returns:
            What stands for them: of their shape and type, without memory.
        """
        if not self.shape:
            self.shape, self.dtype = images.shape[1:], images.dtype.name
        if (images.shape[1:], images.dtype.name) == (self.shape, self.dtype):
            try:
                for image in images:
                    content = np.ascontiguousarray(image)
                    self.checks.append(crc32(content.data))
                    self.file.write(content.data)
            except OSError as error:
                raise self._failed(error) from error
        return np.broadcast_to(np.zeros((), images.dtype), images.shape)

    def finished(self) -> PixelsOnDisk:
        """What was written, under its name."""
        path = cache.folder() / f"{self.name}.pixels"
        try:
            self.file.close()
            for old in cache.folder().glob(f"{self.name.partition('-')[0]}-*.pixels"):
                old.unlink(missing_ok=True)
            self.part.replace(path)
        except OSError as error:
            raise self._failed(error) from error
        return PixelsOnDisk(path, (len(self.checks), *self.shape), self.dtype, np.array(self.checks, np.uint32))

    def given_up(self) -> None:
        """Removes what was written."""
        self.file.close()
        self.part.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> DataError:
        return DataError(
            f"cannot write to the cache in {cache.folder()}: {error.strerror or error}. Images that do not fit into "
            "memory are read from there; set the environment variable GANTK_CACHE to a folder that has room"
        )
