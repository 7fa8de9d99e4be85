"""Which files make a field: names with words in braces, `field{field}_{channel}.tif`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gantk_basics.files.images.channel_files import markers_of
from gantk_basics.files.images.class_folder import shown, sub_folders
from gantk_basics.files.images.name_patterns import PLANES, compiled, words_of

from gantk.errors import DataError, MissingData

READ_HERE = (".tif", ".tiff")
BY_ZARR = (".zarr",)
BY_BIOIO = (".czi", ".nd2", ".lif")
ENDINGS = (*READ_HERE, *BY_ZARR, *BY_BIOIO)
NAMED = 5


@dataclass(frozen=True)
class FieldFiles:
    """The files of one field.

    Args:
        name: of the field, fit for a file's name: what tells it apart from others.
        tags: the words of the pattern: {"field": "002"}.
        files: time, z and channel, as the pattern has them ("" where it has none), to the file.
    """

    name: str
    tags: dict[str, str]
    files: dict[tuple[str, str, str], Path]

    @property
    def channels(self) -> list[str]:
        """The channels that files are called by, sorted; [""] where a file holds all."""
        return sorted({channel for _, _, channel in self.files})


def find_fields(fields: Path | Sequence[Path], pattern: str | None) -> tuple[list[FieldFiles], list[str]]:
    """The fields under a folder, or those of a list of files, and sentences on what is passed over.

    Args:
        fields: the folder, or files.
        pattern: how the files are called; None: each file is a field.

    Raises:
        DataError: nothing there, a pattern that fits no file, files that seem to hold one channel each.
    """
    tops = [fields] if isinstance(fields, Path) else list(fields)
    files: list[tuple[str, Path]] = []
    for top in tops:
        if not top.exists():
            raise MissingData(f"no such file or folder: {shown(top)}")
        if top.is_dir() and top.suffix.lower() != ".zarr":
            files += [(path.relative_to(top).as_posix(), path) for path in _below(top)]
        else:
            files.append((top.name, top))
    if not files:
        raise DataError(f"no fields in {shown(tops[0])}: expected files ending in {', '.join(ENDINGS)}")
    if pattern is None:
        if markers := markers_of([name for name, _ in files]):
            first = next(name for name, _ in files if markers[0] in name)
            told = first.rpartition("/")[2].replace(markers[0], f"{markers[0][0]}{{channel}}", 1)
            guess = re.sub(r"^.+?(?=[_\-. ]?\{channel\})", "{field}", told)
            raise DataError(
                f"the files seem to hold one channel each, as {shown(first)}.\n"
                f"To read them together, say how they are called:  'pattern={guess}'\n"
                "To read every file as a field:                   'pattern={field}.*'"
            )
        found = [
            FieldFiles(_fit(_stem(name)), {"field": _fit(_stem(name))}, {("", "", ""): path}) for name, path in files
        ]
        return _different(found), []
    match = compiled(pattern)
    grouped: dict[tuple[tuple[str, str], ...], dict[tuple[str, str, str], Path]] = {}
    others = []
    for name, path in files:
        fits = match.fullmatch(name)
        if fits is None:
            others.append(name)
            continue
        words = fits.groupdict()
        time, z, channel = (words.pop(each, "") for each in ("time", "z", "channel"))
        grouped.setdefault(tuple(sorted(words.items())), {})[time, z, channel] = path
    if not grouped:
        raise DataError(
            f"no file is called as pattern={pattern} says; the files are called {', '.join(map(shown, others[:NAMED]))}"
            f"{', …' if len(others) > NAMED else ''}"
        )
    notes = [
        f"{len(others)} files are not called as the pattern says and are passed over: {shown(each)}, …"
        for each in others[:1]
    ]
    order = [word for word in words_of(pattern) if word not in PLANES]
    found = [
        FieldFiles(_fit("_".join(dict(tags)[word] for word in order)) or "field", dict(tags), planes)
        for tags, planes in sorted(grouped.items())
    ]
    return _different(found), notes


def _below(top: Path, depth: int = 3) -> list[Path]:
    found = []
    for path in sorted(top.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in ENDINGS:
            continue
        if path.is_file() or path.suffix.lower() in BY_ZARR:
            found.append(path)
    for folder in sub_folders(top) if depth else []:
        if folder.suffix.lower() not in BY_ZARR:
            found += _below(folder, depth - 1)
    return found


def _stem(name: str) -> str:
    return re.sub(r"(\.ome)?\.\w+$", "", name, flags=re.IGNORECASE)


def _fit(name: str) -> str:
    """Fit for a file's name."""
    return re.sub(r"[^\w\-.]+", "_", name).strip("_.")


def _different(found: list[FieldFiles]) -> list[FieldFiles]:
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise DataError(f"two fields would both be called {twice}; put a word for what differs into the pattern")
    return found
