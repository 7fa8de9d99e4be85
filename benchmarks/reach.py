"""What the shipped recipes reach, and in which time: the numbers that README and notes quote.

    .venv/bin/python benchmarks/reach.py toy_motif --seeds 0 1 2
    .venv/bin/python benchmarks/reach.py lin_starshaped --seeds 0 1 2

Runs the recipe as it stands once for each seed, judges it on fresh samples that training never drew, and prints one
JSON document: every value for each seed and their median, seconds, threads, versions, and the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from gantk.interfaces import MetricInput
from gantk.machine import prepare_environment

prepare_environment()

import torch

import gantk
from gantk import machine
from gantk.evaluation.evaluate import evaluate
from gantk.evaluation.results import build_metrics, flat
from gantk.training import from_recipe

CELLS = [
    {"use": "cells/probe", "name": "probe", "samples": 5000},
    {"use": "cells/dependence", "name": "dependence", "samples": 5000},
]
FRESH = {
    "toy_motif": [{"use": "motif/motif_rate", "name": "motif_rate", "samples": 1000}],
    "lin_starshaped": CELLS,
    "lin_starshaped_long": CELLS,
}


def judge(run: gantk.Run, recipe: str, seed: int) -> dict[str, float]:
    """Metrics of the final model on fresh samples; for the motif also of samples chosen by rejection."""
    from gantk.recipe.recipe import recipe_from_text

    model = run.model
    blocks = json.dumps(FRESH[recipe])
    values = recipe_from_text(model.checkpoint.recipe, name=recipe, overrides=[f"evaluate={blocks}"]).values
    entries, data, state = build_metrics(values), from_recipe.datasets(values), model.state
    found = flat(
        evaluate(
            entries,
            state.sampled(),
            state.critic,
            data["train"],
            data["test"],
            seed=1000 + seed,
            device=model.device,
            purpose="fresh",
        )
    )
    if recipe == "toy_motif":
        chosen = model.sample(1000, seed=2000 + seed, reject=8)
        rng = torch.Generator().manual_seed(seed)
        values_of = entries[0].metric.compute(MetricInput(chosen, data["train"], data["test"], rng=rng, nets={}))
        found |= {f"reject_8.{name}": value.value for name, value in values_of.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", choices=sorted(FRESH))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/reach"))
    parser.add_argument("overrides", nargs="*", help="KEY=VALUE for every run")
    arguments = parser.parse_intermixed_args()
    results = []
    for seed in arguments.seeds:
        load, started = os.getloadavg()[0], time.monotonic()
        out = arguments.out / f"{arguments.recipe}-seed{seed}-{int(time.time())}"
        run = gantk.run(arguments.recipe, [f"seed={seed}", *arguments.overrides], out=out)
        seconds = time.monotonic() - started
        training = max(line.get("seconds", 0.0) for line in run.metrics)
        found = {"seconds_in_all": seconds, "seconds_training": training, "load_before": load}
        found |= judge(run, arguments.recipe, seed)
        results.append({"seed": seed, "run": str(out), **found})
        print(json.dumps(results[-1]), flush=True)
    numbers = [name for name in results[0] if name not in ("seed", "run")]
    medians = {name: statistics.median(result[name] for result in results) for name in numbers}
    print(json.dumps({"recipe": arguments.recipe, "machine": machine.describe_machine(), "median": medians}, indent=2))


if __name__ == "__main__":
    main()
