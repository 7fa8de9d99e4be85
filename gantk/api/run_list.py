"""The runs in a folder: by what recipe, how far each came, how it ended, its best number. Imports no torch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gantk.errors import FileError
from gantk.files.atomic import read_json, read_lines
from gantk.files.find_run import runs_in, with_seeds
from gantk.files.lock import is_held
from gantk.files.run_folder import RunFolder
from gantk.recipe.diagnostics import Source
from gantk.recipe.yaml_positions import compose

ENDS = {
    "judged": "finished",
    "trained": "not evaluated",
    "started": "killed",
    "resumed": "killed",
    "restored": "killed",
}
"""What happened to a run last, to how it ended; other events are called as they are."""


@dataclass(frozen=True)
class ListedRun:
    """One run.

    Args:
        name: of its folder, as it is typed.
        recipe: what it is called after.
        about: what its recipe says it is.
        step: how many steps are done.
        steps: how many there were to be, or None where epochs say so.
        ended: "finished", "interrupted", "diverged", "failed", "killed", "not evaluated", "running"; or "damaged".
        began: when, ISO 8601, or "".
        metric: full name of the number, or "" where there is none.
        value: the number that `keep_best` chose by, at its best; else the first of the table that the run ended with.
    """

    name: str
    recipe: str
    about: str = ""
    step: int = 0
    steps: int | None = None
    ended: str = ""
    began: str = ""
    metric: str = ""
    value: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def list_runs(folder: Path) -> list[ListedRun]:
    """The runs in a folder, those in its folders of several seeds included; or the one that it is.

    Raises:
        FileError: there is no such folder.
    """
    if (folder / "resolved.yaml").is_file():
        return [listed(folder)]
    if not folder.is_dir():
        raise FileError(f"{folder}: there is no such folder. Runs lie in runs/ unless --out said else")
    inside = [path for repeats in with_seeds(folder) for path in runs_in(repeats)]
    return [listed(path) for path in [*runs_in(folder), *inside]]


def listed(path: Path) -> ListedRun:
    """What is known of a run; one that is damaged is named all the same."""
    try:
        folder = RunFolder(path)
        values = resolved_values(folder)
        happened = [line for line in read_lines(folder.history) if "event" in line]
        step = max(
            (line["step"] for line in [*happened, *last_lines(folder)] if isinstance(line.get("step"), int)), default=0
        )
        metric, value = best_value(folder, values)
        recipe = recipe_name(folder)
    except (FileError, OSError, AttributeError, TypeError):
        return ListedRun(str(path), "", ended="damaged")
    last = str(happened[-1]["event"]) if happened else "started"
    ended = ENDS.get(last, last)
    if ended in ("killed", "not evaluated") and is_held(path):
        ended = "running"
    return ListedRun(
        str(path),
        recipe,
        str(values.get("about", "")),
        step,
        values.get("train", {}).get("steps"),
        ended,
        str(happened[0].get("time", "")) if happened else "",
        metric,
        value,
    )


def resolved_values(folder: RunFolder) -> dict[str, Any]:
    """The values of a run's resolved recipe, as they stand there: no component is looked up.

    Raises:
        FileError: it is no recipe.
    """
    path = folder.path / "resolved.yaml"
    root, mistakes = compose(Source(str(path), folder.resolved()))
    if root is None or mistakes or not isinstance(root.value, dict):
        raise FileError("\n".join(map(str, mistakes)) or f"{path}: damaged: it holds no recipe")
    return root.plain()


def recipe_name(folder: RunFolder) -> str:
    """The name of the recipe that a run was made by: of the file that its values come from."""
    origins = read_json(folder.origins, "") if folder.origins.exists() else {}
    files = [str(each).rpartition(":")[0] for each in origins.values() if FROM_FILE.fullmatch(str(each))]
    if files:
        return Path(files[0]).stem
    return folder.path.name.rpartition("-")[0] or folder.path.name


FROM_FILE = re.compile(r".+\.ya?ml:\d+")


def best_value(folder: RunFolder, values: Mapping[str, Any]) -> tuple[str, float | None]:
    """The number by which the best checkpoint was kept, else the first of the final table: its name, and it."""
    table = folder.judged().get("values", {})
    wanted = (values.get("train", {}).get("keep_best") or {}).get("metric")
    if wanted is None:
        return next(
            ((f"{entry}.{name}", each["value"]) for entry, of in table.items() for name, each in of.items()), ("", None)
        )
    entry, _, name = wanted.partition(".")
    seen = [line[wanted] for line in folder.lines() if isinstance(line.get(wanted), int | float)]
    if not seen:
        return wanted, None
    told = table.get(entry, {}).get(name, {})
    better, reference = told.get("better", "higher"), told.get("reference")
    if better == "near" and reference is not None:
        return wanted, min(seen, key=lambda each: abs(each - reference))
    return wanted, min(seen) if better == "lower" else max(seen)


def last_lines(folder: RunFolder, size: int = 65536) -> Iterator[dict[str, Any]]:
    """The last lines of metrics.jsonl, which may be long."""
    if not folder.metrics.exists():
        return
    with folder.metrics.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - size))
        for line in file.read().splitlines():
            try:
                found = json.loads(line)
            except ValueError:  # cut at its start, or by a crash
                continue
            if isinstance(found, dict):
                yield found
