"""One process a run folder: a lock that names its holder, and that no dead process keeps."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import IO

from gantk import console
from gantk.errors import FileError
from gantk.files.atomic import without_following

FAR = 1 << 30  # Windows locks bytes, and locked bytes cannot be read: one behind all that stands in the file
CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network file systems


class Lock:
    """In `with Lock(folder):` no other process on this file system can lock the same folder.

    The operating system holds the lock (flock; on Windows msvcrt) and lets go when the process ends, however it ends.
    The file `.lock` stays; while locked it says who holds it.

    Args:
        folder: an existing folder.

    Raises:
        FileError: another process holds it (which one, where, since when), or the folder cannot be written to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> Lock:
        path = self.folder / ".lock"
        try:
            file = open(path, "a+", encoding="utf-8", opener=without_following)
        except OSError as error:
            raise FileError(f"{self.folder}: cannot be written to: {error.strerror or error}") from error
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in CANNOT_LOCK:
                holder = _holder(file)
                file.close()
                raise FileError(f"{self.folder}: {holder} is at work in this folder. Wait for it, or stop it") from None
            console.warn(f"{self.folder}: this file system knows no locks: start no second process on this run")
        self._file = file
        with contextlib.suppress(OSError):  # on a full disk nobody's name stands in it
            file.truncate(0)
            json.dump(
                {
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
                    "command": shlex.join(["gantk", *sys.argv[1:]]),
                },
                file,
            )
            file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)
                self._file.close()  # which unlocks


def _lock(file: IO[str]) -> None:
    """Locks an open file, or raises OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(folder: Path) -> bool:
    """Whether a process seems to be at work in a folder; nothing is locked to find out.

    One of another machine that was killed looks as if it still were.
    """
    try:
        said = json.loads((folder / ".lock").read_text(encoding="utf-8"))
        if said["host"] != socket.gethostname():
            return True
        os.kill(int(said["pid"]), 0)
    except PermissionError:  # somebody else's process
        return True
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False
    return True


def _holder(file: IO[str]) -> str:
    """Who wrote the lock file, in words."""
    file.seek(0)
    try:
        said = json.loads(file.read())
        return f"process {said['pid']} on {said['host']} (`{said['command']}`, since {said['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
