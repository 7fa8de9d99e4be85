"""Starts a run in a new folder, or resumes one."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gantk import console
from gantk.class_counts import class_counts, repeats_in_a_batch, too_few
from gantk.components.schedules import found_in
from gantk.errors import FileError, RecipeError
from gantk.files.atomic import PART, read_json, remove_parts, write_json, write_text
from gantk.files.lock import HOLDER, Lock
from gantk.files.run_folder import EXISTS, RunFolder, step_in_name
from gantk.interfaces import Callback
from gantk.recipe.recipe import Recipe, recipe_from_text
from gantk.runs import environment
from gantk.runs.callbacks import reason_of
from gantk.runs.changes import changed_keys, may_change, refuse_other_values, value_at, value_shown
from gantk.runs.finished import checkpoint_to_go_on_from, how_to_train_on, is_finished
from gantk.runs.setup import Parts, prepare
from gantk.runs.trainer import carry_out
from gantk.runs.worker_ranks import train_along
from gantk.training import checkpoint
from gantk.training.distributed.process_group import is_first, joined


def start(
    recipe: Recipe, out: Path | None = None, callbacks: Sequence[Callback] = (), *, evaluate_test: bool = True
) -> RunFolder:
    """Runs a recipe from the first step to the report, in a new folder.

    Args:
        recipe: resolved and free of mistakes.
        out: the folder to make; None: the next free runs/<name>-<number>.
        callbacks: told of the run besides those that the recipe names.
        evaluate_test: False: the test split is not looked at, as where a run is one of many to be chosen from.

    Raises:
        GantkError: data, parts or folder are not right (before anything is made), or training diverged.
        Interrupted: a signal asked to stop; the message holds the command that goes on.
    """
    with joined(recipe.values["machine"]["devices"]) as ranks:
        parts = prepare(recipe, ranks)
        if not ranks.first:
            return train_along(parts)
        parts.callbacks += callbacks
        parts.evaluate_test = evaluate_test
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
        for text in too_few(*(class_counts(parts.data[split]) for split in ("train", "test"))):
            console.warn(text)
        if text := repeats_in_a_batch(parts.values, parts.data["train"]):
            console.warn(text)
        carry_out(folder, parts)
    return folder


def start_or_resume(
    recipe: Recipe, out: Path, callbacks: Sequence[Callback] = (), *, evaluate_test: bool = True
) -> RunFolder:
    """Starts a recipe in `out`, or goes on with what was begun there: the same call may be made again and again.

    Args:
        recipe: resolved and free of mistakes.
        out: the run folder.
        callbacks: told of the run besides those that the recipe names.
        evaluate_test: as for `start`.

    Raises:
        RecipeError: a run of another recipe lies there.
        GantkError: what `start` or `resume` raises.
    """
    if not (out / "resolved.yaml").is_file():
        return start(recipe, out, callbacks, evaluate_test=evaluate_test)
    there = recipe_of_run(RunFolder(out)).values
    refuse_other_values(out, there, recipe.values)
    asked = [f"machine.{key}" for key in recipe.values["machine"]]
    said = {key for key in asked if recipe.origins.get(key, "default") != "default"}
    machine = {
        key: value_at(recipe.values, key) for key in said if value_at(there, key) != value_at(recipe.values, key)
    }
    return resume(out, machine, callbacks, evaluate_test=evaluate_test)


def resume(
    path: Path,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    callbacks: Sequence[Callback] = (),
    *,
    older: str | None = None,
    evaluate_test: bool = True,
) -> RunFolder:
    """Resumes a run, to its last step or to a new `train.steps`.

    Args:
        path: the run folder.
        overrides: `key=value` for what may change: steps, pictures, evaluation, machine, what divergence does.
        callbacks: told of the run besides those that the recipe names.
        older: name of the checkpoint to go on from ("step-500.h5"); None: the newest. Newer ones are set aside.
        evaluate_test: as for `start`.

    Raises:
        GantkError: no run there, another process at work in it, a damaged checkpoint, or an override that would
            make it another model.
    """
    folder = RunFolder(path)
    before = recipe_of_run(folder)
    recipe = recipe_of_run(folder, overrides) if overrides else before
    changed = sorted(changed_keys(before.values, recipe.values))
    refused = [key for key in changed if not may_change(key)]
    if refused:
        last = (
            f"; train.start_from={folder.checkpoints()[-1]} begins with these weights" if folder.checkpoints() else ""
        )
        raise RecipeError(
            f"resume: {', '.join(refused)} would make it another model than the one in {folder.path}.\n"
            f"Start a new run instead{last}"
        )
    if not changed and older is None and is_finished(folder, recipe.values):
        if is_first():
            console.say(
                f"{folder.path} is finished, with {folder.last_step()} steps: nothing to do. To train on:\n"
                f"  {folder.resume_command()} {how_to_train_on(folder, recipe.values)}\n"
                f"To evaluate it again:\n  gantk evaluate {shlex.quote(str(folder.path))}"
            )
        return folder
    with joined(recipe.values["machine"]["devices"]) as ranks:
        if not ranks.first:
            return train_along(prepare(recipe, ranks))

        def prepared() -> Parts:
            parts = prepare(recipe, ranks)
            parts.callbacks += callbacks
            parts.evaluate_test = evaluate_test
            return parts

        return _resume(recipe, before, changed, folder, prepared, older)


def recipe_of_run(folder: RunFolder, overrides: Sequence[str] | Mapping[str, Any] = ()) -> Recipe:
    """The resolved recipe of a run, with overrides.

    Raises:
        FileError: a plugin that it names is missing here; says which distribution brings it.
        RecipeError: mistakes in it, or in the overrides.
    """
    plugins = None
    with suppress(FileError):  # what an odd env.json says of plugins is not needed
        plugins = read_json(folder.path / "env.json", "").get("plugins")
    if isinstance(plugins, dict):
        checkpoint.refuse_missing_plugins(folder.resolved(), plugins, folder.path)
    return recipe_from_text(folder.resolved(), name=folder.path.name, overrides=overrides)


def _resume(
    recipe: Recipe,
    before: Recipe,
    changed: Sequence[str],
    folder: RunFolder,
    prepared: Callable[[], Parts],
    older: str | None,
) -> RunFolder:
    with Lock(folder.path):
        parts = prepared()
        last_checkpoint = checkpoint_to_go_on_from(folder, older)
        if last_checkpoint is not None:
            _refuse_another_run(folder, before.values, last_checkpoint)
            _refuse_fewer_steps(folder, parts.steps, last_checkpoint)
        if {"train.steps", "train.epochs"} & {*changed}:
            _tell_of_schedules(recipe.values)
        parts.begin(last_checkpoint)
        wanted = (recipe.values["train"]["keep_best"] or {}).get("metric")
        parts.best = last_checkpoint.best if last_checkpoint is not None else {}
        by_another_metric = parts.best.get("metric", wanted) != wanted
        if by_another_metric:  # values of two metrics are not compared
            parts.best = {}
        try:
            if last_checkpoint is not None:
                folder.set_aside_after(last_checkpoint.path)
                folder.forget_timed_checkpoints(but=last_checkpoint.path)
            if by_another_metric:
                folder.set_aside_best()
            _make_ready(folder, parts, changed)
        except OSError as error:
            raise FileError(f"{folder.path}: cannot be written to: {reason_of(error)}") from error
        if last_checkpoint is None:
            console.say(f"there is no checkpoint yet: starting again from step 0 of {parts.steps}")
        else:
            console.say(f"going on from step {parts.state.step} of {parts.steps}")
        carry_out(folder, parts)
    return folder


def _tell_of_schedules(values: Mapping[str, Any]) -> None:
    """Says what becomes of schedules by share of the run where the number of steps is another than before."""
    schedule = values["train"]["schedule"]
    if schedule != "constant":
        console.say(
            f"note: train.schedule is {schedule}, a function of the step and of the number of steps: with another "
            "number the learning rates of all steps are others, also of those that are done"
        )
    by_share = [path for path, each in found_in(values) if each.by == "share"]
    if by_share:
        console.say(
            f"note: {', '.join(by_share)}: a schedule by share of the run; with another number of steps the values of "
            "all steps are others, also of those that are done"
        )


def _refuse_another_run(folder: RunFolder, own: Mapping[str, Any], last: checkpoint.Checkpoint) -> None:
    """Refuses a checkpoint that was trained by another recipe than that of its folder.

    Args:
        folder: the run's.
        own: the values of its resolved recipe.
        last: its newest checkpoint.

    Raises:
        FileError: the name has another step, or the recipes differ in what a run may not change.
    """
    where = f"{last.path} cannot be gone on from"
    if step_in_name(last.path) != last.step:
        raise FileError(f"{where}: it is of step {last.step}. Rename it to step-{last.step}.h5, or remove it")
    its = recipe_from_text(last.recipe, name=last.path.name).values
    differing = sorted(key for key in changed_keys(its, own) if not may_change(key))
    if differing:
        told = "\n".join(
            f"  {key}: {value_shown(its, key)} there, {value_shown(own, key)} here" for key in differing[:8]
        )
        raise FileError(
            f"{where}: it was trained by another recipe than {folder.path / 'resolved.yaml'} has now:\n{told}\n"
            "Put back the file that was changed or moved; a new run from these weights is begun by "
            f"train.start_from={last.path}"
        )


def _refuse_fewer_steps(folder: RunFolder, steps: int, last: checkpoint.Checkpoint) -> None:
    """Raises RecipeError where a run is to end before the step that it has reached."""
    if steps < last.step:
        older = [path.name for path in folder.checkpoints() if step_in_name(path) <= steps]
        cure = "Start a new run with fewer steps"
        if older:
            command = f"{folder.resume_command()} --from {older[-1]} train.steps={steps}"
            cure = f"Go back to an earlier checkpoint with:\n  {command}"
        raise RecipeError(f"resume: {folder.path} is at step {last.step}, beyond train.steps={steps}. {cure}")


def _make_ready(folder: RunFolder, parts: Parts, changed: Sequence[str]) -> None:
    """Cuts a locked run folder back to the step of the state; what came later is written again."""
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
    return path.name in (".lock", HOLDER) or PART.fullmatch(path.name) is not None
