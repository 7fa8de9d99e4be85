"""A whole run: train, and between steps draw, evaluate and write checkpoints; then judge and report."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gantk import build, checkpoint, console, device
from gantk.errors import Diverged, FileError, Interrupted, RecipeError
from gantk.evaluate import as_json, evaluate, flat
from gantk.folder import RunFolder
from gantk.interfaces import Callback, Dataset, View
from gantk.interrupt import Interruption
from gantk.pictures import Pictures
from gantk.recipe import Recipe, from_text
from gantk.record import Record
from gantk.registry import registry
from gantk.report import write_report
from gantk.train import State, train

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
)
"""What may differ between a run and its continuation; anything else would make it another model."""


@dataclass
class Parts:
    """Everything that a resolved recipe builds."""

    values: Mapping[str, Any]
    resolved: str
    data: dict[str, Dataset]
    state: State
    steps: int
    device: torch.device
    metrics: list[build.Entry]
    callbacks: list[Callback]
    view: View | None
    best: dict[str, Any]


def prepare(recipe: Recipe) -> Parts:
    """Builds everything a recipe names. Nothing is written, so that a mistake leaves nothing behind."""
    values = recipe.values
    where = device.choose(values["machine"]["device"])
    device.set_threads(values["machine"]["threads"])
    data = build.datasets(values)
    data["train"] = data["train"].to(where)
    return Parts(
        values=values,
        resolved=recipe.to_yaml(),
        data=data,
        state=build.state(values, data["train"].spec, where),
        steps=build.steps(values, len(data["train"])),
        device=where,
        metrics=build.metrics(values),
        callbacks=[build.component("callback", block) for block in values["train"]["callbacks"]],
        view=build.view(data["train"].spec),
        best={},
    )


def start(recipe: Recipe, out: Path | None = None) -> RunFolder:
    """Runs a recipe from the first step to the report, in a new folder.

    Args:
        recipe: resolved and free of mistakes.
        out: the folder to make; None: the next free runs/<name>-<number>.

    Raises:
        GantkError: data, parts or folder are not right (before anything is made), or training diverged.
        Interrupted: a signal asked to stop; the message holds the command that goes on.
    """
    parts = prepare(recipe)
    if parts.values["train"]["start_from"] is not None:
        checkpoint.load_weights(checkpoint.read(Path(parts.values["train"]["start_from"])), parts.state)
    folder = RunFolder.create(
        recipe.name,
        out,
        text=recipe.text,
        resolved=parts.resolved,
        origins=recipe.origins,
        environment=_environment(parts),
    )
    if parts.data["train"].spec.origin != "real":
        console.say(f"note: the data are {parts.data['train'].spec.origin}, not real")
    return _carry_out(folder, parts)


def resume(path: Path, overrides: Sequence[str] | Mapping[str, Any] = ()) -> RunFolder:
    """Goes on where a run stopped, to its last step or to a new `train.steps`.

    Args:
        path: the run folder.
        overrides: `key=value` for what may change: steps, pictures, evaluation, machine.

    Raises:
        GantkError: no run there, or an override that would make it another model.
    """
    folder = RunFolder(path)
    before = from_text(folder.resolved(), name=folder.path.name)
    recipe = from_text(folder.resolved(), name=folder.path.name, overrides=overrides)
    changed = sorted(differences(before.values, recipe.values))
    refused = [key for key in changed if not any(key == may or key.startswith(may + ".") for may in MAY_CHANGE)]
    if refused:
        raise RecipeError(
            f"resume: {', '.join(refused)} would make it another model than the one in {folder.path}.\n"
            f"Start a new run instead; train.start_from={folder.last_checkpoint()} begins with these weights"
        )
    parts = prepare(recipe)
    last = checkpoint.read(folder.last_checkpoint())
    checkpoint.restore(last, parts.state)
    parts.best = last.best
    if changed:
        (folder.path / "resolved.yaml").write_text(parts.resolved, encoding="utf-8")
        origins = json.loads(folder.origins.read_text(encoding="utf-8")) | dict.fromkeys(
            changed, "command line, on resume"
        )
        folder.origins.write_text(json.dumps(origins, indent=2) + "\n", encoding="utf-8")
    folder.cut_back(parts.state.step)
    console.say(f"going on from step {parts.state.step} of {parts.steps}")
    return _carry_out(folder, parts)


def differences(before: Any, after: Any, path: str = "") -> set[str]:
    """Dotted paths of the values in which two resolved recipes differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = before.keys() | after.keys()
        inner = (differences(before.get(key), after.get(key), f"{path}.{key}" if path else key) for key in keys)
        return set().union(*inner)
    return set() if before == after else {path}


def _environment(parts: Parts) -> dict[str, Any]:
    try:
        git = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
        described = git.stdout.strip()
    except OSError:  # no git on this machine
        described = ""
    return device.describe(parts.device) | {
        "plugins": plugin_versions(),
        "git": described or None,
        "data": {split: len(dataset) for split, dataset in parts.data.items()},
        "data_fingerprint": build.fingerprint(parts.data),
    }


def plugin_versions() -> dict[str, str]:
    """Plugin name to "distribution version", of those that work."""
    return {
        plugin.name: f"{plugin.distribution} {plugin.version}" for plugin in registry().plugins if plugin.state == "ok"
    }


def _carry_out(folder: RunFolder, parts: Parts) -> RunFolder:
    """Trains from where the state stands, then judges and reports."""
    values, state, settings = parts.values, parts.state, parts.values["train"]
    sample_every = settings["sample_every"] or max(1, parts.steps // 10)
    pictures = Pictures(
        folder,
        parts.view,
        parts.data["train"],
        count=settings["samples"],
        seed=values["seed"],
        device=parts.device,
        steps=parts.steps,
        callbacks=parts.callbacks,
    )
    pictures.of_data()
    for callback in parts.callbacks:
        callback.on_start(folder.path, values)
    seconds = max((line.get("seconds", 0.0) for line in folder.lines()), default=0.0)
    try:
        with console.training(state.step, parts.steps, "training") as display, Interruption() as stop:
            record = Record(folder, display, parts.callbacks, seconds)
            for terms in train(
                state,
                parts.data["train"],
                seed=values["seed"],
                steps=parts.steps,
                batch=settings["batch"],
                critic_steps=values["play"]["critic_steps"],
                generator_steps=values["play"]["generator_steps"],
                ema_decay=settings["ema"],
                schedule=settings["schedule"],
                precision=settings["precision"],
                device=parts.device,
            ):
                step, finished = state.step, state.step == parts.steps
                record.add(step, terms)
                if state.generator is not None and (due(step, sample_every) or finished):
                    record.note(step, pictures.of_step(state))
                _evaluate_now(folder, parts, record, [entry for entry in parts.metrics if due(step, entry.every)])
                if due(step, settings["checkpoint_every"]) or finished or stop.signal is not None:
                    record.read()  # raises where what led here was not finite
                    _write_checkpoint(folder, parts)
                if stop.signal is not None and not finished:
                    raise Interrupted("training was stopped", stop.exit_code)
            record.read()
    except Diverged as error:
        good = folder.checkpoints()
        after = f"The last good checkpoint is {good[-1]}" if good else "There is no checkpoint yet"
        raise Diverged(f"{error}. {after}. A lower learning rate often helps") from error
    except Interrupted as error:
        raise Interrupted(f"{error}. {_how_to_go_on(folder)}", error.exit_code) from None
    finally:
        for callback in parts.callbacks:
            callback.on_end(folder.path)
    _judge(folder, parts, pictures)
    return folder


def due(step: int, every: int | None) -> bool:
    """Whether something that happens every `every` steps happens after step `step`."""
    return every is not None and step % every == 0


def _how_to_go_on(folder: RunFolder) -> str:
    if not folder.checkpoints():
        return "There is no checkpoint yet, so the run cannot be resumed"
    command = f"gantk resume {shlex.quote(str(folder.path))}"
    return f"The last checkpoint is {folder.last_checkpoint()}. Go on with:\n  {command}"


def _write_checkpoint(folder: RunFolder, parts: Parts, path: Path | None = None) -> None:
    wrong = checkpoint.non_finite(parts.state)
    if wrong:
        raise Diverged(f"training diverged by step {parts.state.step}: not finite: {', '.join(wrong[:5])}")
    path = path or folder.checkpoint_path(parts.state.step)
    try:
        checkpoint.write(
            path,
            parts.state,
            recipe=parts.resolved,
            spec=parts.data["train"].spec,
            plugins=plugin_versions(),
            best=parts.best,
        )
    except OSError as error:
        reason = f"{path}: the checkpoint could not be written: {error.strerror or error}"
        raise FileError(f"{reason}. {_how_to_go_on(folder)}") from error
    folder.forget_old_checkpoints(parts.values["train"]["keep"])


def _evaluate_now(folder: RunFolder, parts: Parts, record: Record, entries: list[build.Entry]) -> None:
    """Evaluates on the validation split, and keeps the checkpoint where it is the best so far."""
    if not entries:
        return
    state = parts.state
    results = evaluate(
        entries,
        state.sampled(),
        state.critic,
        parts.data["train"],
        parts.data["validation"],
        seed=parts.values["seed"],
        device=parts.device,
        purpose="select",
    )
    record.note(state.step, {"split": "validation", **flat(results)})
    wanted = (parts.values["train"]["keep_best"] or {}).get("metric", "")
    entry, _, name = wanted.partition(".")
    if name not in results.get(entry, {}):
        return
    found = results[entry][name]
    if is_better(found.value, parts.best.get("value"), found.better, found.reference):
        parts.best = {"metric": wanted, "value": found.value, "step": state.step}
        _write_checkpoint(folder, parts, folder.best_checkpoint)


def is_better(value: float, best: float | None, better: str | None, reference: float | None) -> bool:
    """Whether `value` beats `best`, for a number that should be higher, lower, or near its reference."""
    if best is None:
        return True
    if better == "near" and reference is not None:
        return abs(value - reference) < abs(best - reference)
    return value < best if better == "lower" else value > best


def _judge(folder: RunFolder, parts: Parts, pictures: Pictures) -> None:
    """Metrics on the test split, the last pictures, and the report; of the best checkpoint where one was kept."""
    state = parts.state
    if folder.best_checkpoint.exists():
        best = checkpoint.read(folder.best_checkpoint)
        checkpoint.restore(best, state)
        console.say(f"judging the best checkpoint: {best.best['metric']} {best.best['value']:.4g} at step {state.step}")
    if state.generator is not None:
        pictures.of_result(state)
    if parts.metrics:
        console.say(f"judging on the test split: {', '.join(entry.name for entry in parts.metrics)}")
    results = evaluate(
        parts.metrics,
        state.sampled(),
        state.critic,
        parts.data["train"],
        parts.data["test"],
        seed=parts.values["seed"],
        device=parts.device,
    )
    document = {"step": state.step, "split": "test", "values": as_json(results)}
    folder.evaluation.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    write_report(folder)
