"""Which run folders there are, and which was probably meant by a path that is none."""

from __future__ import annotations

import re
from pathlib import Path

from gantk.messages import nearest

RUNS = Path("runs")
"""Where runs are made unless --out says else."""
SEEDS = "seeds.json"
"""In a folder that holds a run for each of several seeds: which recipe, which seeds."""


def runs_in(folder: Path) -> list[Path]:
    """The run folders in a folder, as people count: toy-2 before toy-10."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if (path / "resolved.yaml").is_file()]
    return sorted(found, key=lambda path: [int(part) if part.isdigit() else part for part in _DIGITS.split(path.name)])


_DIGITS = re.compile(r"(\d+)")


def with_seeds(folder: Path) -> list[Path]:
    """The folders in a folder that hold a run for each of several seeds."""
    return sorted(path.parent for path in folder.glob(f"*/{SEEDS}"))


def run_around(path: Path) -> Path | None:
    """The run folder that a path lies in, or None."""
    here = Path.cwd()
    found = next((each for each in path.absolute().parents if (each / "resolved.yaml").is_file()), None)
    return found.relative_to(here) if found is not None and found.is_relative_to(here) else found


def hint_of_run(path: Path) -> str:
    """What was probably meant by a path that is no run and no checkpoint."""
    if (path / SEEDS).is_file():
        first = next(iter(runs_in(path)), None)
        return "It holds a run for each of several seeds" + (f": write {first}" if first else ", and none has begun")
    around = run_around(path)
    if around is not None:
        return f"It lies in the run {around}: write that"
    there = {str(each): each for each in runs_in(RUNS)}
    near = str(RUNS / path.name) if str(RUNS / path.name) in there else nearest(str(RUNS / path.name), there, 0.8)
    if near is not None:
        return f"Did you mean {near}?"
    return "Runs lie in runs/ unless --out said else; `gantk runs` lists them"
