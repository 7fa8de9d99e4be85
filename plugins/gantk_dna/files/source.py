"""Where the bytes of sequences come from: files and pipes, and what says that one is still the same."""

from __future__ import annotations

import os
import stat
from collections.abc import Hashable
from hashlib import sha256
from pathlib import Path

from gantk import machine
from gantk.console import say
from gantk.errors import DataError, MissingData
from gantk.files import content_of
from gantk.files.compressed import PIECE, unpacked

_piped: dict[tuple[int, int], bytes] = {}
"""What came through each pipe, by its number: a pipe can be read once, and the three splits need it."""


def check_file(path: Path, key: str = "data.path") -> Path:
    """The path, if there is such a file (or a pipe: `/dev/stdin`, or what `<(…)` makes in a shell).

    Args:
        path: which.
        key: of a recipe, that gives the path, for messages.

    Raises:
        DataError: there is none, or it is a folder or a device.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the file in it: {key}={path / 'FILE'}")
    if not path.exists():
        without = " The recipe\ndna_planted.yaml needs no file at all." if key == "data.path" else ""
        raise MissingData(
            f"no such file: {path.absolute()}\n"
            f"Paths are relative to the working directory: give {key}=FILE with a file of yours.{without}"
        )
    mode = _status(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise DataError(f"{path} is a device, neither a file nor a pipe: give {key}=FILE with a file of yours")
    return path


def bytes_of(path: Path) -> bytes:
    """The bytes of a file or of a pipe, unpacked where they are gzip, bzip2 or xz. A pipe is waited for.

    Raises:
        DataError: there is no such file, it cannot be read, is damaged, or does not fit into the memory.
    """
    check_file(path)
    try:
        about = _status(path)
        if not stat.S_ISFIFO(about.st_mode):
            return content_of(path)
        number = (about.st_dev, about.st_ino)
        if number not in _piped:
            _piped[number] = unpacked(_read_pipe(path), path)
        return _piped[number]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def state_of(path: Path) -> Hashable:
    """What says that a file is still the same: where it lies, which one it is, when it was changed, how it begins.

    A link that was led elsewhere, a file put there with an older time stamp, and one of the same size and time all
    have another state. Of a pipe: which one it is.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    check_file(path)
    about = _status(path)
    which = about.st_dev, about.st_ino
    if stat.S_ISFIFO(about.st_mode):
        return which
    try:
        with path.open("rb") as file:
            begins = sha256(file.read(2**16)).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    return str(path.resolve()), *which, about.st_size, about.st_mtime_ns, about.st_ctime_ns, begins


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _read_pipe(path: Path) -> bytes:
    say(f"{path} is a pipe: reading it to its end")
    pieces, total = [], 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            pieces.append(piece)
            total += len(piece)
            machine.refuse_above_memory(total, f"{path}: what comes through this pipe", DataError)
    return b"".join(pieces)
