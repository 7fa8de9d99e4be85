"""The folder of a sweep: the sweep file, the study, a folder a trial, and what was found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from gantk.errors import FileError, RecipeError
from gantk.files.atomic import write_text
from gantk.files.run_folder import EXISTS
from gantk.files.text import read_text
from gantk.recipe.yaml_positions import dump
from gantk.runs.changes import changed_keys, value_shown

SWEEP = "sweep.yaml"
MAY_GROW = ("trials", "minutes", "about")
"""What may differ where a sweep is gone on with."""


class SweepFolder:
    """An existing folder of a sweep; `begin` makes one.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path):
        self.path = Path(path)

    @classmethod
    def begin(cls, path: Path, values: Mapping[str, Any]) -> SweepFolder:
        """The folder of a sweep: made, or where it is of the same sweep, gone on with by one more worker.

        Args:
            path: of the folder.
            values: of the sweep file, with every default.

        Raises:
            FileError: something else lies there.
            RecipeError: another sweep does.
        """
        path.mkdir(parents=True, exist_ok=True)
        with FileLock(path / ".begin"):
            file = path / SWEEP
            if file.is_file():
                from gantk.recipe.recipe import load_as
                from gantk.sweeps.blocks import SweepBlocks

                there = load_as(SweepBlocks, file)
                differing = [key for key in sorted(changed_keys(there, dict(values))) if key not in MAY_GROW]
                if differing:
                    told = "\n".join(
                        f"  {key}: {value_shown(there, key)} there, {value_shown(values, key)} asked for"
                        for key in differing[:8]
                    )
                    raise RecipeError(f"{path} belongs to another sweep:\n{told}\nGive another --out")
            elif any(each.name != ".begin" for each in path.iterdir()):
                raise FileError(f"{path}: {EXISTS}")
            write_text(file, dump(dict(values)))
        return cls(path)

    @property
    def journal(self) -> Path:
        """The study, where no other storage is named: one JSON object a line."""
        return self.path / "study.journal"

    @property
    def report(self) -> Path:
        """The page on all trials."""
        return self.path / "sweep.html"

    def trial(self, number: int) -> Path:
        """Where a trial's runs lie."""
        return self.path / "trials" / str(number)

    def count_worker(self) -> int:
        """How many workers there were before this one: each has random numbers of its own. Within `asking`."""
        file = self.path / ".workers"
        count = len(read_text(file)) if file.exists() else 0
        write_text(file, "|" * (count + 1))
        return count

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Within it, no other worker on this file system takes a trial."""
        with FileLock(self.path / ".asking"):
            yield


def study_name(values: Mapping[str, Any]) -> str:
    """What a sweep is called in its storage: the same for the same sweep, wherever its line is typed."""
    fixed = {key: value for key, value in values.items() if key not in MAY_GROW}
    return f"gantk-{hashlib.sha256(dump(fixed).encode()).hexdigest()[:12]}"
