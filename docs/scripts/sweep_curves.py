"""Draws curves over the one key of each of some sweeps, side by side, with a band over the seeds, and prints them.

    gantk sweep mnist_critic_rate --out runs/mnist_critic_rate
    python docs/scripts/sweep_curves.py docs/images/critic_rate.png runs/mnist_critic_rate [FOLDER ...]

A column a sweep: its first objective, then what `basics/equilibrium` says of the losses. A line is the mean of the
seeds, the band goes from the lowest to the highest, and each seed is a point. On stdout is a Markdown table a sweep.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from gantk import console, plots
from gantk.files.atomic import last_line
from gantk.recipe.recipe import load, load_as
from gantk.runs.changes import value_at
from gantk.sweeps.blocks import SweepBlocks
from gantk.sweeps.folder import SWEEP

EQUILIBRIUM = ("equilibrium.drift", "equilibrium.critic_scatter", "equilibrium.critic_right")
REFERENCES = {"equilibrium.critic_scatter": 1.0, "equilibrium.critic_right": 0.5}
LOGARITHMIC = ("equilibrium.drift", "equilibrium.critic_scatter")


def numbers_of(folder: Path, values: dict[str, Any]) -> dict[float, list[dict[str, float]]]:
    """Factor to what each seed has measured last on the validation split."""
    ((key, said),) = values["space"].items()
    base = value_at(load(values["recipe"], values["overrides"]).values, said["times"])
    found: dict[float, list[dict[str, float]]] = {}
    for trial in json.loads((folder / "trials.json").read_text()):
        runs = sorted((folder / trial["folder"]).glob("seed-*/metrics.jsonl"))
        lines = [last_line(run, {"step": int, "split": str}) for run in runs]
        found[round(trial["proposed"][key] / base, 6)] = [line for line in lines if line is not None]
    return dict(sorted(found.items()))


def draw(axes: Axes, name: str, found: dict[float, list[dict[str, float]]]) -> None:
    """One number over the factor."""
    seeds = {factor: [line[name] for line in lines if name in line] for factor, lines in found.items()}
    factors = [factor for factor, each in seeds.items() if each]
    means, lows, highs = ([each(seeds[factor]) for factor in factors] for each in (np.mean, min, max))
    if name in REFERENCES:
        axes.axhline(REFERENCES[name], color=plots.REAL, linewidth=0.8, linestyle="--")
    axes.fill_between(factors, lows, highs, color=plots.COLOURS[0], alpha=0.18, linewidth=0)
    axes.plot(factors, means, color=plots.COLOURS[0], linewidth=1.5)
    for factor in factors:
        axes.plot([factor] * len(seeds[factor]), seeds[factor], ".", color=plots.COLOURS[0], markersize=4)
    axes.set_xscale("log")
    axes.set_xticks(factors, [f"{factor:g}" for factor in factors])
    axes.minorticks_off()
    if name in LOGARITHMIC:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    elif min(lows) >= 0:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.25)


def main() -> None:
    """Reads the sweeps, draws the picture and prints the tables."""
    picture, *folders = map(Path, sys.argv[1:])
    sweeps = [(folder, load_as(SweepBlocks, folder / SWEEP)) for folder in folders]
    figure = plots.new_figure(3.2 * len(sweeps), 7.6)
    panels = figure.subplots(1 + len(EQUILIBRIUM), len(sweeps), squeeze=False)
    for column, (folder, values) in enumerate(sweeps):
        found = numbers_of(folder, values)
        names = (values["objectives"][0]["value"], *EQUILIBRIUM)
        for row, name in enumerate(names):
            axes = panels[row, column]
            draw(axes, name, found)
            axes.set_title(f"{values['recipe']}\n{name}" if row == 0 else name, fontsize=9)
        panels[-1, column].set_xlabel("critic's rate / generator's")
        console.answer(f"\n{values['recipe']}: mean (lowest to highest) of {values['seeds']} seeds\n")
        console.answer("| critic / generator | " + " | ".join(names) + " |\n" + "|---" * (1 + len(names)) + "|")
        for factor, lines in found.items():
            cells = []
            for name in names:
                each = [line[name] for line in lines if name in line]
                cells.append(f"{np.mean(each):.3g} ({min(each):.3g} to {max(each):.3g})" if each else "")
            console.answer(f"| {factor:g} | " + " | ".join(cells) + " |")
    plots.to_image(figure, dpi=100).quantize(64).save(picture, optimize=True)
    console.say(f"{picture}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
