"""Files that are whole or not there: written under another name and renamed, or a line at a time.

A process that dies leaves at most a file called `.<name>.<pid>.part`, or half a line at the end of a file of lines;
both are cleared away by the next process that works in that folder.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gantk.errors import FileError

PART = re.compile(r"\..+\.\d+\.part")


def part_of(path: Path) -> Path:
    """The name under which this process writes what is to become `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def without_following(path: str, flags: int) -> int:
    """Opens a file as `open` does, but not through a symbolic link: an `opener`."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def write_bytes(path: Path, *pieces: bytes | memoryview, flush_to_disk: bool = False) -> None:
    """Writes a file that is never seen half written.

    Args:
        path: the file; its folder exists.
        pieces: what it holds, one behind the other.
        flush_to_disk: also outlasts a loss of power: waits until the disk has it before it gets its name.

    Raises:
        OSError: the disk is full, or the folder is gone or read-only; `path` is then as it was.
    """
    _write(path, pieces, flush_to_disk)


def _write(path: Path, pieces: Iterable[bytes | memoryview], flush_to_disk: bool = False) -> None:
    part = part_of(path)
    try:
        with part.open("wb") as target:
            for piece in pieces:
                target.write(piece)
            if flush_to_disk:
                target.flush()
                os.fsync(target.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str | Iterable[str]) -> None:
    """Writes a text file in UTF-8 as `write_bytes` does; given its lines, all of them are never in memory together."""
    _write(path, (line.encode() for line in ([text] if isinstance(text, str) else text)))


def write_json(path: Path, document: Any) -> None:
    """Writes a JSON document as `write_text` does."""
    write_text(path, json.dumps(document, indent=2) + "\n")


def read_json(path: Path, cure: str) -> dict[str, Any]:
    """The mapping in a JSON file.

    Args:
        path: the file.
        cure: what to do where it is damaged, for the message.

    Raises:
        FileError: it cannot be read, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"{path}: damaged, or not JSON: {error}. {cure}") from error
    if not isinstance(found, dict):
        raise FileError(f"{path}: damaged: its content is not a mapping. {cure}")
    return found


def keep_aside(path: Path) -> Path:
    """Copies a damaged file to a free name beside it (`<name>.bak`, `.bak2`, …), before it is written anew.

    Raises:
        OSError: it cannot be copied.
    """
    names = (f"{path.name}.bak{number if number > 1 else ''}" for number in itertools.count(1))
    copy = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    shutil.copyfile(path, copy)
    return copy


def parts_in(folder: Path) -> list[Path]:
    """What processes that died were writing in `folder` and below, or what one is writing now."""
    return [path for path in folder.rglob(".*.part") if PART.fullmatch(path.name)]


def remove_parts(folder: Path) -> list[Path]:
    """Removes what processes that died were writing in `folder` and below; whoever calls has locked the folder."""
    found = parts_in(folder)
    for path in found:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    return found


def append_lines(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Adds JSON objects to a file of lines: all of them, or none.

    Raises:
        OSError: they could not be written; the file then ends with the last whole line.
    """
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    with open(path, "ab+", opener=without_following) as file:
        end = _end_of_last_line(file)
        try:
            file.truncate(end)
            file.write(text)
            file.flush()
        except BaseException:
            with contextlib.suppress(OSError):
                os.truncate(path, end)  # works on a full disk, too
            raise


def _end_of_last_line(file: Any) -> int:
    """Where the last line of an open file ends, bytes from the start; what follows was cut short by a crash."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def read_lines(path: Path, needed: Mapping[str, type] = MappingProxyType({})) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file of lines; those that are none, and a last one that a crash cut short, are left out.

    Args:
        path: the file; one that is not there has no lines.
        needed: what each line must hold, by name and type ({"step": int}).
    """
    for _, line in _numbered(path, needed):
        if line is not None:
            yield line


def odd_lines(path: Path, needed: Mapping[str, type] = MappingProxyType({})) -> list[int]:
    """Numbers, from 1, of the lines that `read_lines` leaves out, but for a last one that a crash cut short."""
    return [number for number, line in _numbered(path, needed) if line is None]


def _numbered(path: Path, needed: Mapping[str, type]) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Line numbers, and what stands there, or None where that is no JSON object with what is needed."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield number, _parsed(line, needed)


def last_line(path: Path, needed: Mapping[str, type] = MappingProxyType({})) -> dict[str, Any] | None:
    """The last of what `read_lines` gives, read from the end of the file, however long it is; None where there is none.

    Args:
        path: the file; one that is not there has no lines.
        needed: what a line must hold, by name and type ({"step": int}).
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        end = _end_of_last_line(file)
        start, size = end, 4096
        while start:
            start, size = max(0, end - size), 2 * size
            file.seek(start)
            lines = file.read(end - start).split(b"\n")
            for line in reversed(lines[1:] if start else lines):  # the first has lost its beginning
                found = _parsed(line, needed)
                if found is not None:
                    return found
    return None


def _parsed(line: bytes, needed: Mapping[str, type]) -> dict[str, Any] | None:
    """The JSON object of a line, or None where it is none with what is needed."""
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError):  # not UTF-8, not JSON
        return None
    right = isinstance(found, dict) and all(type(found.get(name)) is kind for name, kind in needed.items())
    return found if right else None
