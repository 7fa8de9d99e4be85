"""Fields of view of which some channels are given and others wanted: folders, channel files, or channels of stacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from gantk_basics.files.images.channel_files import grouped
from gantk_basics.files.images.class_folder import ENDINGS, shown, stay_inside
from gantk_basics.files.images.decode import Decoded, chosen, decode
from gantk_basics.files.images.split_folders import SplitFolders, set_of, sets_in
from numpy.typing import NDArray

from gantk.errors import DataError, MissingData
from gantk.messages import did_you_mean

Part = int | str
Kind = Literal["folders", "files", "channels"]
SPLITS = ("train", "validation", "test")
LISTED = 8


@dataclass(frozen=True)
class Field:
    """One field of view.

    Args:
        name: what its files have in common.
        planes: (C, H, W), those that are given first; what is missing is 0.
        measured: which of them there are, (C,).
        pixel_size: micrometres; None where no file says.
        origin: what gantk wrote of its own images ("simulated", …), else "".
    """

    name: str
    planes: NDArray[Any]
    measured: NDArray[np.bool_]
    pixel_size: float | None
    origin: str


@dataclass(frozen=True)
class FieldFiles:
    """Where the parts of the fields of one folder lie.

    Args:
        root: the folder.
        parts: what was asked for, those that are given first.
        kind: whether they are folders, words in the names of files, or channels of stacks.
        given: how many of them are given.
        files: name of a field to the file of each part, None where there is none.
    """

    root: Path
    parts: tuple[Part, ...]
    kind: Kind
    given: int
    files: dict[str, tuple[Path | None, ...]]


def find_splits(
    root: Path, condition: list[Part], target: list[Part], missing: Literal["error", "keep"], follow: bool
) -> dict[str, FieldFiles]:
    """The fields of each split that has a folder; "train" always.

    Args:
        root: the folder, or that above the folders of the splits (train, val, test; trainA, trainB, testA, testB).
        condition: see `find_fields`.
        target: the same.
        missing: the same.
        follow: the same.

    Raises:
        DataError: see `find_fields`.
    """
    if not root.is_dir():
        raise MissingData(f"no such folder: {shown(root)}")
    by_domain = {domain: each for (stem, domain), each in sets_in(root).items() if domain}
    if by_domain and {*condition, *target} <= by_domain.keys():  # trainA, trainB, testA, testB
        parts = {}
        for split in SPLITS:
            folders = {part: getattr(by_domain[part], split) for part in map(str, (*condition, *target))}
            if all(folders.values()):
                own = [str(folders[each].relative_to(root)) for each in folders]
                given = len(condition)
                parts[split] = find_fields(root, own[:given], own[given:], missing, follow)
        return _renamed(parts, [*condition, *target])
    sets = set_of(root) or sets_in(root).get(("", "")) or SplitFolders(root)
    folders = {split: getattr(sets, split) for split in SPLITS}
    return {
        split: find_fields(folder, condition, target, missing, follow)
        for split, folder in folders.items()
        if folder is not None
    }


def find_fields(
    root: Path, condition: Sequence[Part], target: Sequence[Part], missing: Literal["error", "keep"], follow: bool
) -> FieldFiles:
    """The fields below a folder. A field without all that is given is an error.

    Args:
        root: the folder.
        condition: what is given: folders below `root`, words in the names of files, or channels of stacks.
        target: what is wanted, of the same kind.
        missing: whether fields that lack a target are an error, or are kept.
        follow: whether links that lead out of `root` are followed.

    Raises:
        DataError: nothing there, parts of several kinds, fields that lack parts; `MissingData`: no such folder.
    """
    if not root.is_dir():
        raise MissingData(f"no such folder: {shown(root)}")
    parts = (*condition, *target)
    if repeated := sorted({str(each) for each in parts if parts.count(each) > 1}):
        raise DataError(f"{', '.join(repeated)} stands twice in data.condition and data.target")
    kind = _kind(root, parts)
    if kind == "folders":
        by_part = [{_stem(path): path for path in _images(root / str(part), follow)} for part in parts]
        names = sorted({name for files in by_part for name in files})
        files = {name: tuple(each.get(name) for each in by_part) for name in names}
    elif kind == "files":
        every = {path.name: path for path in _images(root, follow)}
        found = grouped(every, [str(part) for part in parts])
        files = {_stem(Path(key)).strip("_-. "): tuple(every.get(name) for name in own) for key, own in found.items()}
    else:
        files = {_stem(path): (path,) * len(parts) for path in _images(root, follow)}
    whole = FieldFiles(root, parts, kind, len(condition), files)
    if not files:
        raise DataError(f"no images in {shown(root)}: expected files ending in {', '.join(ENDINGS)}")
    _check_missing(whole, missing)
    return whole


def read_field(found: FieldFiles, name: str) -> Field:
    """One field.

    Raises:
        DataError: a file that cannot be read, or planes of unequal size.
    """
    decoded: dict[Path, Decoded] = {}
    planes: list[NDArray[Any] | None] = []
    for part, path in zip(found.parts, found.files[name], strict=True):
        if path is None:
            planes.append(None)
            continue
        if path not in decoded:
            decoded[path] = _decoded(path)
        image = decoded[path]
        if found.kind == "channels":
            planes.append(image.images[0, chosen(path, image, [part])])
        else:
            planes.append(image.images[0])
    there = [plane for plane in planes if plane is not None]
    sizes = {plane.shape[1:] for plane in there}
    types = {plane.dtype for plane in there}
    if len(sizes) > 1:
        raise DataError(f"{_named(found, name)}: planes of several sizes, {_sizes(found, name, planes)}")
    counts = [1 if plane is None else len(plane) for plane in planes]
    size = there[0].shape[1:]
    kind = np.result_type(*types)
    filled = [np.zeros((1, *size), kind) if plane is None else plane.astype(kind, copy=False) for plane in planes]
    measured = np.repeat([plane is not None for plane in planes], counts)
    every = list(decoded.values())
    return Field(
        name,
        np.concatenate(filled),
        measured,
        next((each.pixel_size for each in every if each.pixel_size), None),
        next((each.origin for each in every if each.origin), ""),
    )


def read_fields(found: FieldFiles, names: Sequence[str]) -> list[Field]:
    """All fields of a folder.

    Args:
        found: where they lie.
        names: of the channels, those that are given first.

    Raises:
        DataError: a file that cannot be read, or fields that are unlike each other.
    """
    fields: list[Field] = []
    for name in found.files:
        field = read_field(found, name)
        if len(field.planes) != len(names):
            raise DataError(
                f"{shown(found.root)}: field {shown(name)!r} has {len(field.planes)} channels, others {len(names)} "
                f"({', '.join(names)})"
            )
        if fields and field.planes.dtype != fields[0].planes.dtype:
            raise DataError(
                f"{shown(found.root)}: field {shown(name)!r} is {field.planes.dtype}, field "
                f"{shown(fields[0].name)!r} {fields[0].planes.dtype}; one type is needed"
            )
        fields.append(field)
    return fields


def channel_names(found: FieldFiles) -> tuple[list[str], list[str]]:
    """What the channels that are given, and those that are wanted, are called; by the first field that has them."""
    names: list[list[str]] = [[], []]
    for number, part in enumerate(found.parts):
        path = next(files[number] for files in found.files.values() if files[number] is not None)
        assert path is not None
        side = names[number >= found.given]
        if found.kind == "channels":
            decoded = _decoded(path)
            (at,) = chosen(path, decoded, [part])
            side.append((decoded.names[at] if decoded.names else "") or f"channel {at}")
            continue
        decoded = _decoded(path)
        count = decoded.images.shape[1]
        own = decoded.names if len(decoded.names) == count and all(decoded.names) else range(count)
        word = str(part).strip("_-. /") or str(part)
        side += [word] if count == 1 else [f"{word} {each}" for each in own]
    return names[0], names[1]


def _renamed(found: dict[str, FieldFiles], parts: list[Part]) -> dict[str, FieldFiles]:
    return {
        split: FieldFiles(each.root, tuple(parts), each.kind, each.given, each.files) for split, each in found.items()
    }


def _kind(root: Path, parts: Sequence[Part]) -> Kind:
    """What the parts are. Folders go before words in the names of files, and these before channels of stacks."""
    if all(isinstance(part, str) and (root / part).is_dir() for part in parts):
        return "folders"
    names = [path.name for path in root.iterdir() if path.name.lower().endswith(ENDINGS)]
    inside = [isinstance(part, str) and any(part in name for name in names) for part in parts]
    if names and all(inside):
        return "files"
    if names and not any(isinstance(part, str) and (root / part).is_dir() for part in parts) and not any(inside):
        return "channels"
    folders = sorted(each.name for each in root.iterdir() if each.is_dir() and not each.name.startswith("."))
    lacking = [part for part, found in zip(parts, inside, strict=True) if not found and not (root / str(part)).is_dir()]
    there = [f"folders: {', '.join(folders[:LISTED])}"] if folders else []
    there += [f"files: {', '.join(sorted(names)[:LISTED])}" + (", …" if len(names) > LISTED else "")] if names else []
    hint = f"; {did_you_mean(str(lacking[0]), [*folders, *names])}" if lacking else ""
    raise DataError(
        f"{shown(root)}: data.condition and data.target name folders below it, words in the names of its files, or "
        f"channels of its stacks, all of one kind; not so {', '.join(map(str, lacking or parts))}{hint}\n"
        f"There: {'; '.join(there) or 'nothing'}"
    )


def _images(folder: Path, follow: bool) -> list[Path]:
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".") and path.name.lower().endswith(ENDINGS)
    ]
    for path in found:
        if path.is_symlink() and not follow:
            stay_inside(path, folder)
    return found


def _stem(path: Path) -> str:
    stem = path.name[: path.name.rindex(".")] if "." in path.name else path.name
    return stem.removesuffix(".ome")


def _check_missing(found: FieldFiles, missing: Literal["error", "keep"]) -> None:
    no_condition, no_target = [], []
    for name, files in found.files.items():
        if any(path is None for path in files[: found.given]):
            no_condition.append(name)
        elif any(path is None for path in files[found.given :]):
            no_target.append(name)
    if no_condition:
        raise DataError(
            f"{shown(found.root)}: {_counted(no_condition, found)} without all that is given "
            f"({', '.join(map(str, found.parts[: found.given]))}); add the files, or leave these fields out"
        )
    if no_target and missing == "error":
        raise DataError(
            f"{shown(found.root)}: {_counted(no_target, found)} without all that is wanted "
            f"({', '.join(map(str, found.parts[found.given :]))}). To learn from what there is: data.missing=keep"
        )
    for number in range(found.given, len(found.parts)):
        if all(files[number] is None for files in found.files.values()):
            raise DataError(f"{shown(found.root)}: no field has {found.parts[number]}, which is wanted")


def _counted(names: list[str], found: FieldFiles) -> str:
    listed = ", ".join(shown(name) for name in names[:LISTED]) + (", …" if len(names) > LISTED else "")
    return f"{len(names)} of {len(found.files)} fields ({listed})"


def _named(found: FieldFiles, name: str) -> str:
    return f"{shown(found.root)}: field {shown(name)!r}" if name else shown(found.root)


def _sizes(found: FieldFiles, name: str, planes: Sequence[NDArray[Any] | None]) -> str:
    known = zip(found.files[name], planes, strict=True)
    return ", ".join(
        f"{shown(path.name)} {plane.shape[1]} x {plane.shape[2]}"
        for path, plane in known
        if plane is not None and path is not None
    )


def _decoded(path: Path) -> Decoded:
    try:
        decoded = decode(path)
    except DataError:
        raise
    except Exception as error:  # damaged files raise nearly anything: TiffFileError, zlib.error, …
        raise DataError(f"{shown(path)} cannot be read: {shown(str(error))}") from error
    if len(decoded.images) > 1:
        raise DataError(f"{shown(path)} holds {len(decoded.images)} images; a field of view is one")
    return decoded
