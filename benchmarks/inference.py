"""Genes from landmark genes beside their floors: `python -m benchmarks.inference ggan_l1000 data.path=FILE`.

The recipe's generator is trained at each λ_adv and on squared error alone, on several splits of the data, and predicts
the test split. Printed of each: MAE in sd of a gene, how much of that is above ridge's (mean over splits, with
Student's 95 % interval), variance share, distances of spectrum and γ, as metric expression/inference has them; and the
point, if there is one, that halves the distance of spectra of λ_adv = 0 for at most 10 % of its MAE. All states are
those of the last step. Each training stands in `--out` as a line of JSON as soon as it is known, so that a stopped
benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from gantk_expression.metrics.inference import Inference
from scipy.stats import t as student

from gantk import console
from gantk.data import generated
from gantk.interfaces import MetricInput
from gantk.recipe import load
from gantk.training import TrainSettings, datasets, initial_state, train

SHOWN = ("mae", "variance_share", "spectrum", "gamma")
FLOORS = {"mean": "mae_mean", "kNN": "mae_neighbours", "ridge": "mae_ridge"}
SQUARED = "squared error"


def trainings(weights: Sequence[float], consistency: float | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and overrides of each training: λ_adv = 0 and squared error have no critic."""
    more = {} if consistency is None else {"loss.consistency": consistency}
    for distance, name in (("absolute", "λ_adv 0"), ("squared", SQUARED)):
        yield name, {"loss": {"use": "expression/inference", "distance": distance} | _last(more), "critic": None}
    for weight in weights:
        yield f"λ_adv {weight:g}", {"loss.adversarial": weight} | more


def _last(overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {name.rpartition(".")[2]: value for name, value in overrides.items()}


def measured(recipe: str, overrides: Mapping[str, Any], metric: Inference) -> dict[str, float]:
    """What the metric says of the test split after a training, and its processor seconds."""
    began = time.process_time()
    written = load(recipe, {name: value for name, value in overrides.items() if name.startswith("data.")}).values
    optimizer = {
        f"play.generator_optimizer.{key}": each for key, each in written["play"]["generator_optimizer"].items()
    }
    values = load(recipe, {**optimizer, **overrides, "evaluate": [], "train.keep_best": None}).values
    data = datasets(values)
    spec = data["train"].spec
    state = initial_state(values, spec, "cpu")
    settings = TrainSettings.from_recipe(values, len(data["train"]))
    for _ in islice(train(state, data["train"], settings), settings.steps):
        pass
    generator = state.sampled()
    assert generator is not None
    given = MetricInput(
        generated(torch.zeros(1, *spec.shape), spec),
        data["train"],
        data["test"],
        torch.Generator().manual_seed(0),
        {"generator": generator},
    )
    found = {name: value.value for name, value in metric.compute(given).items()}
    return found | {"seconds": time.process_time() - began}


def interval(values: Sequence[float]) -> str:
    """A mean with Student's 95 % interval over splits."""
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return f"{mean:.1f}"
    half = float(student.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / n**0.5
    return f"{mean:.1f} ({mean - half:.1f} … {mean + half:.1f})"


def table(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows of the printed table, in Markdown."""
    names = list(dict.fromkeys(line["name"] for line in lines))
    rows = ["| | MAE | above ridge, % | variance share | spectrum | γ | s |", "|---|---|---|---|---|---|---|"]
    first = [line for line in lines if line["name"] == names[0]]
    for name, key in FLOORS.items():
        over = [100 * (line[key] / line["mae_ridge"] - 1) for line in first]
        like = [np.mean([line[f"{each}_ridge"] for line in first]) for each in SHOWN[1:]] if name == "ridge" else []
        cells = [f"{each:.3f}" for each in like] or ["", "", ""]
        rows.append(
            f"| {name} | {np.mean([line[key] for line in first]):.3f} | {interval(over)} | {' | '.join(cells)} | |"
        )
    for name in names:
        own = [line for line in lines if line["name"] == name]
        means = [np.mean([line[each] for line in own]) for each in SHOWN]
        above = interval([100 * (line["mae"] / line["mae_ridge"] - 1) for line in own])
        likeness = " | ".join(f"{each:.3f}" for each in means[1:])
        rows.append(
            f"| {name} | {means[0]:.3f} | {above} | {likeness} | {np.mean([line['seconds'] for line in own]):.0f} |"
        )
    return rows


def halving(lines: Sequence[Mapping[str, Any]]) -> str:
    """Which λ_adv halves the distance of spectra of λ_adv = 0 for at most 10 % of its MAE, in the means over splits."""
    means = {
        name: [np.mean([line[key] for line in lines if line["name"] == name]) for key in ("mae", "spectrum")]
        for name in dict.fromkeys(line["name"] for line in lines if line["name"] != SQUARED)
    }
    mae, spectrum = means["λ_adv 0"]
    right = [name for name, (error, apart) in means.items() if apart <= spectrum / 2 and error <= 1.1 * mae]
    if right:
        return f"halves the distance of spectra for at most 10 % of MAE: {', '.join(right)}"
    return "no λ_adv halves the distance of spectra for at most 10 % of MAE"


def main() -> None:
    """Trains, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*", help="data.path=FILE, train.steps=300, …")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--weights", type=float, nargs="*", default=[0.01, 0.03, 0.1, 0.3])
    parser.add_argument("--consistency", type=float)
    parser.add_argument("--out", type=Path, default=Path("inference.jsonl"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    console.set_quiet(True)
    own = {name: yaml.safe_load(value) for name, value in (each.split("=", 1) for each in asked.overrides)}
    known = [json.loads(line) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    for split in range(asked.splits):
        metric = Inference()
        for name, overrides in trainings(asked.weights, asked.consistency):
            if any(line["name"] == name and line["split"] == split for line in known):
                continue
            found = measured(asked.recipe, {**own, "data.seed": split, **overrides}, metric)
            known.append({"name": name, "split": split, **found})
            with asked.out.open("a") as file:
                file.write(json.dumps(known[-1]) + "\n")
    print("\n".join([*table(known), "", halving(known)]))


if __name__ == "__main__":
    main()
