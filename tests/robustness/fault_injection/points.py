"""Makes a process stop for a moment at a chosen point of its writing, so that it can be killed exactly there.

Only the process that is to be killed is patched, from here: gantk itself knows nothing of it.
"""

from __future__ import annotations

import builtins
import io
import os
import re
import select
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

FILES = {
    "checkpoint": r"\.step-\d+\.h5\..*part",
    "timed": r"\.timed-\d+\.h5\..*part",
    "best": r"\.best\.h5\..*part",
    "cache": r"\.(?!step-|timed-|best).*\.h5\..*part",
    "metrics": r"metrics\.jsonl",
    "cut back": r"\.metrics\.jsonl\..*part",
    "history": r"history\.jsonl",
    "set-up": r"\.(resolved\.yaml|recipe\.yaml|origins\.json|env\.json)\..*part",
    "evaluation": r"\.evaluation\.json\..*part",
    "report": r"\.?report\.html.*",
    "picture": r"(step-\d+|data|generated)\.png",
}
"""Point to the name of the file, half of which is then written."""

POINTS = (*FILES, "flush", "before renaming", "after renaming")


class Half:
    """An open file whose first write stops half-way."""

    def __init__(self, file: Any, stop: Callable[[], None]):
        self._file = file
        self._stop = stop

    def write(self, content: Any) -> int:
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        self._stop()
        self._file.write(content[half:])
        return len(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Half:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)


def install(point: str, count: int, reached: int, go_on: int) -> None:
    """Stops this process the `count`-th time that it comes to `point`, until it may go on.

    Args:
        point: one of POINTS.
        count: from 1.
        reached: descriptor to write to on reaching it.
        go_on: descriptor to read from before going on.
    """
    passed: Counter[str] = Counter()

    def stop(where: str) -> None:
        passed[where] += 1
        if where == point and passed[where] == count:
            os.write(reached, b"!")
            select.select([go_on], [], [], 20)

    opened = io.open

    def open_half(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        found = opened(file, mode, *arguments, **named)
        if any(letter in mode for letter in "wax+") and isinstance(file, str | Path):
            for where, name in FILES.items():
                if re.fullmatch(name, Path(file).name):
                    return Half(found, partial(stop, where))
        return found

    io.open = builtins.open = open_half  # type: ignore[assignment]

    replace, fsync = os.replace, os.fsync

    def stopping_replace(*arguments: Any, **named: Any) -> None:
        stop("before renaming")
        replace(*arguments, **named)
        stop("after renaming")

    def stopping_fsync(descriptor: int) -> None:
        stop("flush")
        fsync(descriptor)

    os.replace, os.fsync = stopping_replace, stopping_fsync
