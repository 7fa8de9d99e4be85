"""The images of one class: its files, those in its sub-folders, and what is passed over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gantk.errors import DataError
from gantk_basics.files.images import cache
from gantk_basics.files.images.channel_files import folders_of_channels, grouped, markers_of, series_in

ENDINGS = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp")
OTHER_IMAGES = (
    *(".gif", ".jp2", ".avi", ".mp4", ".npy", ".npz", ".h5", ".hdf5", ".mat", ".zarr"),
    *(".czi", ".nd2", ".lif", ".lsm", ".stk", ".dv", ".oib", ".oif", ".vsi", ".svs", ".ndpi", ".ims", ".zvi", ".mrxs"),
    *(".scn", ".flex", ".zip", ".gz", ".tar", ".7z"),
)
"""What images also come in, and is not read: files that end so are counted."""

MASKS = r"(?i:(.*[_\-. ])?(masks?|labels?|seg|segmentations?|annotations?|outlines?|rois?|ground_?truth|gt))"
REPLICATES = (
    r"(?i:(rep(licate|eat)?|plate|day|date|batch|exp(eriment)?|run|slide|well|field|fov|pos(ition)?|xy|site|series|scene"
    r"|sample|set|part|image|cell|img|tiff|png)s?[_\- ]?[\d_\-]*[a-z]?|[\d_\-]+|[a-h]\d{1,2})"
)
SYSTEM = ("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found")
DEEP = 4  # folders below a class that are looked into


class ChannelFiles(DataError):
    """The files of a folder seem to hold one channel each, and nobody said so.

    Args:
        message: with the lines that would read them.
        markers: what tells the channels apart.
    """

    def __init__(self, message: str, markers: tuple[str, ...]):
        super().__init__(message)
        self.markers = markers


SubFolders = Literal["pool", "pass_over"]
Links = Literal["refuse", "follow"]


@dataclass(frozen=True)
class Rules:
    """How folders are read.

    Args:
        links: whether links that lead out of the data are refused or followed.
        channel_files: words in the names of files that tell channels apart, where each is a file of its own; () where
            every file is an image; None: such files are refused.
        sub_folders: whether the images in sub-folders of a class belong to it; None: where these are named as
            replicates are, or there is only one.
        noun: what a class is, for messages; its plural is the key of the recipe that names them.
    """

    links: Links = "refuse"
    channel_files: tuple[str, ...] | None = None
    sub_folders: SubFolders | None = None
    noun: str = "protein"

    @property
    def key(self) -> str:
        """The key of a recipe that names the classes."""
        return {"class": "classes"}.get(self.noun, f"{self.noun}s")


@dataclass(frozen=True)
class ClassFolder:
    """The images of one class.

    Args:
        name: of the class, fit to be printed.
        path: the folder.
        files: names of the images, sorted: of files, below `path` ("rep2/cell01.tif").
        fingerprint: changes when a file is added, removed, renamed or changed (by its number, size and times).
        parts: of each image the files of its channels, "" where one is missing; () where every file is an image.
        markers: what tells these files apart.
        notes: sentences on images that lie deeper, are JPEG, or are planes of one stack.
    """

    name: str
    path: Path
    files: tuple[str, ...]
    fingerprint: str
    parts: tuple[tuple[str, ...], ...] = ()
    markers: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)


def shown(name: object) -> str:
    """A file's name as it may be printed: control characters and broken encodings are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in str(name))


def sub_folders(parent: Path) -> list[Path]:
    """The folders in `parent`, sorted, without hidden ones."""
    entries = sorted(os.scandir(parent), key=lambda entry: entry.name)
    return [Path(entry) for entry in entries if entry.is_dir() and not is_hidden(entry.name)]


def is_hidden(name: str) -> bool:
    """Whether a file or folder belongs to a system, not to a person: .DS_Store, ._a.png, __MACOSX, @eaDir, …"""
    return name.startswith(".") or name.casefold() in SYSTEM


def is_for_masks(name: str) -> bool:
    """Whether a folder's name says that it holds masks or labels rather than images."""
    return re.fullmatch(MASKS, name) is not None


def is_replicate(name: str) -> bool:
    """Whether a folder is named as a replicate, plate, day or field of the folder above it."""
    return re.fullmatch(REPLICATES, name) is not None


def class_folder(name: str, path: Path, top: Path, rules: Rules, *, alone: bool = False) -> ClassFolder:
    """The images of a class.

    Args:
        name: of the class.
        path: its folder.
        top: the folder that links may not lead out of.
        rules: how it is read.
        alone: whether sub-folders are something else than parts of this class.

    Raises:
        DataError: a link that leads out, or a layout that can be read in several ways; the message has the lines.
    """
    found = _Files(path, top, rules)
    files = found.of(path)
    notes: list[str] = []
    if not alone:
        files += _below(name, path, bool(files), found, rules, notes)
    markers = rules.channel_files
    if markers is None and (told := markers_of(files)):
        raise _as_channels(path, told, next(file for file in files if told[0] in file))
    if jpegs := sum(file.lower().endswith((".jpg", ".jpeg")) for file in files):
        notes.append(
            f"{name}: {jpegs} images are JPEG, whose compression changes pixel values and leaves blocks that nets "
            "learn; take the originals where you have them"
        )
    notes += [
        f"{name}: the files seem to be {what} ({shown(example)}, …). Each is read as an image of its own, and such "
        "images are alike: keep one of each, or put them into train/ and test/ yourself, so that none of a series "
        "stands on both sides"
        for what, example in series_in(files).items()
    ]
    parts: tuple[tuple[str, ...], ...] = ()
    if markers:
        images = grouped(files, markers)
        files, parts = list(images), tuple(images.values())
    fingerprint = cache.digest(sorted(found.facts), markers or (), files)
    return ClassFolder(name, path, tuple(sorted(files)), fingerprint, parts, tuple(markers or ()), tuple(notes))


def single_file(path: Path) -> ClassFolder:
    """One file as a class of its own."""
    about = path.stat()
    fingerprint = cache.digest(path.name, about.st_size, about.st_mtime_ns)
    return ClassFolder(shown(path.name), path.parent.absolute(), (path.name,), fingerprint)


def _below(name: str, path: Path, has_own: bool, found: _Files, rules: Rules, notes: list[str]) -> list[str]:
    """The images in sub-folders that belong to the class."""
    rest: dict[str, list[str]] = {}
    for folder in sub_folders(path):
        if is_for_masks(folder.name):
            continue
        found.stay_inside(folder)
        if files := list(found.deep(folder)):
            rest[folder.name] = files
    if not rest:
        return []
    every = [file for files in rest.values() for file in files]
    own = {each: {file.removeprefix(f"{each}/") for file in files} for each, files in rest.items()}
    if rules.channel_files is None and (told := folders_of_channels(own)) and not has_own:
        raise _as_channels(path, told, every[0])
    if rules.channel_files and {f"{each}/" for each in rest} & set(rules.channel_files):
        return every
    evident = all(is_replicate(each) for each in rest) or (len(rest) == 1 and not has_own)
    if rules.sub_folders is None and not evident and not has_own:
        raise DataError(
            f"{shown(path)} has no images, but its sub-folders have: {_listed(rest)}.\n"
            f"If they are classes:                        data.root={shown(path)}\n"
            f"If they are parts of one class, {name}:  data.sub_folders=pool"
        )
    if rules.sub_folders == "pool" or (rules.sub_folders is None and evident):
        notes.append(f"{name}: {_listed(rest)} read as images of {name}, too")
        return every
    return []


def _as_channels(path: Path, markers: tuple[str, ...], example: str) -> ChannelFiles:
    return ChannelFiles(
        f"{shown(path)}: the files seem to hold one channel each, as {shown(example)}.\n"
        f"To read them as the channels of one image:  data.channel_files=[{listed_markers(markers)}]\n"
        "To read every file as an image:             data.channel_files=[]",
        markers,
    )


def listed_markers(markers: tuple[str, ...]) -> str:
    """The markers as a recipe has them."""
    return ", ".join(each if re.fullmatch(r"[A-Za-z_][\w/]*", each) else f'"{each}"' for each in markers)


class _Files:
    """Finds image files below one class folder."""

    def __init__(self, path: Path, top: Path, rules: Rules):
        self.path, self.top, self.rules = path, top, rules
        self.facts: list[tuple[str | int, ...]] = []

    def stay_inside(self, path: Path) -> None:
        if self.rules.links != "follow":
            stay_inside(path, self.top)

    def of(self, folder: Path) -> list[str]:
        """Names of the image files that lie in a folder itself, below `path`, without masks of others among them."""
        files = []
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            if is_hidden(entry.name) or not entry.name.lower().endswith(ENDINGS):
                continue
            if entry.is_symlink():
                self.stay_inside(Path(entry))
            if entry.is_file():
                name = Path(entry).relative_to(self.path).as_posix()
                files.append(name)
                self.facts.append((name, *cache.state(entry.stat())))
        stems = {_stem(file) for file in files}
        return [file for file in files if not _is_mask_of(_stem(file), stems)]

    def deep(self, folder: Path, depth: int = 1) -> Iterator[str]:
        """Names of the image files in a folder and below, but for those of masks."""
        yield from self.of(folder)
        for each in sub_folders(folder):
            if depth < DEEP and not is_for_masks(each.name):
                self.stay_inside(each)
                yield from self.deep(each, depth + 1)


def _stem(file: str) -> str:
    return re.sub(r"(\.ome)?\.\w+$", "", file)


def _is_mask_of(stem: str, stems: set[str]) -> bool:
    match = re.fullmatch(r"(.+?)[_\-. ]?(?i:cp_)?(?i:masks?|seg|labels?|outlines?)", stem)
    return match is not None and match[1] in stems


def _listed(folders: dict[str, list[str]]) -> str:
    """ "20 images in rep1/, 20 images in rep2/" """
    most = 5
    named = [f"{len(files)} image{'s' * (len(files) != 1)} in {shown(each)}/" for each, files in folders.items()]
    return ", ".join(named[:most]) + (f", … ({len(folders)} folders)" if len(folders) > most else "")


def stay_inside(path: Path, top: Path) -> None:
    """Refuses a link that leads out of the data.

    Raises:
        DataError: it does; the message says how to follow it.
    """
    if not path.resolve().is_relative_to(top.resolve()):
        raise DataError(
            f"{shown(path)} is a link that leads out of {shown(top)}, to {shown(path.resolve())}.\n"
            "Such links are not followed, unless you say so: data.links=follow"
        )
