"""Finds the images of a data set on disk: LIN's `…_train` and `…_test`, class folders, stacks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantk.errors import DataError, MissingData
from gantk.messages import nearest
from gantk_cells.files import cache

SIMULATED = "SIMULATED.txt"
"""A file beside the class folders that says that their images are simulated; `gantk simulate-cells` writes it."""

ENDINGS = (".png", ".tif", ".tiff")
TRAIN = r"(.*_)?train"

HOW_TO_GET_LIN = """\
The LIN images (Localization Interdependency Network) are described by Dodgson et al. 2017 and were used by Osokin et
al. 2017 ("GANs for Biological Image Synthesis", ICCV). Expected is the folder that holds
    LIN_Normalized_WT_size-48-80_train/Alp14/cell100005.png …    (one folder a protein)
    LIN_Normalized_WT_size-48-80_test/Alp14/cell100001.png …
or any folder of your own with one sub-folder of PNG or TIFF images for each class: data.root=FOLDER.
Without them, run on simulated cells: data.use=cells/simulated data.layout={layout}"""


@dataclass(frozen=True)
class ClassFolder:
    """The images of one class.

    Args:
        name: of the class, fit to be printed.
        path: the folder.
        files: names of the image files, sorted.
        fingerprint: changes when a file is added, removed, renamed or changed (by size and time).
    """

    name: str
    path: Path
    files: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class Tree:
    """All classes of a data set; `test` is None where the split must be made from `train`.

    Args:
        train: in the order of the classes.
        test: the same classes in the same order.
    """

    train: tuple[ClassFolder, ...]
    test: tuple[ClassFolder, ...] | None

    @property
    def origin(self) -> str:
        """What the images are: "simulated" where a file beside the class folders says so, else "real"."""
        folder = self.train[0].path
        return "simulated" if any((place / SIMULATED).exists() for place in (folder, folder.parent)) else "real"

    @property
    def is_lin(self) -> bool:
        """Whether the name of the folder says that these are LIN's images, or drawn to be like them."""
        return self.origin == "simulated" or self.train[0].path.parent.name.startswith("LIN_")


def shown(name: object) -> str:
    """A file's name as it may be printed: control characters and broken encodings are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in str(name))


def find(root: Path, proteins: Sequence[str] | None, layout: str) -> Tree:
    """The class folders under `root`.

    Args:
        root: the folder above `…_train` and `…_test`, one of these, that of one protein in them, or any folder of
            class folders (or of images: one class).
        proteins: which classes, in this order; None takes all, sorted.
        layout: of the data set, which the advice in a message keeps.

    Raises:
        DataError: nothing there, no images, an unknown protein, a link that leads out of the data.
    """
    if not root.is_dir():
        raise MissingData(f"no such folder: {shown(root)}\n{HOW_TO_GET_LIN.format(layout=layout)}")
    if proteins is not None and len(set(proteins)) < len(proteins):
        raise DataError(f"data.proteins names a protein twice: {', '.join(proteins)}")
    root = root.absolute()  # not resolve(): a link to the data keeps its own name
    train, test, only = _splits(root)
    if only and proteins and list(proteins) != [only]:
        raise DataError(
            f"{shown(root)} is the folder of {only} alone, but data.proteins asks for {', '.join(proteins)};\n"
            f"for several proteins give the folder above: data.root={shown(train)}"
        )
    wanted = [only] if only else proteins
    top = root if train.is_relative_to(root) else train
    found = _classes(train, top, wanted)
    if test is None:
        return Tree(found, None)
    top = root if test.is_relative_to(root) else test
    return Tree(found, _classes(test, top, [folder.name for folder in found]))


def find_stacks(root: Path) -> Tree:
    """The image files that lie in one folder, without class folders: a single class for each split.

    Args:
        root: the folder, the folder above `…_train` and `…_test`, one of these, or one file.

    Raises:
        DataError: nothing there, or no images.
    """
    if root.is_file():
        return Tree((_class(shown(root.name), root.parent.absolute(), root.parent, only=root.name),), None)
    if not root.is_dir():
        raise MissingData(f"no such file or folder: {shown(root)}")
    root = root.absolute()
    train, test, only = _splits(root)
    if only:  # a folder inside `…_train`
        train, test = root, None
    found = [_class(shown(folder.name), folder, folder) for folder in (train, test) if folder is not None]
    for folder in found:
        if not folder.files:
            raise DataError(
                f"no images in {shown(folder.path)}: expected files ending in {', '.join(ENDINGS)}.\n"
                "Images in a folder for each protein are read by data.use=cells/lin"
            )
    return Tree((found[0],), (found[1],) if test is not None else None)


def _splits(root: Path) -> tuple[Path, Path | None, str | None]:
    """The folder of training classes, that of test classes, and the one class that `root` stands for."""
    if sibling := _other(root, "train", "test"):
        return root, sibling, None
    if sibling := _other(root, "test", "train"):
        return sibling, root, None
    if sibling := _other(root.parent, "train", "test"):
        return root.parent, sibling, shown(root.name)
    if sibling := _other(root.parent, "test", "train"):
        return sibling, root.parent, shown(root.name)
    trains = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and re.fullmatch(TRAIN, folder.name)]
    pairs = [(folder, test) for folder in trains if (test := _other(folder, "train", "test"))]
    if len(pairs) > 1:
        choices = "\n".join(f"    data.root={shown(folder)}" for folder, _ in pairs)
        raise DataError(f"{shown(root)} holds several data sets; say which:\n{choices}")
    if pairs:
        return (*pairs[0], None)
    return (trains[0] if len(trains) == 1 else root), None, None


def _other(folder: Path, own: str, other: str) -> Path | None:
    """The folder beside `…_train` that is called `…_test`, if `folder` is so called and there is one."""
    match = re.fullmatch(rf"(.*_)?{own}", folder.name)
    if not match or not folder.is_dir():
        return None
    sibling = folder.with_name((match[1] or "") + other)
    return sibling if sibling.is_dir() else None


def _classes(parent: Path, top: Path, wanted: Sequence[str] | None) -> tuple[ClassFolder, ...]:
    """The class folders in `parent`: the wanted ones, or all that hold images."""
    folders = {
        shown(entry.name): Path(entry)
        for entry in sorted(os.scandir(parent), key=lambda entry: entry.name)
        if entry.is_dir() and not entry.name.startswith(".")
    }
    for path in folders.values():
        _stay_inside(path, top)
    if wanted is not None:
        for name in wanted:
            if name not in folders:
                near = nearest(name, folders, cutoff=0.4)
                there = ", ".join(list(folders)[:50]) or "no folders at all"
                meant = f" Did you mean {near}?" if near else ""
                raise DataError(f"no protein {name!r} in {shown(parent)}.{meant}\nThere: {there}")
        found = [_class(name, folders[name], top) for name in wanted]
        for folder in found:
            if not folder.files:
                raise DataError(f"no images in {shown(folder.path)}: expected files ending in {', '.join(ENDINGS)}")
        return tuple(found)
    found = [folder for name, path in folders.items() if (folder := _class(name, path, top)).files]
    if not found and (alone := _class(shown(parent.name), parent, top)).files:
        found = [alone]
    if not found:
        raise DataError(
            f"no images in {shown(parent)} or its sub-folders: expected files ending in {', '.join(ENDINGS)}.\n"
            "data.root should hold images, or one folder of images for each class."
        )
    return tuple(found)


def _class(name: str, path: Path, top: Path, only: str | None = None) -> ClassFolder:
    files, facts = [], []
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.name.startswith(".") or not entry.name.lower().endswith(ENDINGS) or only not in (None, entry.name):
            continue
        if entry.is_symlink():
            _stay_inside(Path(entry), top)
        if entry.is_file():
            files.append(entry.name)
            facts.append((entry.name, *cache.state(entry.stat())))
    return ClassFolder(name, path, tuple(files), cache.digest(facts))


def _stay_inside(path: Path, top: Path) -> None:
    if not path.resolve().is_relative_to(top.resolve()):
        raise DataError(
            f"{shown(path)} is a link that leads out of {shown(top)}, to {shown(path.resolve())}.\n"
            "Such links are not followed: copy the images, or give the folder they lie in as data.root."
        )
