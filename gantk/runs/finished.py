"""Whether a run has come to its end, and from which checkpoint it goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gantk.errors import FileError
from gantk.files.atomic import parts_in, read_json
from gantk.files.run_folder import RunFolder
from gantk.training import checkpoint
from gantk.training.settings import step_count


def checkpoint_to_go_on_from(folder: RunFolder, older: str | None) -> checkpoint.Checkpoint | None:
    """The checkpoint to go on from; None where there is none yet.

    Args:
        folder: the run's.
        older: its name; None: the newest.

    Raises:
        FileError: there is none of that name, or it is damaged; an intact one is then named.
    """
    found = folder.checkpoints()
    if older is not None:
        by_name = {path.name: path for path in found}
        if Path(older).name not in by_name:
            there = ", ".join(by_name) or "none"
            raise FileError(f"{folder.path}: has no checkpoint {Path(older).name!r} to go on from; there are: {there}")
        found = found[: found.index(by_name[Path(older).name]) + 1]
    if not found:
        return None
    try:
        return checkpoint.read_checkpoint(found[-1])
    except FileError as error:
        intact = next((path for path in reversed(found[:-1]) if _is_intact(path)), None)
        if intact is None:
            raise
        command = f"gantk resume {shlex.quote(str(folder.path))} --from {intact.name}"
        raise FileError(f"{error}\n{intact.name} is intact. Go on from it with:\n  {command}") from None


def _is_intact(path: Path) -> bool:
    try:
        checkpoint.read_checkpoint(path)
    except FileError:
        return False
    return True


def is_finished(folder: RunFolder, values: Mapping[str, Any]) -> bool:
    """Whether a run has trained, evaluated and reported to its end: the report is the last that is written.

    One that was killed on the way to its end has a report of before, or half of a file. Neither data nor the other
    processes of the run are needed to tell.

    Args:
        folder: the run's.
        values: its resolved recipe.

    Raises:
        FileError: its newest checkpoint is damaged, or the evaluation is.
    """
    report = folder.path / "report.html"
    if not folder.checkpoints() or not folder.judged() or not report.exists() or parts_in(folder.path):
        return False
    if report.stat().st_mtime_ns < folder.evaluation.stat().st_mtime_ns:
        return False
    last = checkpoint_to_go_on_from(folder, None)
    return (
        last is not None
        and last.step == folder.last_step()
        and last.step in (_steps(folder, values), ended_early_at(folder))
    )


def _steps(folder: RunFolder, values: Mapping[str, Any]) -> int:
    """At how many steps the run ends by its recipe."""
    samples = read_json(folder.path / "env.json", "Remove it").get("data", {}).get("train", 0)
    return step_count(values, samples)


def ended_early_at(folder: RunFolder) -> int | None:
    """The step at which a callback, or `train.patience`, ended training before its last step; None: neither did."""
    trained = [line for line in folder.lines(folder.history) if line.get("event") == "trained"]
    return trained[-1]["step"] if trained and trained[-1].get("reason") else None


def how_to_train_on(folder: RunFolder, values: Mapping[str, Any]) -> str:
    """What to type behind `gantk resume RUN` to train a finished run on."""
    if ended_early_at(folder) is not None and values["train"]["patience"] is not None:
        return "train.patience=null"
    return f"train.steps={_steps(folder, values) + folder.last_step()}"
