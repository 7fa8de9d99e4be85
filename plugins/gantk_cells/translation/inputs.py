"""Which files make a field that is to be translated: one file a channel or a stack, as the data of the run had them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gantk_basics.files.images.channel_files import grouped
from gantk_basics.files.images.class_folder import ENDINGS, is_hidden, shown

from gantk.errors import MissingData
from gantk_cells.cropping.patterns import BY_BIOIO, BY_ZARR

READ = (*ENDINGS, *BY_ZARR, *BY_BIOIO)
LISTED = 5
Part = int | str


@dataclass(frozen=True)
class InputField:
    """One field.

    Args:
        name: for its translation.
        files: one, or one of each channel that is given.
    """

    name: str
    files: tuple[Path, ...]


@dataclass
class Inputs:
    """What is to be translated.

    Args:
        fields: in order.
        passed_over: sentences on files that are no input.
        broken: what cannot be translated, with the reason.
    """

    fields: list[InputField] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def find_inputs(paths: Sequence[Path], parts: Sequence[Part]) -> Inputs:
    """The fields among files and folders.

    Args:
        paths: files, folders of files, and folders that have a folder of each part.
        parts: what the model is given, as the data of its run name it: folders, words in the names of files, or
            channels of stacks; () where they name nothing.

    Raises:
        MissingData: a folder without images, or nothing to translate.
    """
    found = Inputs()
    words = [part for part in parts if isinstance(part, str)] if all(isinstance(part, str) for part in parts) else []
    loose: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            found.broken.append(f"{shown(path)}: there is no such file")
        elif not path.is_dir() or path.suffix.lower() in BY_ZARR:
            loose[path] = None
        elif words and all((path / word).is_dir() for word in words):
            _from_folders(path, words, found)
        else:
            inside = _images(path)
            if not inside:
                raise MissingData(f"no images in {shown(path)}: expected names that end in {', '.join(READ)}")
            loose |= dict.fromkeys(inside)
    for path in [each for each in loose if not each.name.lower().endswith(READ)]:
        del loose[path]
        found.broken.append(f"{shown(path)}: read are names that end in {', '.join(READ)}")
    present = [word for word in words if any(_mentions(path.name, word) for path in loose)]
    if len(words) > 1 and len(present) > 1:
        _one_file_a_channel(list(loose), words, found)
    else:
        alone = words[0] if len(words) == 1 and len(words[0]) > 1 else ""  # A and B may be wells as well
        of_one = [path for path in loose if alone and _has_word(path.name, alone)]
        if of_one and len(of_one) < len(loose):
            _tell(found, [path for path in loose if path not in of_one], words)
        found.fields += [InputField(_stem(path), (path,)) for path in of_one or loose]
    if not found.fields and not found.broken:
        raise MissingData("there is nothing to translate")
    return found


def _from_folders(top: Path, words: Sequence[str], found: Inputs) -> None:
    by_part = [{_stem(path): path for path in _images(top / word)} for word in words]
    for name in sorted({name for files in by_part for name in files}):
        lacking = [word for word, files in zip(words, by_part, strict=True) if name not in files]
        if lacking:
            found.broken.append(f"{shown(top)}: field {shown(name)} has no file in {', '.join(lacking)}")
        else:
            found.fields.append(InputField(name, tuple(files[name] for files in by_part)))


def _one_file_a_channel(paths: Sequence[Path], words: Sequence[str], found: Inputs) -> None:
    others = [path for path in paths if not any(_mentions(path.name, word) for word in words)]
    for folder in dict.fromkeys(path.parent for path in paths):
        by_name = {path.name: path for path in paths if path.parent == folder and path not in others}
        for key, files in grouped(by_name, list(words)).items():
            name = _stem(Path(key)).strip("_-. ") or folder.absolute().name
            lacking = [word for word, file in zip(words, files, strict=True) if not file]
            if lacking:
                found.broken.append(f"{shown(folder)}: field {shown(name)} has no file with {', '.join(lacking)}")
            else:
                found.fields.append(InputField(name, tuple(by_name[file] for file in files)))
    if others:
        _tell(found, others, words)


def _tell(found: Inputs, others: Sequence[Path], words: Sequence[str]) -> None:
    listed = ", ".join(shown(path.name) for path in others[:LISTED]) + (", …" if len(others) > LISTED else "")
    found.passed_over.append(
        f"{len(others)} file{'s' * (len(others) > 1)} passed over (the model is given {', '.join(words)}): {listed}"
    )


def _mentions(name: str, word: str) -> bool:
    """Whether a file's name has this word; a single letter must stand alone."""
    return word in name if len(word) > 1 else _has_word(name, word)


def _has_word(name: str, word: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", name) is not None


def _images(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if not is_hidden(path.name)
        and path.name.lower().endswith(READ)
        and (path.is_file() or path.suffix.lower() in BY_ZARR)
    ]


def _stem(path: Path) -> str:
    stem = path.name[: path.name.rindex(".")] if "." in path.name else path.name
    return stem.removesuffix(".ome")
