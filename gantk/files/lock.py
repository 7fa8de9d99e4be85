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

from filelock import FileLock, Timeout

from gantk import console
from gantk.errors import FileError
from gantk.files.atomic import without_following

HOLDER = ".lock.json"
CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network file systems


class Lock:
    """In `with Lock(folder):` no other process on this file system can lock the same folder.

    The operating system holds the lock on the file `.lock`, which stays, and releases it when the process ends, however
    it ends. While it is held, `.lock.json` says by whom: a locked file cannot be read on Windows.

    Args:
        folder: an existing folder.

    Raises:
        FileError: another process holds it (which one, where, since when), or the folder cannot be written to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = FileLock(folder / ".lock", fallback_to_soft=False)  # a dead process would keep a soft lock

    def __enter__(self) -> Lock:
        try:
            self.folder.stat()  # FileLock would make it
            self._lock.acquire(blocking=False)
        except Timeout:
            holder = _holder(self.folder / HOLDER)
            raise FileError(f"{self.folder}: {holder} is at work in this folder. Wait for it, or stop it") from None
        except OSError as error:
            if error.errno not in CANNOT_LOCK:
                raise FileError(f"{self.folder}: cannot be written to: {error.strerror or error}") from error
            console.warn(f"{self.folder}: this file system supports no locks: start no second process on this run")
        with (
            contextlib.suppress(OSError),  # on a full disk nobody's name stands in it
            open(self.folder / HOLDER, "w", encoding="utf-8", opener=without_following) as file,
        ):
            json.dump(
                {
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
                    "command": shlex.join(["gantk", *sys.argv[1:]]),
                },
                file,
            )
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            (self.folder / HOLDER).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process seems to be at work in a folder; nothing is locked to find out.

    One of another machine that was killed looks as if it still were.
    """
    try:
        said = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        if said["host"] != socket.gethostname():
            return True
        os.kill(int(said["pid"]), 0)
    except PermissionError:  # somebody else's process
        return True
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return False
    return True


def _holder(path: Path) -> str:
    """Who holds the lock, in words."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"process {said['pid']} on {said['host']} (`{said['command']}`, since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
