"""The run folder: where a run keeps its recipe, environment, metrics, pictures and checkpoints."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gantk import console
from gantk.errors import FileError
from gantk.files.atomic import append_lines, keep_aside, odd_lines, read_json, read_lines, write_json, write_text
from gantk.files.find_run import hint_of_run
from gantk.files.shipped import model_called
from gantk.files.text import read_text

CHECKPOINT_NAME = re.compile(r"(step|timed)-(\d+)\.h5")
LINE = {"step": int}
"""What each line of metrics.jsonl and history.jsonl must hold."""
EXISTS = "exists already, and a run is never overwritten; give another --out, or remove it"


class RunFolder:
    """An existing run folder.

    Args:
        path: the folder.

    Raises:
        FileError: there is no run in that folder.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        if not (self.path / "resolved.yaml").is_file():
            raise FileError(f"{path}: not a run folder (it has no resolved.yaml). {hint_of_run(self.path)}")
        refuse_links(self.path)

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        text: str,
        resolved: str,
        origins: Mapping[str, str],
        environment: Mapping[str, Any],
    ) -> RunFolder:
        """Writes what is known at the start into a folder that `claim` gave, and that is locked.

        Raises:
            FileError: there is a run in it meanwhile, or it cannot be written to.
        """
        if (path / "resolved.yaml").exists():
            raise FileError(f"{path}: {EXISTS}")
        try:
            write_text(path / "resolved.yaml", resolved)  # first: all that is needed to resume
            write_text(path / "recipe.yaml", text)
            write_json(path / "origins.json", dict(origins))
            write_json(path / "env.json", environment)
            folder = cls(path)
            folder.complete()
        except OSError as error:
            raise FileError(f"cannot make a run folder at {error.filename or path}: {error.strerror}") from error
        return folder

    def complete(self) -> None:
        """Creates what is missing in a folder whose creation was interrupted.

        Raises:
            OSError: the folder cannot be written to.
        """
        for part in (self.samples, self.path / "checkpoints"):
            part.mkdir(exist_ok=True)
        if not (self.path / "recipe.yaml").exists():
            write_text(self.path / "recipe.yaml", self.resolved())
        if not self.origins.exists():
            write_json(self.origins, {})

    @property
    def origins(self) -> Path:
        """Where each value of the resolved recipe comes from, as JSON: dotted path to words."""
        return self.path / "origins.json"

    @property
    def samples(self) -> Path:
        """Where pictures lie."""
        return self.path / "samples"

    def step_pictures(self) -> list[Path]:
        """The pictures drawn during training, by their steps."""
        found = [path for path in self.samples.glob("step-*.png") if re.fullmatch(r"step-\d+", path.stem)]
        return sorted(found, key=step_in_name)

    @property
    def metrics(self) -> Path:
        """The record of numbers: one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def evaluation(self) -> Path:
        """The final metric table, as JSON."""
        return self.path / "evaluation.json"

    @property
    def panels(self) -> Path:
        """What the panels among the pictures show, as JSON: file name to title and caption."""
        return self.samples / "panels.json"

    @property
    def history(self) -> Path:
        """What happened to the run: one JSON object a line."""
        return self.path / "history.jsonl"

    def tell(self, event: str, step: int, reason: str = "") -> None:
        """Adds a line to history.jsonl: when, at which step, and what."""
        line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, "step": step}
        append_lines(self.history, [line | ({"reason": reason} if reason else {})])

    def resolved(self) -> str:
        """The resolved recipe, YAML text."""
        return read_text(self.path / "resolved.yaml")

    def judged(self) -> dict[str, Any]:
        """What evaluation.json says: `values`, entry to name to number and direction, and more; {} before the end.

        Raises:
            FileError: the file is damaged.
        """
        if not self.evaluation.exists():
            return {}
        cure = f"Remove it; `gantk resume {shlex.quote(str(self.path))}` judges again"
        found = read_json(self.evaluation, cure)
        entries = found.get("values")
        if not isinstance(entries, dict) or not all(
            isinstance(value, dict) and isinstance(value.get("value"), int | float)
            for entry in entries.values()
            for value in (entry.values() if isinstance(entry, dict) else [None])
        ):
            raise FileError(f"{self.evaluation}: damaged: it holds no table of metrics. {cure}")
        return found

    def checkpoint_path(self, step: int, *, timed: bool = False) -> Path:
        """The path of the checkpoint of `step`; `timed`: of the one that is kept every few minutes."""
        return self.path / "checkpoints" / f"{'timed' if timed else 'step'}-{step}.h5"

    @property
    def best_checkpoint(self) -> Path:
        """The path of the best checkpoint, where the recipe asks for one."""
        return self.path / "checkpoints" / "best.h5"

    def checkpoints(self) -> list[Path]:
        """All checkpoints that a run can go on from, oldest first: the numbered ones, and the timed one."""
        found = [(CHECKPOINT_NAME.fullmatch(path.name), path) for path in (self.path / "checkpoints").glob("*.h5")]
        ordered = sorted((int(match[2]), match[1] == "step", path) for match, path in found if match)
        return [path for _, _, path in ordered]

    def numbered_checkpoints(self) -> list[Path]:
        """Those of the schedule, of interruptions and of the end, oldest first."""
        return [path for path in self.checkpoints() if path.name.startswith("step-")]

    def last_checkpoint(self) -> Path:
        """The newest checkpoint.

        Raises:
            FileError: there is none yet.
        """
        if not self.checkpoints():
            raise FileError(f"{self.path}: has no checkpoint yet")
        return self.checkpoints()[-1]

    def last_step(self) -> int:
        """The step of the newest checkpoint, by its name.

        Raises:
            FileError: there is none yet.
        """
        return step_in_name(self.last_checkpoint())

    def last_scheduled(self, every: int | None) -> Path | None:
        """The newest checkpoint of a multiple of `every` steps, if there is one; others are of interruptions."""
        found = [path for path in self.numbered_checkpoints() if every is not None and step_in_name(path) % every == 0]
        return found[-1] if found else None

    def forget_old_checkpoints(self, keep: int, spared: int | None = None) -> None:
        """Removes all but the newest `keep` numbered checkpoints.

        Args:
            keep: how many stay.
            spared: the newest of a multiple of so many steps stays, too; None: no other stays.
        """
        for path in self.numbered_checkpoints()[:-keep]:
            if path != self.last_scheduled(spared):
                path.unlink(missing_ok=True)

    def forget_timed_checkpoints(self, but: Path | None = None) -> None:
        """Removes the timed checkpoint, or the one before it: there is never more than one for long.

        Args:
            but: this one stays.
        """
        for path in self.checkpoints():
            if path.name.startswith("timed-") and path != but:
                path.unlink(missing_ok=True)

    def set_aside_after(self, path: Path) -> None:
        """Renames the checkpoints newer than `path`: a run that goes on from it will not take them for its.

        Raises:
            OSError: they cannot be renamed.
        """
        for newer in self.checkpoints():
            if step_in_name(newer) > step_in_name(path):
                newer.replace(newer.with_name(f"aside-{newer.name}"))

    def set_aside_best(self) -> None:
        """Renames best.h5, the best by another metric than the recipe asks for by now.

        Raises:
            OSError: it cannot be renamed.
        """
        if self.best_checkpoint.exists():
            self.best_checkpoint.replace(self.best_checkpoint.with_name(f"aside-{self.best_checkpoint.name}"))

    def how_to_go_on(self) -> str:
        """The end of a message when a run ends early: the last checkpoint, and the command that resumes it."""
        if not self.path.exists():
            return f"The folder {self.path} is gone, and with it all that the run had kept: nothing can be gone on with"
        what = "Go on" if self.checkpoints() else "Start again from step 0"
        return f"{self.last_in_words()}. {what} with:\n  {self.resume_command()}"

    def last_in_words(self) -> str:
        """The newest checkpoint, in words."""
        found = self.checkpoints()
        return f"The last good checkpoint is {found[-1]}" if found else "There is no checkpoint yet"

    def resume_command(self) -> str:
        """What to type to go on."""
        return f"gantk resume {shlex.quote(str(self.path))}"

    def append(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Adds lines to metrics.jsonl: all of them or none.

        Raises:
            OSError: they could not be written.
        """
        append_lines(self.metrics, lines)

    def lines(self, path: Path | None = None) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl, or of `path`; those that are damaged or cut short are left out."""
        yield from read_lines(path or self.metrics, LINE)

    def cut_back(self, step: int, restorations: Sequence[Mapping[str, Any]] = ()) -> None:
        """Removes the lines of metrics.jsonl after `step`, which a resumed run writes again.

        Where lines are damaged, they are named, and the file as it was stays beside it (metrics.jsonl.bak).

        Args:
            step: the last that stays.
            restorations: those that the state knows of; lines about others are dropped, too.
        """
        odd = odd_lines(self.metrics, LINE)
        if odd:
            numbers = ", ".join(map(str, odd[:10])) + (f" and {len(odd) - 10} more" if len(odd) > 10 else "")
            backup = keep_aside(self.metrics)
            console.warn(
                f"{self.metrics}: line {numbers}: not a JSON object with a step; left out; the file as it was is kept "
                f"as {backup.name}"
            )
        kept = (
            json.dumps(line) + "\n"
            for line in self.lines()
            if line["step"] <= step and ("diverged_at" not in line or line in restorations)
        )
        write_text(self.metrics, kept)


def refuse_links(folder: Path) -> None:
    """Refuses symbolic links in a run folder, by which gantk would read and write outside it.

    Args:
        folder: of a run; it may be reached through links itself.

    Raises:
        FileError: there is one in it.
    """
    for inner in (folder, folder / "samples", folder / "checkpoints"):
        with contextlib.suppress(FileNotFoundError), os.scandir(inner) as entries:
            for entry in entries:
                if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
                    what = "link" if entry.is_symlink() else "device or pipe"
                    raise FileError(f"{entry.path}: is a {what}, which no run folder holds; put the file itself there")


def step_in_name(path: Path) -> int:
    """The step in the name of a checkpoint or picture."""
    return int(path.stem.removeprefix("step-").removeprefix("timed-"))


def checkpoint_of(path: Path) -> Path:
    """The checkpoint that `path` names: a file; of a run the best, else the newest; an exported generator; or "demo".

    Raises:
        FileError: neither a checkpoint nor a run.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "model.safetensors").is_file():
            return path
        folder = RunFolder(path)
        return folder.best_checkpoint if folder.best_checkpoint.exists() else folder.last_checkpoint()
    found = path if path.exists() else model_called(path)
    if found is None:
        raise FileError(f"{path}: there is no such run or checkpoint. {hint_of_run(path)}")
    return found
