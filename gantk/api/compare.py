"""Runs side by side: the tables that they ended with, or one metric on all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantk import console
from gantk.api.run_list import resolved_values
from gantk.components.registry import installed_registry
from gantk.errors import FileError
from gantk.evaluation.results import ARROWS, Entry, Results, build_metrics, counts, from_json
from gantk.files.find_run import run_around
from gantk.files.run_folder import RunFolder
from gantk.messages import shown
from gantk.runs.changes import changed_keys, is_there, value_at

if TYPE_CHECKING:
    from gantk.interfaces import Dataset, Value


def names_of(paths: Sequence[Path]) -> list[str]:
    """A short name for each run: its folder's, with as many folders above it as it takes to tell them apart."""
    parts = [path.absolute().parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-depth:]) for each in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names


def kept(paths: Sequence[Path]) -> dict[str, Results]:
    """The final metric table of each run, by the name of the run.

    Raises:
        FileError: a run that has not come to its end, or that judged nothing.
    """
    found = {}
    for name, path in zip(names_of(paths), paths, strict=True):
        found[name] = from_json(RunFolder(path).judged().get("values", {}))
        if not found[name]:
            raise FileError(
                f"{path}: has no metric table (was it stopped, or has its recipe no `evaluate`?); "
                "evaluate it now: gantk compare … --metric NAME"
            )
    return found


def entries(metrics: Sequence[str]) -> list[Entry]:
    """Metrics as they are named on the command line: a name, or `{use: name, parameter: value}`.

    Raises:
        GantkError: unknown, ambiguous, or wrong parameters.
    """
    from gantk.recipe.recipe import entries_of

    full = [text if text.lstrip().startswith("{") else f"{{use: {_full(text)}}}" for text in metrics]
    return build_metrics({"evaluate": entries_of([f"evaluate=[{', '.join(full)}]"])})


def _full(name: str) -> str:
    return installed_registry().find("metric", name, allow_bare=True).full


def judged(paths: Sequence[Path], metrics: Sequence[Entry], device: str, seed: int | None) -> dict[str, Results]:
    """Evaluates these metrics on the test split of each run's own data, by the name of the run.

    Runs on the same data share them and the metrics, so that what depends on real data alone is computed once.

    Args:
        paths: runs or checkpoints.
        metrics: what to compute.
        device: "auto", "cpu", "cuda" or "mps".
        seed: of latents and metrics; None: that of each recipe.
    """
    from gantk.api.model import Model
    from gantk.evaluation.evaluate import evaluate, left_out
    from gantk.training import from_recipe
    from gantk.training.training_log import training_log

    data: dict[str, dict[str, Dataset]] = {}
    found = {}
    for name, path in zip(names_of(paths), paths, strict=True):
        console.say(f"judging {name}")
        model = Model(path, device)
        values = model.recipe.values
        key = json.dumps(values["data"], sort_keys=True, default=str)
        splits = data[key] = data.get(key) or from_recipe.datasets(values)
        found[name] = evaluate(
            metrics,
            model.state.sampled(),
            model.critic_if_any,
            splits["train"],
            splits["test"],
            seed=values["seed"] if seed is None else seed,
            device=model.device,
            log=training_log(model.checkpoint.path, model.state, model.spec),
            guard=left_out,
        )
    return found


UNSAID = ("about", "machine", "evaluate")
"""Blocks that are not compared: what runs are called, where they ran, what is measured."""


def recipes_of(paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """The resolved recipe of each run, or of the run that a checkpoint lies in, by name of the run."""
    found = {}
    for name, path in zip(names_of(paths), paths, strict=True):
        folder = path if path.is_dir() else run_around(path)
        found[name] = resolved_values(RunFolder(folder)) if folder is not None else {}
    return found


def differences(recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The keys in which recipes differ, and the value of each run; a key that one has not is left out there."""
    first, *others = recipes.values()
    keys = sorted(set().union(*(changed_keys(first, other) for other in others))) if others else []
    return {
        key: {run: value_at(values, key) for run, values in recipes.items() if is_there(values, key)}
        for key in keys
        if key.partition(".")[0] not in UNSAID
    }


def differences_table(found: Mapping[str, Mapping[str, Any]], runs: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text: a row for each key in which recipes differ, a column a run."""
    rows = [[key, *(shown(by_run[run]) if run in by_run else "" for run in runs)] for key, by_run in found.items()]
    return ["key", *runs], rows


def comparison_table(found: Mapping[str, Results]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text: a row a value, a column a run, and the reference where it is the same for all."""
    each: dict[str, dict[str, Value]] = {}
    for run, results in found.items():
        for entry, values in results.items():
            for name, value in values.items():
                each.setdefault(f"{entry}.{name}", {})[run] = value
    rows = []
    for title, by_run in each.items():
        references = {value.reference for value in by_run.values()}
        same = len(references) == 1
        cells = [_cell(by_run.get(run), same) for run in found]
        reference = next(iter(references)) if same else None
        better = next(iter(by_run.values())).better
        n = list(dict.fromkeys(counts(value) for value in by_run.values()))  # one where it is the same for all
        rows.append([title, ARROWS[better], *cells, "" if reference is None else f"{reference:.4g}", "; ".join(n)])
    return ["metric", "better", *found, "reference", "n"], rows


def _cell(value: Value | None, same_reference: bool) -> str:
    if value is None:
        return ""
    own = "" if same_reference or value.reference is None else f" ({value.reference:.4g})"
    return f"{value.value:.4g}{own}"
