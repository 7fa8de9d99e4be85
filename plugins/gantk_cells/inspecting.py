"""What a folder of images holds: classes, sizes, bits, channels, brightness, damage, duplicates; and how to read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantk.console import progress
from gantk.errors import DataError, DoesNotFit
from gantk_cells import folders
from gantk_cells.folders import ClassFolder, shown
from gantk_cells.images import decode
from gantk_cells.towers import halvings

SHOWN = 8  # images of a class on the contact sheet
NEARBY = 16  # pixels within which another size is looked for


@dataclass
class ClassSurvey:
    """What the files of one class are.

    Args:
        name: of the class.
        split: "train" or "test" where the folder says so, else "".
        shapes: how many images have which (channels, height, width).
        bits: how many have 8 or 16 bits a channel.
        lowest: of each channel over all images.
        highest: the same; both in the numbers of the file.
        brightest: highest value below which 99.9 % of an image's pixels are, over images, for each channel.
        damaged: (file, reason).
        duplicates: files whose pixels an earlier file has.
        first: the first few images, (C, H, W) each.
    """

    name: str
    split: str
    shapes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    bits: Counter[int] = field(default_factory=Counter)
    lowest: dict[int, int] = field(default_factory=dict)
    highest: dict[int, int] = field(default_factory=dict)
    brightest: dict[int, float] = field(default_factory=dict)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    first: list[NDArray[Any]] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many can be read."""
        return sum(self.shapes.values())

    def add(self, file: str, image: NDArray[Any], seen: set[str]) -> None:
        """Counts one image (C, H, W)."""
        self.shapes[image.shape] += 1
        self.bits[8 * image.dtype.itemsize] += 1
        for channel, values in enumerate(image):
            self.lowest[channel] = min(self.lowest.get(channel, 65535), int(values.min()))
            self.highest[channel] = max(self.highest.get(channel, 0), int(values.max()))
            self.brightest[channel] = max(self.brightest.get(channel, 0), float(np.quantile(values, 0.999)))
        pixels = sha256(image.tobytes() + str(image.shape).encode()).hexdigest()
        if pixels in seen:
            self.duplicates.append(file)
        seen.add(pixels)
        if len(self.first) < SHOWN:
            self.first.append(image)


def survey(root: Path) -> list[ClassSurvey]:
    """Looks at every image under a folder, laid out as `cells/lin` reads it.

    Raises:
        DataError: there are no images.
    """
    tree = folders.find(root, None, "per_class")
    splits = [("train" if tree.test else "", tree.train), ("test", tree.test or ())]
    files = sum(len(folder.files) for _, part in splits for folder in part)
    ticks = progress(range(files), text="looking at images")
    seen: set[str] = set()
    return [_look(folder, split, seen, ticks) for split, part in splits for folder in part]


def _look(folder: ClassFolder, split: str, seen: set[str], ticks: Any) -> ClassSurvey:
    found = ClassSurvey(folder.name, split)
    for file, _ in zip(folder.files, ticks, strict=False):
        try:
            found.add(file, decode(folder.path / file), seen)
        except DataError as error:
            found.damaged.append((file, str(error)))
        except Exception as error:  # damaged files raise nearly anything
            found.damaged.append((file, f"{type(error).__name__}: {error}"))
    return found


def usable_size(height: int, width: int) -> tuple[int, int]:
    """The nearest size that the nets can halve down to a side of 4 or less.

    Raises:
        DoesNotFit: there is none within some pixels.
    """
    near = [
        (abs(h - height) + abs(w - width), -h * w, h, w)
        for h in range(max(8, height - NEARBY), height + NEARBY + 1)
        for w in range(max(8, width - NEARBY), width + NEARBY + 1)
        if _fits(h, w)
    ]
    if not near:
        raise DoesNotFit(f"no size near {height} × {width} can be halved down to a side of 4 or less; give data.size")
    return min(near)[2:]


def _fits(height: int, width: int) -> bool:
    try:
        return halvings(height, width)[0] >= 2
    except DoesNotFit:
        return False


def data_block(root: Path, found: list[ClassSurvey]) -> dict[str, Any]:
    """The `data` block that reads these images: two channels, one size, the white of 16 bits.

    Raises:
        DataError: no image can be read.
    """
    shapes = sum((each.shapes for each in found), Counter())
    if not shapes:
        raise DataError(f"{shown(root)}: none of its images can be read")
    channels, height, width = shapes.most_common(1)[0][0]
    lit = [channel for channel in range(channels) if any(each.highest.get(channel, 0) for each in found)]
    block: dict[str, Any] = {"use": "cells/lin", "root": str(root.absolute())}
    chosen = (lit or [0])[:2]
    if chosen != [0, 1]:
        block["channels"] = chosen
    usable = usable_size(height, width)
    if len({shape[1:] for shape in shapes}) > 1 or usable != (height, width):
        block["size"] = list(usable)
    if any(each.bits[16] for each in found):
        top = max(value for each in found for value in each.brightest.values())
        block["white"] = next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if top < 2**bits)
    if any(each.damaged for each in found):
        block["damaged"] = "skip"
    several = len({each.name for each in found if each.images}) > 1 and len(chosen) == 2
    return block | {"layout": "per_class" if several else "pairs"}
