"""Files that are read whole: plain ones and pipes, no devices, and never more than data may take in memory."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from gantk import console, machine
from gantk.messages import printable

PIECE = 2**20


def whole_file(path: Path, error: Callable[[str], Exception]) -> bytes:
    """The bytes of a file or of a pipe; a pipe is waited for, and that is said.

    Args:
        path: which.
        error: makes the exception from a message.

    Raises:
        error: a folder, a device, or more than data may take in memory.
        OSError: it is not there, or cannot be read.
    """
    name, about = printable(str(path)), path.stat()
    if stat.S_ISFIFO(about.st_mode):
        return _read_pipe(path, error)
    refuse_devices(path, error)
    machine.refuse_above_data_limit(about.st_size, f"{name}: read as a whole it", error)
    return path.read_bytes()


def refuse_devices(path: Path, error: Callable[[str], Exception]) -> None:
    """Raises `error` for what is there and no plain file: it may have no end, or nothing to jump back to.

    Args:
        path: which.
        error: makes the exception from a message.

    Raises:
        OSError: it is not there, or cannot be looked at.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        raise error(f"{printable(str(path))} is {kinds.get(stat.S_IFMT(mode), 'a device')}: give a plain file")


def _read_pipe(path: Path, error: Callable[[str], Exception]) -> bytes:
    name = printable(str(path))
    console.say(f"{name} is a pipe: reading it to its end, waiting for what comes")
    pieces, total = [], 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            pieces.append(piece)
            total += len(piece)
            machine.refuse_above_data_limit(total, f"{name}: what comes through this pipe", error)
    return b"".join(pieces)
