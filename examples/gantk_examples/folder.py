"""Images that stay on disk: a plain map-style torch data set, which gantk wraps."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from PIL import Image
from torch import Tensor

from gantk.errors import DataError
from gantk.spec import DataSpec


class Folder:
    """Grey images from a folder with one sub-folder for each class, read when they are asked for.

    An image belongs to a split by a digest of its name: 80 % train, 10 % validation, 10 % test.

    Args:
        split: which part.
        root: the folder.
        size: side to which images are resized, pixels.
        readers: threads that read a batch.
    """

    read_ahead = True  # the batch that comes next is read while the nets are busy

    def __init__(self, split: str, *, root: Path, size: Annotated[int, Ge(4)] = 32, readers: Annotated[int, Ge(1)] = 2):
        classes = sorted(each.name for each in root.iterdir() if each.is_dir()) if root.is_dir() else []
        found = [(path, label) for label, name in enumerate(classes) for path in sorted((root / name).glob("*.png"))]
        self.items = [(path, label) for path, label in found if _split_of(path) == split]
        if not found:
            raise DataError(f"{root}: no class folders with PNG images; `root` must hold one folder for each class")
        self.size = size
        self.readers = readers
        self.spec = DataSpec(
            shape=(1, size, size),
            axes=("channel", "y", "x"),
            classes=tuple(classes),
            view="basics/class_rows",
            formats=("basics/hdf5",),
        )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image (1, size, size) within [-1, 1], and its class."""
        path, label = self.items[index]
        with Image.open(path, formats=["PNG"]) as picture:
            grey = np.asarray(picture.convert("L").resize((self.size, self.size)), np.float32)
        return torch.from_numpy(grey / 127.5 - 1).unsqueeze(0), label

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        """A whole batch, read by several threads."""
        with ThreadPoolExecutor(self.readers) as pool:
            return list(pool.map(self.__getitem__, indices))


def _split_of(path: Path) -> str:
    share = blake2b(f"{path.parent.name}/{path.name}".encode(), digest_size=1).digest()[0] / 256
    return "train" if share < 0.8 else "validation" if share < 0.9 else "test"
