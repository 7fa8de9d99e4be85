"""Quality along a run, against processor seconds of training: `python -m benchmarks.along RECIPE… [--set KEY=VALUE…]`.

Trains each recipe with its own schedule for each seed on one thread, judges the moving average at even shares of the
steps by the metrics below, on fresh samples and the validation split, and prints the medians of the seeds, and after
how many seconds each seed had what is stated to the end of its run. Judging is not counted. `--avx2` takes the
instructions of processors without AVX-512, which are slower; the results then differ by rounding alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import ge, le
from pathlib import Path
from typing import Any

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
if "--avx2" in sys.argv:
    os.environ.update(AVX2)  # read when torch is imported

from gantk.machine import keep_freed_memory, prepare_environment

prepare_environment()

import torch

import gantk
from benchmarks.measure import machine
from gantk.evaluation.evaluate import evaluate
from gantk.evaluation.results import build_metrics
from gantk.training import TrainSettings, from_recipe
from gantk.training.loop import train


@dataclass(frozen=True)
class Sought:
    """What a recipe is judged by.

    Args:
        metrics: entries of `evaluate`.
        bars: "entry.value" to ">=" or "<=" and a number, which together are the stated quality.
    """

    metrics: list[dict[str, Any]]
    bars: Mapping[str, tuple[str, float]]

    def met(self, found: Mapping[str, float]) -> bool:
        """Whether numbers are of the stated quality."""
        return all({">=": ge, "<=": le}[sign](found[name], bar) for name, (sign, bar) in self.bars.items())


CELLS = Sought(
    [{"use": "cells/probe", "samples": 1000}, {"use": "cells/dependence", "samples": 1000}],
    {
        "probe.accuracy": (">=", 0.95),
        "dependence.correlation_difference": ("<=", 0.1),
        "dependence.state_ratio": ("<=", 1.5),
    },
)
SOUGHT = {
    "toy_motif": Sought([{"use": "motif/motif_rate"}], {"motif_rate.hits": (">=", 990)}),
    "dna_ecoli": Sought([{"use": "dna/kmers"}], {"kmers.js_5": ("<=", 0.0055)}),
    "mnist_dcgan": Sought([{"use": "basics/precision_recall"}], {"precision_recall.coverage": (">=", 0.6)}),
    "lin_starshaped": CELLS,
    "lin_starshaped_long": CELLS,
}


def curve(name: str, seed: int, looks: int, overrides: Sequence[str]) -> list[dict[str, float]]:
    """`step`, `seconds` and the values of the bars, after each of `looks` even shares of the steps of one run."""
    sought = SOUGHT[name]
    recipe = gantk.load_recipe(name, [*overrides, f"seed={seed}", "machine.threads=1"])
    values = gantk.load_recipe({**recipe.values, "evaluate": sought.metrics}).values
    data, entries = from_recipe.datasets(values), build_metrics(values)
    state = from_recipe.initial_state(values, data["train"].spec, "cpu")
    steps = values["train"]["steps"]
    loop = train(state, data["train"], TrainSettings.from_recipe(values, steps), held_out=data["validation"])
    stops = [round(steps * (number + 1) / looks) for number in range(looks)]
    points: list[dict[str, float]] = []
    seconds, began = 0.0, time.process_time()
    for step, _ in enumerate(loop, 1):
        if step == stops[len(points)]:
            seconds += time.process_time() - began
            results = evaluate(
                entries, state.sampled(), state.critic, data["train"], data["validation"], seed=seed, device="cpu"
            )
            found = {f"{entry}.{key}": each.value for entry, named in results.items() for key, each in named.items()}
            points.append({"step": step, "seconds": seconds} | {bar: found[bar] for bar in sought.bars})
            began = time.process_time()
        if step == steps:
            break
    return points


def reached(points: Sequence[Mapping[str, float]], sought: Sought) -> float | None:
    """Seconds after which all looks up to the end are of the stated quality; None: the last is not."""
    since = None
    for point in points:
        if not sought.met(point):
            since = None
        elif since is None:
            since = point["seconds"]
    return since


def table(name: str, runs: Mapping[int, Sequence[Mapping[str, float]]]) -> str:
    """Medians of the seeds along the run, then when each had the stated quality, as Markdown."""
    sought = SOUGHT[name]
    lines = [f"| `{name}`, step | processor seconds | " + " | ".join(sought.bars) + " |"]
    lines.append("|---" * (2 + len(sought.bars)) + "|")
    for points in zip(*runs.values(), strict=True):
        middle = {key: statistics.median(point[key] for point in points) for key in points[0]}
        numbers = " | ".join(f"{middle[bar]:.4g}" for bar in sought.bars)
        lines.append(f"| {middle['step']:.0f} | {middle['seconds']:.0f} | {numbers} |")
    bars = ", ".join(f"{key} {sign} {bar:g}" for key, (sign, bar) in sought.bars.items())
    when = {seed: reached(points, sought) for seed, points in runs.items()}
    said = "; ".join(f"seed {seed}: {'not' if each is None else f'{each:.0f} s'}" for seed, each in when.items())
    return "\n".join([*lines, "", f"{bars}: {said}"])


def main() -> None:
    """Runs and judges what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", choices=list(SOUGHT), metavar="RECIPE", help=", ".join(SOUGHT))
    parser.add_argument("--seeds", type=int, nargs="+", default=[201, 202, 203])
    parser.add_argument("--looks", type=int, default=8, help="times that a run is judged [8]")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="for every run")
    parser.add_argument("--avx2", action="store_true", help="without the instructions of AVX-512")
    parser.add_argument("-o", "--out", type=Path, help="the JSON result")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory(True)
    found: dict[str, dict[int, list[dict[str, float]]]] = {}
    for name in arguments.recipes:
        for seed in arguments.seeds:
            found.setdefault(name, {})[seed] = curve(name, seed, arguments.looks, arguments.set)
            sys.stderr.write(f"{name}, seed {seed}: {found[name][seed][-1]['seconds']:.0f} s\n")
        print(table(name, found[name]), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps({"machine": machine(), "results": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
