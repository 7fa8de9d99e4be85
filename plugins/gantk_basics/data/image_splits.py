"""The splits of images: as folders say, else by a hash of each file's name; equal images stay together."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from gantk.console import warn
from gantk.errors import DataError
from gantk_basics.data.image_groups import Grouping, grouping
from gantk_basics.files.images import class_images
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.files.images.folders import Tree
from gantk_basics.files.images.read_file import Reading
from gantk_basics.files.images.streamed import pick, stand_for
from gantk_basics.pixel_values import Level, Levels, for_each, levels_of

SPLITS = ("test", "validation", "train")  # in the order of the hash


def read_split(
    tree: Tree,
    split: str,
    reading: Reading,
    shares: tuple[float, float],
    background: Level | list[Level],
    white: Level | list[Level] | None,
    split_by: str | None = None,
) -> tuple[list[ClassImages], Levels]:
    """The images of a split, and the levels of their channels, which come from the training images in any split.

    Args:
        tree: where they lie.
        split: "train", "validation" or "test".
        reading: how.
        shares: of the validation and the test split, where there is no folder of it.
        background: one for all channels, or one for each.
        white: the same; None: the highest value of the type.
        split_by: what stays together where splits are made, as `image_groups.grouping` takes it; None: nothing.

    Raises:
        DataError: images that cannot be read, or that are unlike each other.
    """
    given = {name: class_images.load(folders, reading) for name, folders in tree.splits().items()}
    parts = all_splits(given, shares, None if split_by is None else grouping(split_by, tree.train))
    for note in tree.every_note():
        warn(note)
    classes = parts[split]
    count = classes[0].images.shape[1]
    lows, highs = for_each(background, count, "background"), for_each(white, count, "white")
    relative = any(isinstance(each, str) for each in (*lows, *highs))
    trained = parts["train"] if relative else classes
    padded = sum(int(one.padded.sum()) for one in trained if one.padded is not None)
    names = classes[0].channels or [str(number) for number in range(count)]
    levels = levels_of([stand_for(one.images) for one in trained], padded, names, lows, highs)
    if classes[0].images.dtype.name != levels.type:
        raise DataError(f"the training images are {levels.type}, those of the {split} split {classes[0].images.dtype}")
    if split == "train":
        class_images.warn_if_dark(classes, levels.white, names)
    return classes, levels


def origin_of(tree: Tree, classes: list[ClassImages]) -> str:
    """What the images are: what their files say, else what lies beside them, else "real"."""
    return " and ".join(sorted({one.origin for one in classes} - {""})) or tree.origin


def all_splits(
    given: dict[str, list[ClassImages]], shares: tuple[float, float], groups: Grouping | None = None
) -> dict[str, list[ClassImages]]:
    """The classes of each split. No image stands in two of them, not turned over either.

    Of images that equal one of a test folder, those of the other folders are left out; and of a validation folder's,
    those among the training images. Where a split is made of the training images, equal ones are where the first of
    them is; a set without equal ones is split by the names of its files alone.

    Args:
        given: the classes that each folder holds; "train" always.
        shares: of the validation and the test split, where there is no folder of it.
        groups: what stays together (fields, plates); None: nothing.

    Raises:
        DataError: too few images or groups for every split to have one.
    """
    found = dict(given)
    kept: set[bytes] = set()
    for split in ("test", "validation"):
        if split in given:
            found[split] = _without(given[split], kept, split, "test")
            kept |= {key for one in found[split] for key in _keys(one)}
    train = _without(given["train"], kept, "training", "held-out")
    validation, test = (0.0 if split in given else share for split, share in zip(SPLITS[1::-1], shares, strict=True))
    made = [split for split in SPLITS if split not in given or split == "train"]
    if made == ["train"]:
        return found | {"train": train}
    first: dict[bytes, str] = {}
    if groups is None:
        places = [_places(one, test, validation, first) for one in train]
    else:
        places = _places_of_groups(train, groups, test, validation)
    every = [key for one in train for key in _keys(one)]
    if more := len(every) - len(set(every)):
        warn(f"{more} of {len(every):,} images equal another one, turned over or not: equal ones are kept in one split")
    for split in made:
        found[split] = [_rows(one, np.flatnonzero(place == split)) for one, place in zip(train, places, strict=True)]
        for one, whole in zip(found[split], train, strict=True):
            if not len(one.images):
                raise _too_few(whole, "") if groups is None else groups.nothing_left(whole.name, split)
    return found


def part(classes: ClassImages, split: str, *, test: float, validation: float) -> ClassImages:
    """The part of one class that belongs to a split, chosen by a hash of each file's name: it is always the same part.

    Args:
        classes: the class.
        split: "train", "validation" or "test".
        test: share of the test split; 0 where the test images lie elsewhere.
        validation: share of the validation split.

    Raises:
        DataError: too few images for every split to have one.
    """
    return _rows(classes, np.flatnonzero(_places(classes, test, validation, {}) == split))


def _places(one: ClassImages, test: float, validation: float, first: dict[bytes, str]) -> NDArray[np.str_]:
    """The split of each image, (N,): by its file's name, or that of the first image that equals it.

    Args:
        one: a class.
        test: share of the test split.
        validation: share of the validation split.
        first: the split of every digest that earlier classes have; those of this one are added.
    """
    keys = _keys(one) or [str(i).encode() for i in range(len(one.files))]
    known = dict.fromkeys(keys, len(keys))
    for i in reversed(range(len(keys))):
        known[keys[i]] = i
    own = [i for i, key in enumerate(keys) if key not in first and known[key] == i]
    place = {i: _hash(one.files[i]) for i in own}
    order = sorted(own, key=lambda i: place[i])
    share = np.array([place[i] for i in own], np.float64) / 2**64  # uniform in [0, 1)
    tested = max(1, int((share < test).sum())) if test else 0
    validated = max(1, int((share < test + validation).sum()) - tested) if validation else 0
    if own and tested + validated >= len(own):
        raise _too_few(one, "" if len(own) == len(keys) else f" ({len(own)} different)")
    for rank, i in enumerate(order):
        first[keys[i]] = "test" if rank < tested else "validation" if rank < tested + validated else "train"
    return np.array([first[key] for key in keys])


def _places_of_groups(
    train: list[ClassImages], groups: Grouping, test: float, validation: float
) -> list[NDArray[np.str_]]:
    """The split of each image of each class, (N,): that of its group; equal images are where the first of them is."""
    own = [[groups.of(one.name, file) for file in one.files] for one in train]
    names = sorted({name for each in own for name in each}, key=_hash)
    held = [max(1, round(share * len(names))) if share else 0 for share in (test, validation)]
    if sum(held) >= len(names):
        raise groups.too_few(len(names), sum(held) + 1)
    place = dict(zip(names, ["test"] * held[0] + ["validation"] * held[1] + ["train"] * len(names), strict=False))
    first: dict[bytes, str] = {}
    return [
        np.array(
            [
                first.setdefault(key, place[name]) if key else place[name]
                for key, name in zip(_keys(one) or [b""] * len(one.files), each, strict=True)
            ]
        )
        for one, each in zip(train, own, strict=True)
    ]


def _hash(file: str) -> int:
    return int.from_bytes(blake2b(file.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def _too_few(one: ClassImages, different: str) -> DataError:
    count = len(one.images)
    return DataError(
        f"{one.name} has only {count} image{'s' * (count != 1)}{different}: too few for each of train, validation and "
        "test to get one"
    )


def _without(classes: list[ClassImages], kept: set[bytes], split: str, other: str) -> list[ClassImages]:
    """Classes without the images that another split has."""
    found = []
    left_out = 0
    for one in classes:
        rows = np.array([i for i, key in enumerate(_keys(one)) if key not in kept], np.int64)
        left_out += len(one.images) - len(rows)
        if not len(rows):
            raise DataError(f"every image of {one.name} is also a {other} image: nothing is left of the {split} split")
        found.append(one if len(rows) == len(one.images) else _rows(one, rows))
    if left_out:
        warn(
            f"{left_out} {split} image{'s equal' if left_out != 1 else ' equals'} a {other} image, turned over or not, "
            f"and {'are' if left_out != 1 else 'is'} left out of the {split} split"
        )
    return found


def _rows(one: ClassImages, rows: NDArray[np.int64]) -> ClassImages:
    """Some images of a class."""
    return replace(
        one,
        files=[one.files[i] for i in rows],
        images=pick(one.images, rows),
        truth={name: values[rows] for name, values in one.truth.items()},
        padded=None if one.padded is None else one.padded[rows],
        digests=None if one.digests is None else one.digests[rows],
    )


def _keys(one: ClassImages) -> list[bytes]:
    """The digest of each image; [] where none are known."""
    return [] if one.digests is None else [row.tobytes() for row in one.digests]
