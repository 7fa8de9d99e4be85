"""What a folder holds beside the images that are read from it: every image file is accounted for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from gantk_basics.files.images.class_folder import (
    ENDINGS,
    OTHER_IMAGES,
    ClassFolder,
    Rules,
    is_for_masks,
    is_hidden,
    shown,
)

DEEP = 8  # folders below one another that are looked into
NAMED = 8  # folders that are named one by one


def passed_over(tops: Iterable[Path], classes: Collection[ClassFolder], root: Path, rules: Rules) -> list[str]:
    """Sentences on the image files under some folders that are not read.

    Args:
        tops: the folders.
        classes: what is read, of all splits.
        root: of the data set, to which names are relative.
        rules: how folders are read.
    """
    read = {each.path / file for each in classes for file in _files(each) if file}
    images: Counter[Path] = Counter()
    others: Counter[str] = Counter()
    for path in _walk(tops, rules.links == "follow"):
        ending = path.suffix.lower()
        if path in read:
            continue
        if ending in OTHER_IMAGES:
            others[ending] += 1
        elif ending in ENDINGS:
            images[path.parent] += 1
    notes = [_sentence(folder, count, classes, root, rules.key) for folder, count in sorted(images.items())[:NAMED]]
    if len(images) > NAMED:
        rest = sum(count for _, count in sorted(images.items())[NAMED:])
        notes.append(f"{rest} images in {len(images) - NAMED} more folders passed over")
    if others:
        listed = ", ".join(f"{count} ending in {ending}" for ending, count in sorted(others.items()))
        notes.append(f"{listed} passed over; what is read ends in {', '.join(ENDINGS)}")
    return notes


def _files(folder: ClassFolder) -> Iterator[str]:
    """All files of a class, those of channels one by one."""
    if not folder.parts:
        yield from folder.files
    for parts in folder.parts:
        yield from parts


def _walk(tops: Iterable[Path], links: bool) -> Iterator[Path]:
    """The files in and below some folders, each once, without hidden ones."""
    for top in sorted(set(tops)):
        for place, folders, files in os.walk(top, followlinks=links):
            here = Path(place)
            deep = len(here.relative_to(top).parts)
            folders[:] = sorted(each for each in folders if not is_hidden(each) and deep < DEEP)
            yield from (here / each for each in folders if each.lower().endswith(".zarr"))
            folders[:] = [each for each in folders if not each.lower().endswith(".zarr")]
            yield from (here / each for each in sorted(files) if not is_hidden(each))


def _sentence(folder: Path, count: int, classes: Collection[ClassFolder], root: Path, key: str) -> str:
    where = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)
    text = f"{count} image{'s' * (count != 1)} in {shown(where)}/ passed over".replace(" ./ ", " the folder itself ")
    names = list(dict.fromkeys(each.name for each in classes))
    within = next((each for each in classes if folder.is_relative_to(each.path)), None)
    if any(is_for_masks(part) for part in folder.parts[len(root.parts) :]):
        if within is None and is_for_masks(folder.name):
            every = ", ".join([*names, shown(folder.name)])
            return f"{text}: by its name it holds masks or labels; if it is a class: data.{key}=[{every}]"
        return f"{text}: by its name it holds masks or labels, not images"
    if within is not None and within.markers and folder != within.path:
        return f"{text}: not among the channels of data.channel_files"
    if within is not None and within.markers:
        return f"{text}: without {' or '.join(within.markers)} in the name"
    if within is not None and folder == within.path:
        return f"{text}: by their names they are masks of others (a_mask.png beside a.png)"
    if within is not None:
        return f"{text}; to read them as images of {within.name}: data.sub_folders=pool"
    if folder == root:
        return f"{text}: it lies beside class folders" if names else text
    return f"{text}: no class of the training images" if names else text
