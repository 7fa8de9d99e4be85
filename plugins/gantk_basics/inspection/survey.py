"""What a folder of images holds: classes, sizes, types, channels, intensities, damage, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gantk.console import progress
from gantk.errors import DataError
from gantk_basics.files.images import folders
from gantk_basics.files.images.class_folder import ChannelFiles, ClassFolder, Rules
from gantk_basics.files.images.decode import Decoded
from gantk_basics.files.images.folders import Tree
from gantk_basics.files.images.read_file import decode_image, reason_of
from gantk_basics.files.images.tiff_file import MissingCodec
from gantk_basics.inspection.intensities import Channel

SHOWN = 8  # images of a class on the contact sheet


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
        repeats: channels whose pixels are those of an earlier channel in every image, to the first such channel.
        remarks: how many images have what left out of them, or taken in one sense of several.
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
    repeats: dict[int, int] | None = None
    remarks: Counter[str] = field(default_factory=Counter)
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
        self.remarks.update(decoded.remarks)
        self.colour |= decoded.colour
        self.origins |= {decoded.origin} - {""}
        for image in decoded.images:
            self.shapes[image.shape] += 1
            self.types[image.dtype.name] += 1
            for channel, values in enumerate(image):
                self.channels.setdefault(channel, Channel()).add(values)
            self.repeats = common(self.repeats, _repeats(image))
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
        return reduce(Channel.joined, (each.channels[number] for each in self.classes if number in each.channels))

    def repeats(self) -> dict[int, int]:
        """Channels whose pixels are those of an earlier channel in every image of every class, to that channel."""
        found: dict[int, int] | None = None
        for each in self.classes:
            found = found if each.repeats is None else common(found, each.repeats)
        return found or {}


def common(some: dict[int, int] | None, more: dict[int, int]) -> dict[int, int]:
    """The repeats that are in both; `some` is None where there is nothing yet."""
    return more if some is None else {k: first for k, first in some.items() if more.get(k) == first}


def _repeats(image: NDArray[Any]) -> dict[int, int]:
    """Channels of one image (C, H, W) with the pixels of an earlier one, to the first such channel."""
    first: dict[bytes, int] = {}
    keys = [sha256(channel.tobytes()).digest() for channel in image]
    return {k: first[key] for k, key in enumerate(keys) if first.setdefault(key, k) != k}


def survey(root: Path, rules: Rules | None = None, classes: Sequence[str] | None = None) -> Survey:
    """Looks at every image under a folder, laid out as data sets read it, or at one file.

    Args:
        root: the folder or file.
        rules: how folders are read; None: as the data sets do, but that files of one channel each are put together.
        classes: which; None: all.

    Raises:
        DataError: there are no images.
    """
    rules = rules or Rules()
    try:
        tree = _tree(root, rules, classes)
    except ChannelFiles as error:
        rules = replace(rules, channel_files=error.markers)
        tree = _tree(root, rules, classes)
    splits = tree.splits()
    files = sum(len(folder.files) for part in splits.values() for folder in part)
    ticks = progress(range(files), text="looking at images")
    seen: dict[bytes, str] = {}
    surveyed = [
        _look(folder, split if len(splits) > 1 else "", seen, ticks)
        for split, part in splits.items()
        for folder in part
    ]
    said = set().union(*(each.origins for each in surveyed))
    return Survey(root, tree.flat, tree.is_lin, " and ".join(sorted(said)) or tree.origin, surveyed, rules)


def _tree(root: Path, rules: Rules, classes: Sequence[str] | None) -> Tree:
    return folders.find_stacks(root, rules) if root.is_file() else folders.find(root, classes, rules)


def _look(folder: ClassFolder, split: str, seen: dict[bytes, str], ticks: Any) -> ClassSurvey:
    found = ClassSurvey(folder.name, split, folder.path)
    for number, file in enumerate(folder.files):
        next(ticks, None)
        try:
            found.add(file, decode_image(folder, number), seen)
        except MissingCodec:
            raise  # the file is sound: what lacks is a library
        except DataError as error:
            found.damaged.append((file, str(error)))
        except Exception as error:  # damaged files raise nearly anything
            found.damaged.append((file, reason_of(error)))
    return found
