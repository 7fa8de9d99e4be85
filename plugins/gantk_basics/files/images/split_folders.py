"""Which folders hold the splits: `…_train`, `Test`, `val`, CycleGAN's `trainA`, or a pair of them in each class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gantk.errors import DataError
from gantk_basics.files.images.class_folder import shown, sub_folders

SPLIT = re.compile(
    r"(?P<stem>(.*[_\-. ])?)"
    r"((?P<train>(?i:train(ing)?))|(?P<validation>(?i:val(id(ation)?)?))|(?P<test>(?i:test(ing)?)))(?P<domain>[A-Z]?)"
)
TRAIN, VALIDATION, TEST = "train", "validation", "test"

Key = tuple[str, str]
"""What folders of one data set have in common: what stands before the split's name, and the letter behind it."""


@dataclass(frozen=True)
class SplitFolders:
    """The folders of the splits; None where a split has none, and must be made of the training images.

    Args:
        train: of class folders, or of images.
        validation: the same.
        test: the same.
    """

    train: Path
    validation: Path | None = None
    test: Path | None = None

    def within(self, folder: Path) -> bool:
        """Whether all of them lie in this folder."""
        return all(each.is_relative_to(folder) for each in self.folders())

    def folders(self) -> list[Path]:
        """Those that there are."""
        return [each for each in (self.train, self.validation, self.test) if each is not None]


def split_of(name: str) -> tuple[Key, str] | None:
    """The key and the split that a folder's name stands for, or None."""
    match = SPLIT.fullmatch(name)
    if not match:
        return None
    split = next(each for each in (TRAIN, VALIDATION, TEST) if match[each])
    return (match["stem"].casefold(), match["domain"]), split


def sets_in(parent: Path) -> dict[Key, SplitFolders]:
    """The data sets that have a training folder in `parent`.

    Raises:
        DataError: two folders stand for one split.
    """
    found: dict[Key, dict[str, Path]] = {}
    for folder in sub_folders(parent):
        if named := split_of(folder.name):
            key, split = named
            splits = found.setdefault(key, {})
            if split in splits:
                raise DataError(
                    f"{shown(splits[split])} and {shown(folder.name)} are both the {split} split by their names; "
                    "rename or move one of them"
                )
            splits[split] = folder
    return {key: SplitFolders(**splits) for key, splits in found.items() if TRAIN in splits}


def set_of(folder: Path) -> SplitFolders | None:
    """The data set that a folder called `…_train`, `…_test` or `…_val` is a split of, if the folders beside it are."""
    if not (named := split_of(folder.name)):
        return None
    try:
        found = sets_in(folder.parent).get(named[0])
    except OSError:  # a folder above that may not be read
        return None
    return found if found and (found.test or found.validation) else None


def is_split(name: str) -> bool:
    """Whether a folder is called as a split is."""
    return split_of(name) is not None
