"""Whether augmentation in the loss helps with few images: without, fixed and adaptive, at equal processor time.

    python -m benchmarks.few_images FOLDER [--cells 100 300] [--seeds 0 1 2] [--seconds 50] [KEY=VALUE…]

Trains `few_cells` on simulated cells of two proteins, small and under a weak penalty, so that the critic gets to know
them by heart within the time. First a step of each kind is timed; then each run gets as many steps as fit into
--seconds of processor time (one thread). Every run is judged at once on 1,000 fresh samples against held-out cells, and
appended to FOLDER/results.jsonl: a second call goes on where the first was stopped. Prints the median of the seeds, the
least and the greatest.

`critic gap` is (E D(train) - E D(held out)) / (E D(train) - E D(generated)) of the trained critic, on images as they
are: 0 is a critic that knows nothing by heart, 1 one that scores held-out cells as it scores generated ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from gantk.machine import keep_freed_memory, prepare_environment

prepare_environment()

import torch

import gantk
from benchmarks.equal_time import keep_result, median_and_range, results_in, seconds_a_step
from gantk.data import take
from gantk.evaluation.results import build_metrics
from gantk.interfaces import MetricInput, call, declares
from gantk.recipe.recipe import Recipe
from gantk.training import from_recipe

SMALL = [
    "data.proteins=[Alp14, Tea1]",
    "data.height=16",
    "data.width=24",
    "generator.width=8",
    "critic.width=32",
    "loss.loss.r1=0.02",
    "train.batch=32",
    "train.sample_every=null",
    "machine.threads=1",
    "evaluate=[{use: cells/probe, images: 1000, steps: 100}, {use: basics/precision_recall, samples: 500}, "
    "{use: basics/memorisation}, {use: basics/kid}]",
]
ARMS: dict[str, list[str]] = {"none": [], "fixed": ["loss.adapt=none"], "adaptive": []}
FRESH = 1000  # samples that each run is judged on
SHOWN = {
    "probe.accuracy": "probe",
    "precision_recall.precision": "precision",
    "precision_recall.recall": "recall",
    "precision_recall.coverage": "coverage",
    "kid.distance": "KID",
    "memorisation.nearer": "nearer to training",
    "memorisation.copies": "copies",
    "critic gap": "critic gap",
}


def recipe_of(arm: str, cells: int, seed: int, overrides: list[str]) -> Recipe:
    """The recipe of a run; without augmentation its inner loss alone."""
    changed = [*SMALL, *ARMS[arm], f"data.cells={cells}", f"seed={seed}", *overrides]
    recipe = gantk.load_recipe("few_cells", changed)
    if arm != "none":
        return recipe
    inner = recipe.values["loss"]["loss"]
    values = {**recipe.values, "loss": inner}
    return gantk.load_recipe(values)


def data_of(recipe: Recipe) -> dict[str, Any]:
    """Its data sets."""
    return from_recipe.datasets(recipe.values)


@torch.no_grad()
def critic_gap(model: gantk.Model, data: dict[str, Any], generated: Any) -> float:
    """How much higher the critic scores training than held-out cells, as a share of its lead over generated ones."""
    critic = model.critic.eval()
    means = []
    for samples in (take(data["train"], FRESH), take(data["test"], FRESH), generated):
        given = {"labels": samples.labels} if declares(critic, "labels") else {}
        means.append(call(critic, samples.samples, **given).mean().item())
    real, held_out, made = means
    return (real - held_out) / (real - made)


def result(path: Path, arm: str, cells: int, seed: int, steps: int, overrides: list[str]) -> dict[str, Any]:
    """Trains and judges one run."""
    recipe = recipe_of(arm, cells, seed, [*overrides, f"train.steps={steps}", "train.checkpoint_every=1000000"])
    data = data_of(recipe)
    entries = build_metrics(recipe.values)
    began = time.process_time()
    run = gantk.run(gantk.load_recipe({**recipe.values, "evaluate": []}), out=path, quiet=True)
    spent = time.process_time() - began
    model = run.model
    generated = model.sample(FRESH, seed=1000 + seed)
    found: dict[str, Any] = {"arm": arm, "cells": cells, "seed": seed, "steps": steps, "seconds": round(spent, 1)}
    for entry in entries:
        rng = torch.Generator().manual_seed(seed)
        for name, value in entry.metric.compute(MetricInput(generated, data["train"], data["test"], rng=rng)).items():
            found[f"{entry.name}.{name}"] = value.value
            if value.reference is not None:
                found[f"{entry.name}.{name} of real"] = value.reference
    found["critic gap"] = critic_gap(model, data, generated)
    logged = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for name in ("augmentation", "overfitting"):
        if seen := [line[name] for line in logged if name in line]:
            found[name] = statistics.mean(seen[-len(seen) // 5 :])  # over the last fifth
    return found


def table(results: list[dict[str, Any]]) -> None:
    """Prints medians over the seeds, with the least and the greatest."""
    print(f"| cells | augmentation | steps | seconds | {' | '.join(SHOWN.values())} | probability |")
    print("|---" * (5 + len(SHOWN)) + "|")
    for cells, arm in dict.fromkeys((each["cells"], each["arm"]) for each in results):
        rows = [each for each in results if (each["cells"], each["arm"]) == (cells, arm)]
        shown = []
        for name in (*SHOWN, "augmentation"):
            values = [each[name] for each in rows if name in each]
            shown.append(median_and_range(values) if values else "")
        seconds = statistics.median(each["seconds"] for each in rows)
        print(f"| {cells} | {arm} | {rows[0]['steps']} | {seconds:.0f} | {' | '.join(shown)} |")
    for cells in dict.fromkeys(each["cells"] for each in results):
        real = [each for each in results if each["cells"] == cells]
        shown = [f"{real[0].get(f'{name} of real', float('nan')):.3f}" for name in SHOWN]
        print(f"| {cells} | real cells | | | {' | '.join(shown)} | |")


def main() -> None:
    """Runs what is not there yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for every run")
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--seconds", type=float, default=50.0, help="of processor time, for training each run [50]")
    parser.add_argument("--steps", type=json.loads, help='of each arm, instead of timing: {"none": 3000, …}')
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    keep_freed_memory(True)
    results = results_in(chosen.folder)
    steps = chosen.steps or {each["arm"]: each["steps"] for each in results}
    for arm in set(chosen.arms) - set(steps):
        recipe = recipe_of(arm, chosen.cells[0], 0, chosen.overrides)
        each = seconds_a_step(recipe, data_of(recipe))
        steps[arm] = round(chosen.seconds / each)
        print(f"{arm}: {each * 1000:.1f} ms a step, {steps[arm]} steps", flush=True)
    done = {(each["arm"], each["cells"], each["seed"]) for each in results}
    for seed in chosen.seeds:
        for cells in chosen.cells:
            for arm in chosen.arms:
                if (arm, cells, seed) not in done:
                    path = chosen.folder / f"{cells}-{arm}-{seed}"
                    results.append(result(path, arm, cells, seed, steps[arm], chosen.overrides))
                    keep_result(chosen.folder, results[-1])
    results.sort(key=lambda each: (each["cells"], chosen.arms.index(each["arm"])))
    table(results)


if __name__ == "__main__":
    main()
