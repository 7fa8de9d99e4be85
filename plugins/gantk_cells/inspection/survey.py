"""What a folder of images holds: classes, sizes, types, channels, intensities, damage, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantk.console import progress
from gantk_cells.files import folders
from gantk_cells.files.class_folder import ChannelFiles, ClassFolder, Rules
from gantk_cells.files.decode import Decoded
from gantk_cells.files.folders import Tree
from gantk_cells.files.images import decode_image, reason_of

SHOWN = 8  # images of a class on the contact sheet
PIXELS = 500  # of each channel of each image that percentiles are taken from
PERCENTILES = (1.0, 50.0, 99.0, 99.9, 99.99)


@dataclass
class Channel:
    """The pixel values of one channel over all images of a class: lowest and highest, and some of them."""

    lowest: float = np.inf
    highest: float = -np.inf
    some: list[NDArray[Any]] = field(default_factory=list)

    def add(self, values: NDArray[Any]) -> None:
        """Counts one image (H, W)."""
        self.lowest = min(self.lowest, float(values.min()))
        self.highest = max(self.highest, float(values.max()))
        self.some.append(values.ravel()[:: max(1, values.size // PIXELS)].astype(np.float32))

    def percentiles(self) -> list[float]:
        """About the values at `PERCENTILES`, from a part of the pixels."""
        return np.quantile(np.concatenate(self.some), np.array(PERCENTILES) / 100, method="inverted_cdf").tolist()


@dataclass
class ClassSurvey:
    """What the files of one class are.

    Args:
        name: of the class.
        split: "train", "validation" or "test" where the folder says so, else "".
        path: its folder.
        shapes: how many images have which (channels, height, width).
        types: how many have pixels of which type.
        names: how many have which names of their channels; () for none.
        pixel_sizes: how many say which size of a pixel, micrometres; None for those that say nothing.
        channels: the pixel values of each.
        colour: whether there are colour pictures among them.
        origins: what files that gantk wrote say that they are.
        damaged: (file, reason).
        duplicates: files whose pixels an earlier file has.
        in_training: those of them, in another folder, whose pixels a training image has.
        first: the first few images.
    """

    name: str
    split: str
    path: Path
    shapes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    names: Counter[tuple[str, ...]] = field(default_factory=Counter)
    pixel_sizes: Counter[float | None] = field(default_factory=Counter)
    channels: dict[int, Channel] = field(default_factory=dict)
    colour: bool = False
    origins: set[str] = field(default_factory=set)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    in_training: list[str] = field(default_factory=list)
    first: list[Decoded] = field(default_factory=list)

    @property
    def images(self) -> int:
        """How many can be read."""
        return sum(self.shapes.values())

    def add(self, file: str, decoded: Decoded, seen: dict[bytes, str]) -> None:
        """Counts one file; `seen` are the digests of images, and the split of each."""
        self.names[decoded.names] += len(decoded.images)
        self.pixel_sizes[decoded.pixel_size] += len(decoded.images)
        self.colour |= decoded.colour
        self.origins |= {decoded.origin} - {""}
        for image in decoded.images:
            self.shapes[image.shape] += 1
            self.types[image.dtype.name] += 1
            for channel, values in enumerate(image):
                self.channels.setdefault(channel, Channel()).add(values)
            pixels = sha256(image.tobytes() + str(image.shape).encode()).digest()
            if pixels in seen:
                self.duplicates.append(file)
                if seen[pixels] == "train" and self.split != "train" and self.split:
                    self.in_training.append(file)
            seen.setdefault(pixels, self.split)
            if len(self.first) < SHOWN:
                self.first.append(Decoded(image[None], decoded.names, decoded.pixel_size, decoded.colour))


@dataclass
class Survey:
    """Everything under a folder.

    Args:
        root: the folder.
        flat: whether the images lie in it without class folders.
        is_lin: whether the name of the folder says that these are LIN's images.
        origin: "real", "simulated" or "generated".
        classes: one for each class and split.
        rules: how the folders were read.
    """

    root: Path
    flat: bool
    is_lin: bool
    origin: str
    classes: list[ClassSurvey]
    rules: Rules = field(default_factory=Rules)

    def only(self, names: Collection[str]) -> Survey:
        """What is known of some of the classes."""
        return replace(self, classes=[each for each in self.classes if each.name in names])

    def count(self, name: str) -> Counter[Any]:
        """`shapes`, `types`, `names` or `pixel_sizes` over all classes."""
        return sum((getattr(each, name) for each in self.classes), Counter())

    def channel(self, number: int) -> Channel:
        """The pixel values of one channel over all classes."""
        found = [each.channels[number] for each in self.classes if number in each.channels]
        some = [values for each in found for values in each.some]
        return Channel(min(each.lowest for each in found), max(each.highest for each in found), some)


def survey(root: Path, rules: Rules | None = None, proteins: Sequence[str] | None = None) -> Survey:
    """Looks at every image under a folder, laid out as `cells/lin` or `cells/stacks` reads it, or at one file.

    Args:
        root: the folder or file.
        rules: how folders are read; None: as the data sets do, but that files of one channel each are put together.
        proteins: which classes; None: all.

    Raises:
        DataError: there are no images.
    """
    rules = rules or Rules()
    try:
        tree = _tree(root, rules, proteins)
    except ChannelFiles as error:
        rules = replace(rules, channel_files=error.markers)
        tree = _tree(root, rules, proteins)
    splits = tree.splits()
    files = sum(len(folder.files) for part in splits.values() for folder in part)
    ticks = progress(range(files), text="looking at images")
    seen: dict[bytes, str] = {}
    classes = [
        _look(folder, split if len(splits) > 1 else "", seen, ticks)
        for split, part in splits.items()
        for folder in part
    ]
    said = set().union(*(each.origins for each in classes))
    return Survey(root, tree.flat, tree.is_lin, " and ".join(sorted(said)) or tree.origin, classes, rules)


def _tree(root: Path, rules: Rules, proteins: Sequence[str] | None) -> Tree:
    return folders.find_stacks(root, rules) if root.is_file() else folders.find(root, proteins, "per_class", rules)


def _look(folder: ClassFolder, split: str, seen: dict[bytes, str], ticks: Any) -> ClassSurvey:
    found = ClassSurvey(folder.name, split, folder.path)
    for number, file in enumerate(folder.files):
        next(ticks, None)
        try:
            found.add(file, decode_image(folder, number), seen)
        except Exception as error:  # damaged files raise nearly anything
            found.damaged.append((file, reason_of(error)))
    return found
