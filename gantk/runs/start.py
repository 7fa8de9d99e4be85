"""Whole runs: begun in a new folder, or gone on with in theirs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gantk import console
from gantk.errors import FileError, RecipeError
from gantk.files.atomic import PART, read_json, remove_parts, write_json, write_text
from gantk.files.lock import Lock
from gantk.files.run_folder import EXISTS, RunFolder
from gantk.interfaces import Callback
from gantk.recipe.recipe import Recipe, recipe_from_text
from gantk.runs import environment
from gantk.runs.callbacks import reason_of
from gantk.runs.setup import Parts, prepare
from gantk.runs.trainer import carry_out
from gantk.runs.worker_ranks import train_along
from gantk.training import checkpoint
from gantk.training.distributed.process_group import joined
from gantk.training.distributed.ranks import Ranks

MAY_CHANGE = (
    "about",
    "machine",
    "evaluate",
    "train.steps",
    "train.epochs",
    "train.sample_every",
    "train.samples",
    "train.checkpoint_every",
    "train.keep",
    "train.keep_best",
    "train.callbacks",
    "train.on_divergence",
    "train.restore_times",
    "train.restore_rate",
)
"""What may differ between a run and its continuation; anything else would make it another model."""


def start(recipe: Recipe, out: Path | None = None, callbacks: Sequence[Callback] = ()) -> RunFolder:
    """Runs a recipe from the first step to the report, in a new folder.

    Args:
        recipe: resolved and free of mistakes.
        out: the folder to make; None: the next free runs/<name>-<number>.
        callbacks: told of the run besides those that the recipe names.

    Raises:
        GantkError: data, parts or folder are not right (before anything is made), or training diverged.
        Interrupted: a signal asked to stop; the message holds the command that goes on.
    """
    with joined(recipe.values["machine"]["devices"]) as ranks:
        parts = prepare(recipe, ranks)
        if not ranks.first:
            return train_along(parts)
        parts.callbacks += callbacks
        parts.begin()
        return _start(recipe, parts, claim(recipe.name, out))


def _start(recipe: Recipe, parts: Parts, path: Path) -> RunFolder:
    with Lock(path):
        folder = RunFolder.create(
            path,
            text=recipe.text,
            resolved=parts.resolved,
            origins=recipe.origins,
            environment=environment.session_environment(parts) | {"sessions": [environment.session(0, {})]},
        )
        if parts.data["train"].spec.origin != "real":
            console.say(f"note: the data are {parts.data['train'].spec.origin}, not real")
        carry_out(folder, parts)
    return folder


def resume(
    path: Path,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    callbacks: Sequence[Callback] = (),
    *,
    older: str | None = None,
) -> RunFolder:
    """Goes on where a run stopped, to its last step or to a new `train.steps`.

    Args:
        path: the run folder.
        overrides: `key=value` for what may change: steps, pictures, evaluation, machine, what divergence does.
        callbacks: told of the run besides those that the recipe names.
        older: name of the checkpoint to go on from ("step-500.h5"); None: the newest. Newer ones are set aside.

    Raises:
        GantkError: no run there, another process at work in it, a damaged checkpoint, or an override that would
            make it another model.
    """
    folder = RunFolder(path)
    before = recipe_from_text(folder.resolved(), name=folder.path.name)
    recipe = recipe_from_text(folder.resolved(), name=folder.path.name, overrides=overrides)
    changed = sorted(changed_keys(before.values, recipe.values))
    refused = [key for key in changed if not any(key == may or key.startswith(may + ".") for may in MAY_CHANGE)]
    if refused:
        last = (
            f"; train.start_from={folder.checkpoints()[-1]} begins with these weights" if folder.checkpoints() else ""
        )
        raise RecipeError(
            f"resume: {', '.join(refused)} would make it another model than the one in {folder.path}.\n"
            f"Start a new run instead{last}"
        )
    with joined(recipe.values["machine"]["devices"]) as ranks:
        if not ranks.first:
            return train_along(prepare(recipe, ranks))
        return _resume(recipe, changed, folder, callbacks, older, ranks)


def _resume(
    recipe: Recipe,
    changed: Sequence[str],
    folder: RunFolder,
    callbacks: Sequence[Callback],
    older: str | None,
    ranks: Ranks,
) -> RunFolder:
    with Lock(folder.path):
        parts = prepare(recipe, ranks)
        parts.callbacks += callbacks
        last_checkpoint = _checkpoint_of(folder, older)
        parts.begin(last_checkpoint)
        parts.best = last_checkpoint.best if last_checkpoint is not None else {}
        try:
            if last_checkpoint is not None:
                folder.set_aside_after(last_checkpoint.path)
            _make_ready(folder, parts, changed)
        except OSError as error:
            raise FileError(f"{folder.path}: cannot be written to: {reason_of(error)}") from error
        if last_checkpoint is None:
            console.say(f"there is no checkpoint yet: starting again from step 0 of {parts.steps}")
        else:
            console.say(f"going on from step {parts.state.step} of {parts.steps}")
        carry_out(folder, parts)
    return folder


def _checkpoint_of(folder: RunFolder, older: str | None) -> checkpoint.Checkpoint | None:
    """The checkpoint to go on from; None where there is none yet. Where it is damaged, an intact one is named."""
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


def _make_ready(folder: RunFolder, parts: Parts, changed: Sequence[str]) -> None:
    """Brings a locked run folder to where the state stands: what came after it was cut short, or will come again."""
    remove_parts(folder.path)
    folder.complete()
    if changed:
        write_text(folder.path / "resolved.yaml", parts.resolved)
        origins = read_json(folder.origins, "Remove it") if folder.origins.exists() else {}
        write_json(folder.origins, origins | dict.fromkeys(changed, "command line, on resume"))
    folder.cut_back(parts.state.step, parts.state.restorations)
    session = environment.add_session(
        folder.path / "env.json", environment.session_environment(parts), parts.state.step
    )
    for name, (before, now) in session.items():
        console.say(f"since the last session: {environment.change_sentence(name, before, now)}")


def changed_keys(before: Any, after: Any, path: str = "") -> set[str]:
    """Dotted paths of the values in which two resolved recipes differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = before.keys() | after.keys()
        inner = (changed_keys(before.get(key), after.get(key), f"{path}.{key}" if path else key) for key in keys)
        return set().union(*inner)
    return set() if before == after else {path}


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
