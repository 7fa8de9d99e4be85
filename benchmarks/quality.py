"""What a cell recipe reaches in how much processor time: `python -m benchmarks.quality RECIPE… --seeds 101 102 103`.

Runs `gantk run RECIPE` once for each seed, recipes in turn, each run a process of its own on one thread with an empty
cache of data, and judges each on fresh samples against the recipe's own real cells. Seconds are the processor time of
the whole command, from its start to the prompt. `--judge FOLDER…` judges runs that there are.

A pair (red, green) is ragged where its cell, all that is brighter than the background, has a solidity (area over area
of the convex hull, holes not filled) below that of all but 1 % of real training pairs, or is in more than one part.
"""

from __future__ import annotations

from gantk.machine import prepare_environment

prepare_environment()

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gantk_basics.metrics.features import Rows
from gantk_basics.metrics.neighbours import manifold_overlap
from gantk_cells.metrics.dependence import Dependence
from gantk_cells.metrics.pairs import pairs_in, pairs_of
from gantk_cells.metrics.probe import Classifier, Probe
from gantk_cells.segmentation import BACKGROUND
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from torch import Tensor

import gantk
from benchmarks.measure import machine
from gantk.interfaces import MetricInput, Samples
from gantk.training import from_recipe

CELLS = 1000  # generated cells that are judged, one pair a protein each
NEIGHBOURS = 5  # which one sets the radius of a ball, for the coverage
OCTAVES = ((1 / 64, 1 / 32), (1 / 32, 1 / 16), (1 / 16, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 1 / 2))  # cycles a pixel
RAGGED = 0.01  # share of real pairs whose solidity is too low by definition


def solidity(cell: NDArray[np.bool_]) -> float:
    """Area over area of the convex hull, both of whole pixels; 0 where there is no cell.

    Args:
        cell: inside, (H, W).
    """
    y = np.flatnonzero(cell.any(axis=1))
    if not len(y):
        return 0.0
    rows = cell[y]
    left, right = rows.argmax(axis=1), rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    corners = [np.stack([x, edge], axis=1) for x in (left, right) for edge in (y, y + 1)]
    return float(cell.sum() / ConvexHull(np.concatenate(corners)).volume)


def shapes(images: Tensor) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Solidity of each pair's cell, (N,), and in how many parts it is, (N,).

    Args:
        images: from -1 to 1, (N, C, H, W).
    """
    cells = (images.numpy().max(axis=1) + 1) / 2 > BACKGROUND
    return np.array([solidity(cell) for cell in cells]), np.array([ndimage.label(cell)[1] for cell in cells])


def power_by_octave(images: Tensor) -> Tensor:
    """Mean power of each channel in each of `OCTAVES`, (C, octaves).

    Args:
        images: from -1 to 1, (N, C, H, W).
    """
    bright = (images + 1) / 2
    frequency = torch.hypot(
        torch.fft.fftfreq(images.shape[2])[:, None], torch.fft.rfftfreq(images.shape[3])[None, :]
    )  # (H, W / 2 + 1)
    power = sum((torch.fft.rfft2(part).abs() ** 2).sum(0) for part in bright.split(500)) / len(images)
    return torch.stack([power[:, (low <= frequency) & (frequency < high)].sum(1) for low, high in OCTAVES], 1)


def frechet(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Fréchet distance of two normal distributions with the means and covariances of these rows, (N, D) and (M, D).

    The trace of the root of a product of covariances is the sum of the roots of its eigenvalues.
    """
    means, covariances = zip(*((rows.mean(0), np.cov(rows.T)) for rows in (first, second)), strict=True)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(covariances[0] @ covariances[1]).real, 0))
    return float(((means[0] - means[1]) ** 2).sum() + sum(np.trace(each) for each in covariances) - 2 * roots.sum())


@torch.no_grad()
def features(probe: Classifier, images: Tensor) -> NDArray[np.floating]:
    """What the probe's last layer sees of each pair, (N, F), in float64."""
    last = [probe.layers(part).flatten(2) for part in images.float().split(500)]
    return torch.cat([torch.cat([part.mean(2), part.amax(2)], 1) for part in last]).double().numpy()


class Real:
    """The real side of every comparison, made once.

    Args:
        values: of a recipe: whose data, and a probe of them, runs are judged with.
    """

    def __init__(self, values: dict[str, Any]):
        self.data = from_recipe.datasets(values)
        self.probe, self.dependence = Probe(samples=CELLS), Dependence(samples=CELLS)
        rng = torch.Generator().manual_seed(0)
        self.pairs = pairs_in(self.data["test"], sys.maxsize, rng).images
        self.usual = float(np.quantile(shapes(pairs_in(self.data["train"], sys.maxsize, rng).images)[0], RAGGED))
        self.power = power_by_octave(self.pairs)
        self.features: NDArray[np.floating] | None = None

    def judge(self, samples: Samples) -> dict[str, float]:
        """What is known of generated samples, one unit a protein each."""
        rng = torch.Generator().manual_seed(0)
        inputs = MetricInput(samples, self.data["train"], self.data["test"], rng)
        probed = self.probe.compute(inputs)
        found = {"probe": probed["accuracy"].value}
        found["probe, worst protein"] = min(each.value for name, each in probed.items() if name != "accuracy")
        depends = self.dependence.compute(inputs)
        found |= {name: depends[name].value for name in ("correlation_difference", "state_ratio")}
        return found | self.looks(pairs_of(samples).images)

    def looks(self, made: Tensor) -> dict[str, float]:
        """What the classical measures say of pairs, (N, 2, H, W).

        `power` is the worst ratio to real power, either way, of both channels' octaves; the distances see as many
        generated pairs as there are real ones.
        """
        form, parts = shapes(made)
        found = {"ragged": float(((form < self.usual) | (parts > 1)).mean())}
        found |= {"low solidity": float((form < self.usual).mean()), "in parts": float((parts > 1).mean())}
        ratios = power_by_octave(made) / self.power
        found["power"] = float(torch.maximum(ratios, 1 / ratios).max())
        for channel, row in zip(("red", "green"), ratios.tolist(), strict=True):
            found |= {f"power, {channel}, octave {number}": ratio for number, ratio in enumerate(row, 1)}
        probe = self.probe._probe(self.data["train"])
        if self.features is None:
            self.features = features(probe, self.pairs)
        found["Fréchet"] = frechet(features(probe, made), self.features)
        real, some = (Rows((pairs.flatten(1),)) for pairs in (self.pairs, made[: len(self.pairs)]))
        overlap = manifold_overlap(real, some, NEIGHBOURS)  # as they lie: the numbers of earlier tables
        return found | {name: float(overlap[name].float().mean()) for name in ("precision", "recall", "coverage")}


def seconds_of(command: Sequence[str], environment: dict[str, str]) -> float:
    """Processor time of a command and of what it starts, in seconds.

    Raises:
        SystemExit: it failed.
    """
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: failed")
    return used.ru_utime + used.ru_stime


def carried_out(recipe: str, overrides: Sequence[str], out: Path) -> float:
    """Runs a recipe into `out` as a whole command, on one thread, with an empty cache: seconds of the processor."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "gantk", "run", recipe, "--out", str(out), "--quiet", "machine.threads=1"]
        return seconds_of([*command, *overrides], os.environ | {"OMP_NUM_THREADS": "1", "GANTK_CACHE": cache})


def table(results: Sequence[dict[str, Any]]) -> str:
    """One column a run, then the mean of each recipe's runs, as Markdown."""
    names = [name for name in results[0] if name not in ("recipe", "seed", "run")]
    columns = [(f"{result['recipe']}, {result['seed']}", result) for result in results]
    for recipe in dict.fromkeys(result["recipe"] for result in results):
        own = [result for result in results if result["recipe"] == recipe]
        columns.append((f"{recipe}, mean", {name: statistics.mean(each[name] for each in own) for name in names}))
    lines = ["| | " + " | ".join(title for title, _ in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        values = " | ".join(f"{column[name]:.{0 if name == 'seconds' else 3}f}" for _, column in columns)
        lines.append(f"| {name} | {values} |")
    return "\n".join(lines)


def main() -> None:
    """Runs and judges what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="whose cells are in the layout per_class")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="for every run")
    parser.add_argument("--judge", type=Path, nargs="+", default=[], metavar="FOLDER", help="runs that there are")
    parser.add_argument("--runs", type=Path, default=Path("runs/quality"), help="where new runs go [runs/quality]")
    parser.add_argument("-o", "--out", type=Path, help="the JSON result")
    arguments = parser.parse_args()
    if not arguments.recipes and not arguments.judge:
        parser.error("name recipes to run, or runs to --judge")
    torch.set_num_threads(1)
    todo: list[dict[str, Any]] = []
    for seed in arguments.seeds if arguments.recipes else []:
        for recipe in arguments.recipes:
            run = arguments.runs / f"{Path(recipe).stem}-{seed}"
            seconds = carried_out(recipe, [f"seed={seed}", *arguments.set], run)
            todo.append({"recipe": Path(recipe).stem, "seed": seed, "run": str(run), "seconds": seconds})
            sys.stderr.write(f"{run}: {seconds:.0f} s\n")
    for run in arguments.judge:
        todo.append({"recipe": run.name, "seed": gantk.Run(run).recipe.values["seed"], "run": str(run)})
    real: Real | None = None
    for each in todo:
        model = gantk.Model(each["run"], device="cpu")
        real = real or Real(model.recipe.values)
        each |= real.judge(model.sample(CELLS, seed=1000 + each["seed"], raw=True))
    sys.stdout.write(table(todo) + "\n")
    if arguments.out:
        arguments.out.write_text(json.dumps({"machine": machine(), "results": todo}, indent=1) + "\n")


if __name__ == "__main__":
    main()
