"""A new folder for a run: one that nobody else has."""

from __future__ import annotations

from pathlib import Path

from gantk.errors import FileError
from gantk.files.atomic import PART

EXISTS = "exists already, and a run is never overwritten; give another --out, or remove it"


def claim(name: str, out: Path | None) -> Path:
    """A new folder for a run: `out`, or the next free `runs/<name>-<number>`.

    Raises:
        FileError: `out` exists and is not an empty folder, or the folder cannot be made.
    """
    try:
        return _claim(Path("runs"), name) if out is None else _claim_exactly(out)
    except OSError as error:
        raise FileError(f"cannot make a run folder at {error.filename or out}: {error.strerror}") from error


def _claim(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:  # mkdir decides, so that two runs started together get two folders
        path = parent / f"{name}-{number}"
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1


def _claim_exactly(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(path for path in out.iterdir() if not _left_over(path))):
        raise FileError(f"{out}: {EXISTS}")
    out.mkdir(parents=True, exist_ok=True)
    return out


def _left_over(path: Path) -> bool:
    """Whether this is what a run leaves that was killed before there was anything in its folder."""
    return path.name == ".lock" or PART.fullmatch(path.name) is not None
