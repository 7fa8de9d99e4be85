"""Finds the images of a data set on disk: class folders, stacks, and the folders of the splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gantk.errors import DataError, MissingData
from gantk.messages import nearest
from gantk_basics.files.images.channel_files import folders_of_channels
from gantk_basics.files.images.class_folder import (
    ENDINGS,
    ChannelFiles,
    ClassFolder,
    Rules,
    class_folder,
    is_for_masks,
    is_replicate,
    listed_markers,
    shown,
    single_file,
    stay_inside,
    sub_folders,
)
from gantk_basics.files.images.passed_over import passed_over
from gantk_basics.files.images.split_folders import SplitFolders, is_split, set_of, sets_in

__all__ = ["ENDINGS", "ClassFolder", "Rules", "Tree", "find", "find_stacks", "shown"]

SIMULATED = "SIMULATED.txt"
"""A file beside the class folders that says that their images are simulated; `gantk simulate-cells` writes it."""

Classes = tuple[ClassFolder, ...]


@dataclass(frozen=True)
class Tree:
    """All classes of a data set; a split that has no folder is None, and is made from `train`.

    Args:
        train: in the order of the classes.
        test: the same classes in the same order.
        validation: the same.
        notes: sentences on what is passed over besides.
        flat: whether the images lie in one folder, without class folders.
    """

    train: Classes
    test: Classes | None
    validation: Classes | None = None
    notes: tuple[str, ...] = ()
    flat: bool = False

    @property
    def origin(self) -> str:
        """What the images are: "simulated" where a file beside the class folders says so, else "real"."""
        folder = self.train[0].path
        return "simulated" if any((place / SIMULATED).exists() for place in (folder, folder.parent)) else "real"

    @property
    def is_lin(self) -> bool:
        """Whether the name of the folder says that these are LIN's images, or drawn to be like them."""
        return self.origin == "simulated" or self.train[0].path.parent.name.startswith("LIN_")

    def splits(self) -> dict[str, Classes]:
        """The splits that have folders."""
        found = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: folders for split, folders in found.items() if folders is not None}

    def every_note(self) -> list[str]:
        """What is passed over, or read though it lies deeper; each once."""
        every = [*self.notes, *(note for part in self.splits().values() for folder in part for note in folder.notes)]
        return list(dict.fromkeys(every))


def find(root: Path, classes: Sequence[str] | None, rules: Rules | None = None) -> Tree:
    """The class folders under `root`.

    Args:
        root: the folder above `…_train` and `…_test`, one of these, that of one class in them, or any folder of
            class folders (or of images: one class).
        classes: which, in this order; None takes all, sorted.
        rules: how folders are read; None: as they are by default.

    Raises:
        DataError: nothing there, no images, an unknown class, a link that leads out of the data, a layout that can
            be read in several ways.
    """
    if not root.is_dir():
        raise MissingData(f"no such folder: {shown(root)}")
    rules = rules or Rules()
    if classes is not None and len(set(classes)) < len(classes):
        raise DataError(f"data.{rules.key} names a {rules.noun} twice: {', '.join(classes)}")
    root = root.absolute()  # not resolve(): a link to the data keeps its own name
    splits, only = _of_root(root)
    if only and classes and list(classes) != [only]:
        raise DataError(
            f"{shown(root)} is the folder of {only} alone, but data.{rules.key} asks for {', '.join(classes)};\n"
            f"for several {rules.key} give the folder above: data.root={shown(splits.train)}"
        )
    whole = not only and splits.train == root
    if by_class := (_by_domain(root) or _split_within_classes(root)) if whole else {}:
        return _of_classes(by_class, root, classes, rules)
    wanted = [only] if only else classes
    train = _classes(splits.train, root, wanted, rules)
    names = [folder.name for folder in train]
    alone = len(train) == 1 and train[0].path == splits.train  # a folder of images, not of class folders

    def other(folder: Path | None) -> Classes | None:
        if folder is None:
            return None
        if alone and not (folder / names[0]).is_dir():
            return (_with_images(class_folder(names[0], folder, _top(folder, root), rules)),)
        return _classes(folder, root, names, rules)

    return _noted(Tree(train, other(splits.test), other(splits.validation), flat=alone), root, splits, wanted, rules)


def find_stacks(root: Path, rules: Rules | None = None) -> Tree:
    """The image files that lie in one folder, without class folders: a single class for each split.

    Args:
        root: the folder, the folder above `…_train` and `…_test`, one of these, or one file.
        rules: how folders are read; None: as they are by default.

    Raises:
        DataError: nothing there, or no images.
    """
    rules = rules or Rules()
    if root.is_file():
        return Tree((single_file(root),), None, flat=True)
    if not root.is_dir():
        raise MissingData(f"no such file or folder: {shown(root)}")
    root = root.absolute()
    splits, only = _of_root(root)
    if only:  # a folder inside `…_train`
        splits = SplitFolders(root)

    def part(folder: Path | None) -> Classes | None:
        if folder is None:
            return None
        found = class_folder(shown(folder.name), folder, folder, rules)
        if not found.files:
            raise _no_images(folder, "", "Images in a folder for each protein are read by data.use=cells/lin")
        return (found,)

    found = Tree(part(splits.train) or (), part(splits.test), part(splits.validation), flat=True)
    return _noted(found, root, splits, None, rules)


def _of_root(root: Path) -> tuple[SplitFolders, str | None]:
    """The folders of the splits, and the one class that `root` stands for."""
    if own := set_of(root):
        return own, None
    if own := set_of(root.parent):
        return own, shown(root.name)
    sets = sets_in(root)
    pairs = {stem: each for (stem, domain), each in sets.items() if not domain and (each.test or each.validation)}
    if len(pairs) > 1:
        choices = "\n".join(f"    data.root={shown(each.train)}" for each in pairs.values())
        raise DataError(f"{shown(root)} holds several data sets; say which:\n{choices}")
    if pairs:
        return next(iter(pairs.values())), None
    trains = [each.train for (_, domain), each in sets.items() if not domain]
    return SplitFolders(trains[0] if len(trains) == 1 else root), None


def _by_domain(root: Path) -> dict[str, SplitFolders]:
    """CycleGAN's layout, trainA, trainB, testA, testB: the splits of A and of B; {} for any other."""
    found = {domain: each for (_, domain), each in sorted(sets_in(root).items()) if domain}
    return found if any(each.test or each.validation for each in found.values()) else {}


def _split_within_classes(root: Path) -> dict[str, SplitFolders]:
    """The splits of each class where these lie in the class folders: Arp3/train, Arp3/test; {} for any other."""
    found = {}
    for folder in sub_folders(root):
        if is_split(folder.name) or is_for_masks(folder.name):
            continue
        if (own := sets_in(folder).get(("", ""))) and (own.test or own.validation):
            found[shown(folder.name)] = own
    return found


def _of_classes(splits: dict[str, SplitFolders], root: Path, classes: Sequence[str] | None, rules: Rules) -> Tree:
    """The tree of classes that each have their own folders of the splits."""
    names = list(classes or splits)
    for name in names:
        if name not in splits:
            raise _unknown(name, list(splits), root, rules.noun)
    parts: dict[str, Classes | None] = {}
    for split in ("train", "test", "validation"):
        folders = {name: getattr(splits[name], split) for name in names}
        lacking = [name for name, folder in folders.items() if folder is None]
        if 0 < len(lacking) < len(names):
            raise DataError(f"{shown(root)}: {', '.join(lacking)} has no folder for the {split} split, others have")
        every = {name: folder for name, folder in folders.items() if folder is not None}
        parts[split] = (
            tuple(_with_images(class_folder(name, each, root, rules)) for name, each in every.items()) or None
        )
    found = Tree(parts["train"] or (), parts["test"], parts["validation"])
    return _noted(found, root, SplitFolders(root), classes, rules)


def _noted(tree: Tree, root: Path, splits: SplitFolders, wanted: Sequence[str] | None, rules: Rules) -> Tree:
    """The tree with sentences on every image file that is not read: of the wanted classes, or of all."""
    classes = [each for part in tree.splits().values() for each in part]
    if wanted:
        tops = [each.path for each in classes]
    else:
        tops = [root] if splits.within(root) else splits.folders()
    return replace(tree, notes=tuple(passed_over(tops, classes, root, rules)))


def _top(folder: Path, root: Path) -> Path:
    """The folder that links may not lead out of."""
    return root if folder.resolve().is_relative_to(root.resolve()) else folder


def _classes(parent: Path, root: Path, wanted: Sequence[str] | None, rules: Rules) -> Classes:
    """The class folders in `parent`: the wanted ones, or all that hold images."""
    top = _top(parent, root)
    folders = {shown(each.name): each for each in sub_folders(parent)}
    if rules.links != "follow":
        for path in folders.values():
            stay_inside(path, top)
    if wanted is not None:
        for name in wanted:
            if name not in folders:
                raise _unknown(name, list(folders), parent, rules.noun)
        return tuple(_with_images(class_folder(name, folders[name], top, rules)) for name in wanted)
    if set(rules.channel_files or ()) & {f"{name}/" for name in folders}:
        return (_with_images(class_folder(shown(parent.name), parent, top, rules)),)
    every = [class_folder(name, path, top, rules) for name, path in folders.items()]
    found = [folder for folder in every if folder.files]
    masks = [folder for folder in found if is_for_masks(folder.name)]
    found = [folder for folder in found if folder not in masks] if len(masks) < len(found) else found
    if rules.channel_files is None and (markers := folders_of_channels({f.name: f.files for f in found})):
        listed = ", ".join(folder.name for folder in found)
        raise ChannelFiles(
            f"{shown(parent)}: the folders {listed} seem to hold one channel each of the same images.\n"
            f"To read them as the channels of one image:  data.channel_files=[{listed_markers(markers)}]\n"
            "To read them as classes:                    data.channel_files=[]",
            markers,
        )
    plain = replace(rules, channel_files=()) if found and rules.channel_files is None else rules
    alone = class_folder(shown(parent.name), parent, top, plain, alone=True)
    if alone.files and all(is_for_masks(folder.name) or is_replicate(folder.name) for folder in found):
        return (class_folder(shown(parent.name), parent, top, rules),)
    if not found:
        raise _no_images(
            parent, " or its sub-folders", "data.root should hold images, or a folder of images for each class."
        )
    return tuple(found)


def _no_images(folder: Path, also: str = "", advice: str = "") -> DataError:
    notes = passed_over([folder], (), folder, Rules())
    lines = [f"no images in {shown(folder)}{also}: expected files ending in {', '.join(ENDINGS)}.", advice, *notes]
    return DataError("\n".join(line for line in lines if line))


def _with_images(folder: ClassFolder) -> ClassFolder:
    if not folder.files:
        raise _no_images(folder.path)
    return folder


def _unknown(name: str, there: list[str], parent: Path, noun: str) -> DataError:
    near = nearest(name, there, cutoff=0.4)
    meant = f" Did you mean {near}?" if near else ""
    listed = ", ".join(there[:50]) or "no folders at all"
    return DataError(f"no {noun} {name!r} in {shown(parent)}.{meant}\nThere: {listed}")
