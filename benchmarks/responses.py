"""Responses of held-out cell lines: `python -m benchmarks.responses --seeds 3`.

Dr.VAE, trained together, and PertVAE with a logistic regression on its latents, in two steps, on simulated lines of
which a tenth, three tenths or all have a known response (recipe drvae_simulated), beside logistic regression on
untreated profiles and on their principal components. A seed is another network, other lines and another split. Printed:
means over seeds of AUROC, AUPR and the error of reconstruction, with Student's 95 % interval, and how reconstruction
and AUROC of all trainings go together (Spearman). Each training is a line of JSON in `--out`, so that a stopped
benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gantk_expression.metrics.response import Response
from scipy.stats import spearmanr
from scipy.stats import t as student

from gantk.interfaces import MetricInput
from gantk.recipe import load
from gantk.training import TrainSettings, datasets, initial_state, train

RIVALS = {"": "{}", "_profile": "logistic regression, profile", "_components": "logistic regression, components"}
HOW = {"expression/drvae": "Dr.VAE, together", "expression/pertvae": "PertVAE, two steps"}


def measured(loss: str, share: float, seed: int, overrides: Sequence[str]) -> dict[str, Any]:
    """What the metric says after a training, and its processor seconds."""
    began = time.process_time()
    encoder = load("drvae_simulated", overrides).values["loss"]["encoder"]
    given: dict[str, Any] = {"data.seed": seed, "data.labelled": share, "seed": seed}
    if loss != "expression/drvae":
        given |= {"loss": {"use": loss, "encoder": encoder}}
    said = [*overrides, *(f"{name}={json.dumps(value)}" for name, value in given.items())]
    if loss != "expression/drvae":
        said.append('play={"generator_optimizer": {"use": "basics/adam", "lr": 5e-4, "weight_decay": 0.05}}')
    values = load("drvae_simulated", said).values
    data = datasets(values)
    state = initial_state(values, data["train"].spec, "cpu")
    for _ in train(state, data["train"], TrainSettings.from_recipe(values, 0)):
        pass
    assert state.generator is not None
    rng = torch.Generator().manual_seed(0)
    inputs = MetricInput(None, data["train"], data["test"], rng=rng, nets={"generator": state.generator})  # type: ignore[arg-type]
    found = {name: each.value for name, each in Response().compute(inputs).items()}
    return {"loss": loss, "share": share, "seed": seed, "seconds": time.process_time() - began, **found}


def interval(values: Sequence[float]) -> str:
    """Mean and half the 95 % interval."""
    half = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0
    return f"{np.mean(values):.3f} ± {half:.3f}"


def main() -> None:
    """Trains what is not known yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("responses.jsonl"))
    parser.add_argument("overrides", nargs="*")
    said = parser.parse_args()
    torch.set_num_threads(1)
    known = [json.loads(line) for line in said.out.read_text().splitlines()] if said.out.exists() else []
    done = {(each["loss"], each["share"], each["seed"]) for each in known}
    for seed in range(said.seeds):
        for share in (0.1, 0.3, 1.0):
            for loss in HOW:
                if (loss, share, seed) not in done:
                    known.append(measured(loss, share, seed, said.overrides))
                    with said.out.open("a") as file:
                        file.write(json.dumps(known[-1]) + "\n")
    print("| labelled | what | AUROC | AUPR | reconstruction |\n|---|---|---|---|---|")
    for share in (0.1, 0.3, 1.0):
        for loss, name in HOW.items():
            rows = [each for each in known if (each["loss"], each["share"]) == (loss, share)]
            for ending, words in RIVALS.items():
                if ending and loss != "expression/drvae":
                    continue  # the same of either
                error = "" if ending else interval([each["reconstruction"] for each in rows])
                numbers = (interval([each[measure + ending] for each in rows]) for measure in ("auroc", "aupr"))
                print(f"| {share:.0%} | {words.format(name)} | {' | '.join(numbers)} | {error} |")
    both = spearmanr([each["reconstruction"] for each in known], [each["auroc"] for each in known])
    print(f"reconstruction against AUROC, {len(known)} trainings: Spearman {both.statistic:.2f}, p {both.pvalue:.2g}")


if __name__ == "__main__":
    main()
