"""Runs of equal processor time: how long a step takes, and results that a second call goes on from."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gantk.recipe.recipe import Recipe
from gantk.training import TrainSettings, from_recipe
from gantk.training.loop import train

TIMED, ROUNDS = 12, 4  # steps, and how often they are timed; a lazy penalty comes every fourth step
FILE = "results.jsonl"


def seconds_a_step(recipe: Recipe, data: Mapping[str, Any]) -> float:
    """Processor seconds of a training step: those of the fastest round, which others on the machine held up least.

    Args:
        recipe: what is trained.
        data: its splits.
    """
    state = from_recipe.initial_state(recipe.values, data["train"].spec, "cpu")
    loop = train(state, data["train"], TrainSettings.from_recipe(recipe.values, 10**6), held_out=data["validation"])
    spent = []
    for _ in range(1 + ROUNDS):
        began = time.process_time()
        for _ in range(TIMED):
            next(loop)
        spent.append(time.process_time() - began)
    return min(spent[1:]) / TIMED


def results_in(folder: Path) -> list[dict[str, Any]]:
    """Results of earlier calls; makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def keep_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Adds a result to those of the folder."""
    with (folder / FILE).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(result, ensure_ascii=False) + "\n")


def median_and_range(values: Sequence[float]) -> str:
    """Of the seeds: "2.500 (1.000 … 4.000)"."""
    return f"{statistics.median(values):.3f} ({min(values):.3f} … {max(values):.3f})"
