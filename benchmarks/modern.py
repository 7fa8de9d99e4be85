"""R3GAN beside the DCGAN with R1, at equal processor time: MNIST digits and simulated cells, judged on held-out data.

    python -m benchmarks.modern FOLDER mnist data.root=data/mnist [--seeds 0 1 2] [--seconds 120] [KEY=VALUE…]
    python -m benchmarks.modern FOLDER cells [--seconds 240]
    python -m benchmarks.modern FOLDER large [--seconds 600]

First a step of each recipe is timed, then each run gets as many steps as fit into --seconds of processor time (one
thread), so that schedules end where the time ends. Every run is judged at once and appended to FOLDER/results.jsonl: a
second call goes on where the first was stopped. Prints the median of the seeds, the least and the greatest, beside what
as many real training samples get. --split validation: to seek settings by; `--only` RECIPE with KEY=VALUE changes one.

A classifier that learnt the classes of the training split from the real samples judges: cells/probe's on cells, that of
basics/class_agreement on digits. Its features give the Fréchet distance (Heusel et al. 2017), precision, recall
(Kynkäänniemi et al. 2019) and coverage (Naeem et al. 2020); `doubtful` are samples of whose class it is less sure than
of 95 % of the held-out ones; `shares` is half the sum of the differences between how often it sees each class in
generated and in held-out samples. `ragged` cells are those of benchmarks/quality.py. `nearer` and `copies` are
basics/memorisation's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gantk.machine import keep_freed_memory, prepare_environment

prepare_environment()

import torch
from gantk_basics.metrics.classifier import Classifier, classifier_of
from gantk_basics.metrics.features import Rows
from gantk_basics.metrics.neighbours import Memorisation, manifold_overlap
from gantk_cells.metrics.probe import Probe
from torch import Tensor

import gantk
from benchmarks.equal_time import keep_result, median_and_range, results_in, seconds_a_step
from benchmarks.quality import RAGGED, features, frechet, shapes
from gantk.data import take
from gantk.interfaces import MetricInput, Samples
from gantk.recipe.recipe import Recipe
from gantk.training import from_recipe

TASKS = {
    "mnist": ["mnist_dcgan", "mnist_r3gan"],
    "cells": ["lin_dcgan", "lin_r3gan"],
    "large": ["lin_dcgan", "lin_r3gan"],
}
EVERY = ["train.sample_every=null", "train.checkpoint_every=1000000", "machine.threads=1"]
LARGE = ["data.height=96", "data.width=160"]
FRESH = 2000  # generated samples that are judged
NEIGHBOURS = 5
DOUBT = 0.05  # of the held-out samples, by definition
SHOWN = ("Fréchet", "precision", "recall", "coverage", "shares", "doubtful", "ragged", "nearer", "copies")


class Referee:
    """What judges: a classifier of the training split, and what it says of held-out samples.

    Args:
        values: of a recipe, whose data are taken.
        split: which is held out: "validation" or "test".
    """

    def __init__(self, values: dict[str, Any], split: str):
        self.data = from_recipe.datasets(values)
        self.split = split
        self.judged: Callable[[Tensor], tuple[Tensor, Tensor]]
        if values["data"]["use"] == "basics/mnist":
            classifier = classifier_of(self.data["train"], most=20_000, steps=600)
            self.judged = lambda samples: self._of_classifier(classifier, samples)
        else:
            probe = Probe()._probe(self.data["train"])
            self.judged = lambda samples: self._of_probe(probe, samples)
        rng = torch.Generator().manual_seed(0)
        held_out = take(self.data[split], FRESH, rng, augment=True)
        self.real = self.judged(held_out.samples)
        self.count = len(held_out)
        self.sure = float(self.real[0].max(1).values.quantile(DOUBT))
        self.train = take(self.data["train"], FRESH, rng, augment=True)
        self.usual: float | None = None
        if self.train.spec.shape[0] == 2:
            self.usual = float(torch.tensor(shapes(self.train.samples)[0]).quantile(RAGGED))

    @staticmethod
    @torch.no_grad()
    def _of_classifier(classifier: Classifier, samples: Tensor) -> tuple[Tensor, Tensor]:
        _, found = classifier.judged(samples)
        return classifier.head(found).softmax(1), found.double()

    @staticmethod
    @torch.no_grad()
    def _of_probe(probe: Any, samples: Tensor) -> tuple[Tensor, Tensor]:
        found = torch.from_numpy(features(probe, samples))
        return probe.head(found.float()).softmax(1), found

    def judge(self, samples: Samples) -> dict[str, float]:
        """What is known of samples, (N, C, H, W)."""
        chances, found = self.judged(samples.samples.float())
        counts = [
            each[0].argmax(1).bincount(minlength=chances.shape[1]) / len(each[0]) for each in ((chances,), self.real)
        ]
        overlap = manifold_overlap(Rows((self.real[1],)), Rows((found[: self.count],)), NEIGHBOURS)
        values = {"Fréchet": frechet(found.numpy(), self.real[1].numpy())}
        values |= {name: overlap[name].mean().item() for name in ("precision", "recall", "coverage")}
        values["shares"] = (counts[0] - counts[1]).abs().sum().item() / 2
        values["doubtful"] = (chances.max(1).values < self.sure).double().mean().item()
        if self.usual is not None:
            form, parts = shapes(samples.samples)
            values["ragged"] = float(((form < self.usual) | (parts > 1)).mean())
        return values

    def memorised(self, samples: Samples) -> dict[str, float]:
        """Whether generated samples lie nearer to training samples than held-out ones do."""
        rng = torch.Generator().manual_seed(0)
        found = Memorisation().compute(MetricInput(samples, self.data["train"], self.data[self.split], rng))
        return {name: found[name].value for name in ("nearer", "copies")}


def recipe_of(name: str, overrides: Sequence[str]) -> Recipe:
    """A recipe as it is, but for the pictures and the overrides."""
    return gantk.load_recipe(name, [*EVERY, *overrides])


def result(
    folder: Path, name: str, seed: int, steps: int, overrides: Sequence[str], referee: Referee
) -> dict[str, Any]:
    """Trains and judges one run."""
    recipe = recipe_of(name, [*overrides, f"seed={seed}", f"train.steps={steps}"])
    began = time.process_time()
    run = gantk.run(gantk.load_recipe({**recipe.values, "evaluate": []}), out=folder / f"{name}-{seed}", quiet=True)
    spent = time.process_time() - began
    samples = run.model.sample(FRESH, seed=1000 + seed)
    found = {"recipe": name, "seed": seed, "steps": steps, "batch": recipe.values["train"]["batch"]}
    return found | {"seconds": round(spent, 1)} | referee.judge(samples) | referee.memorised(samples)


def table(results: Sequence[dict[str, Any]], real: dict[str, float]) -> str:
    """Medians over the seeds, with the least and the greatest, as Markdown."""
    shown = [name for name in SHOWN if name in results[0]]
    lines = [f"| recipe | steps × batch | seconds | {' | '.join(shown)} |", "|---" * (3 + len(shown)) + "|"]
    for recipe in dict.fromkeys(each["recipe"] for each in results):
        rows = [each for each in results if each["recipe"] == recipe]
        cells = []
        for name in shown:
            values = [each[name] for each in rows]
            cells.append(median_and_range(values))
        seconds = statistics.median(each["seconds"] for each in rows)
        lines.append(f"| `{recipe}` | {rows[0]['steps']} × {rows[0]['batch']} | {seconds:.0f} | {' | '.join(cells)} |")
    lines.append(f"| real training samples | | | {' | '.join(f'{real[n]:.3f}' if n in real else '' for n in shown)} |")
    return "\n".join(lines)


def main() -> None:
    """Runs what is not there yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for every run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=120.0, help="of processor time, for training each run [120]")
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="what is judged against [test]")
    parser.add_argument(
        "--only", metavar="RECIPE", action="append", help="of the task's recipes, or others on the same data"
    )
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    keep_freed_memory(True)
    results = results_in(chosen.folder)
    names = chosen.only or TASKS[chosen.task]
    overrides = [*(LARGE if chosen.task == "large" else []), *chosen.overrides]
    steps = {each["recipe"]: each["steps"] for each in results}
    for name in names:
        if name not in steps:
            recipe = recipe_of(name, overrides)
            each = seconds_a_step(recipe, from_recipe.datasets(recipe.values))
            steps[name] = round(chosen.seconds / each)
            print(f"{name}: {each * 1000:.1f} ms a step, {steps[name]} steps", flush=True)
    referee = Referee(recipe_of(names[0], overrides).values, chosen.split)
    done = {(each["recipe"], each["seed"]) for each in results}
    for seed in chosen.seeds:
        for name in names:
            if (name, seed) not in done:
                results.append(result(chosen.folder, name, seed, steps[name], overrides, referee))
                keep_result(chosen.folder, results[-1])
    print(table(results, referee.judge(referee.train)))


if __name__ == "__main__":
    main()
