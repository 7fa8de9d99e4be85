"""The log of a run, metrics.jsonl, as metrics read it: the terms of both sides, step by step."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gantk.files.find_run import run_around
from gantk.files.run_folder import RunFolder
from gantk.interfaces import TrainingLog
from gantk.spec import DataSpec
from gantk.training.state import State


def training_log(path: Path, state: State, spec: DataSpec) -> Callable[[], TrainingLog] | None:
    """What reads the log of the run that a file lies in, up to the step of `state`; None where it lies in none.

    Args:
        path: of a checkpoint, or of any other file in a run folder.
        state: what is evaluated.
        spec: what one sample is, as it was trained on.
    """
    around = run_around(path)
    return None if around is None else partial(_of_run, RunFolder(around), state, spec)


def _of_run(folder: RunFolder, state: State, spec: DataSpec) -> TrainingLog:
    levels = {name: level * spec.unit_count for name, level in state.loss.indifferent().items()}
    return read_log((line for line in folder.lines() if line["step"] <= state.step), levels)


def read_log(lines: Iterable[Mapping[str, Any]], indifferent: Mapping[str, float]) -> TrainingLog:
    """The terms in lines of metrics.jsonl; those of other things than a step are passed over.

    In the line of a step the terms of a side stand before the norm of its gradients. Terms that not every step has
    are left out.

    Args:
        lines: in order.
        indifferent: `Loss.indifferent`, of all units together.
    """
    steps = array("d")
    terms: dict[str, dict[str, array[float]]] = {side: {} for side in ("critic", "generator")}
    for line in lines:
        if "seconds" not in line:
            continue
        steps.append(line["step"])
        pending: dict[str, float] = {}
        for name, value in line.items():
            if name in ("step", "seconds"):
                continue
            side = name.removesuffix("_grad_norm")
            if side == name or side not in terms:
                pending[name] = value
                continue
            for term, number in pending.items():
                terms[side].setdefault(term, array("d")).append(number)
            pending = {}
    critic, generator = (
        {name: row for name, row in terms[side].items() if len(row) == len(steps)} for side in ("critic", "generator")
    )
    return TrainingLog(steps, critic, generator, indifferent)
