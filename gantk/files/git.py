"""The commit of the folder that a run starts in, read from git's own files.

git itself is not asked: `git describe --dirty` refreshes the index, and for that runs the programs that the folder's
own configuration names (fsmonitor, clean filters), which may be a stranger's.
"""

from __future__ import annotations

import re
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
REFERENCE = re.compile(r"refs/[\w.+@-]+(?:/[\w.+@-]+)*")
LONGEST = 2**20  # bytes of packed-refs that are looked through


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out in `folder` or above it, hexadecimal; None where there is none, or it is odd."""
    try:
        for parent in (folder, *folder.parents):
            if (parent / ".git").exists():
                return _head(_git_folder(parent / ".git"))
    except (OSError, ValueError):
        pass
    return None


def _git_folder(path: Path) -> Path:
    """The folder of git's files; in a linked work tree `.git` is a file that names it."""
    if path.is_dir():
        return path
    named = re.fullmatch(r"gitdir: (.+)\n?", _text(path))
    if named is None:
        raise ValueError("no folder is named")
    return path.parent / named.group(1)


def _head(git: Path) -> str | None:
    head = _text(git / "HEAD").strip()
    if COMMIT.fullmatch(head):
        return head
    name = head.removeprefix("ref: ")
    if not REFERENCE.fullmatch(name) or ".." in name:
        return None
    shared = git / _text(git / "commondir").strip() if (git / "commondir").is_file() else git
    for home in (git, shared):
        if (home / name).is_file():
            commit = _text(home / name).strip()
            return commit if COMMIT.fullmatch(commit) else None
    packed = _text(shared / "packed-refs") if (shared / "packed-refs").is_file() else ""
    found = re.search(rf"^({COMMIT.pattern}) {re.escape(name)}$", packed, re.MULTILINE)
    return found.group(1) if found else None


def _text(path: Path) -> str:
    if not path.is_file():  # a device or a pipe has no end
        raise ValueError(f"{path} is no file")
    with path.open("rb") as file:
        return file.read(LONGEST).decode("utf-8", "replace")
