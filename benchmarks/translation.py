"""Translators over all strips of one field: L1 alone and pix2pix beside ridge on local filters and the best plane.

    python -m benchmarks.translation FOLDER --data data/phase [--recipes phase_l1 phase_pix2pix] [--folds 0 1 2 3]
    python -m benchmarks.translation FOLDER KEY=VALUE… --data data/phase

Trains each recipe with each strip held out in turn (data.fold) in FOLDER/RECIPE-FOLD, a run with its report, and judges
it. Results are appended to FOLDER/results.jsonl: a second call repeats nothing, and goes on with a run that was
stopped. Prints three tables over what there is of the recipes and folds that are asked for:

- Pearson's r of each strip, its mean, and the processor seconds of a whole run;
- objects as cells/objects finds them, their numbers added up over the strips;
- spectral power of each octave of periods over the right one, both added up over the strips. In bold: nearest to 1
  (by the logarithm) of the recipes.

KEY=VALUE changes every run, and with other values another FOLDER is needed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gantk.machine import keep_freed_memory, prepare_environment

prepare_environment()

import numpy as np
import torch
from gantk_cells.metrics.objects import Objects, matched
from gantk_cells.metrics.translated import Translated, translations
from gantk_cells.metrics.translation import OCTAVES, correlation, octave_power
from numpy.typing import NDArray

import gantk
from benchmarks.equal_time import keep_result, results_in
from gantk.console import set_quiet
from gantk.interfaces import MetricInput
from gantk.recipe.recipe import Recipe
from gantk.runs.start import start_or_resume
from gantk.training import from_recipe

RECIPES = ["phase_l1", "phase_pix2pix"]
COUNTS = ("found", "right", "matched", "made up")
PLANE, RIDGE = "best plane", "ridge"

Array = NDArray[np.floating]
Result = dict[str, Any]


def recipe_of(name: str, data: Path, fold: int, overrides: Sequence[str]) -> Recipe:
    """A recipe with one strip held out."""
    return gantk.load_recipe(name, [f"data.root={data}", f"data.fold={fold}", "machine.threads=1", *overrides])


def called(name: str) -> str:
    """What a recipe is called in tables: of a file its name."""
    return Path(name).stem


def counts(made: Sequence[Array], right: Sequence[Array], metric: Objects) -> dict[str, int]:
    """Objects in pictures (H, W) from -1 to 1 and in the right ones, added up."""
    pairs = zip(made, right, strict=True)
    found = [matched(metric.find(own), metric.find(true), metric.overlap) for own, true in pairs]
    numbers = [(each.made, each.right, each.pairs, each.made_up) for each in found]
    return dict(zip(COUNTS, map(sum, zip(*numbers, strict=True)), strict=True))


def powers(pictures: Sequence[Array]) -> list[float]:
    """The power of each octave, added up over pictures (H, W); 0 where they are smaller than its periods."""
    return [
        sum(octave_power(each, low, high) if high <= min(each.shape) else 0.0 for each in pictures)
        for low, high in OCTAVES
    ]


def judge(pictures: Sequence[Translated], metric: Objects, channel: int = 0) -> Result:
    """What is known of translated pictures: of a channel of the target, by way ("made", ridge, best plane).

    Args:
        pictures: those of them whose channel was measured count.
        metric: finds objects.
        channel: of the target.
    """
    known = [each for each in pictures if each.measured[channel]]
    right = [each.right[channel] for each in known]
    result: Result = {"r": {}, "objects": {}, "power": {"right": powers(right)}}
    for way, attribute in (("made", "made"), (RIDGE, "ridge"), (PLANE, "single")):
        made = [getattr(each, attribute)[channel] for each in known]
        found = [correlation(own, true) for own, true in zip(made, right, strict=True)]
        result["r"][way] = float(np.mean([each for each in found if each is not None]))
        if way != PLANE:
            result["objects"][way] = counts(made, right, metric)
            result["power"][way] = powers(made)
    return result


def result_of(folder: Path, name: str, data: Path, fold: int, overrides: Sequence[str]) -> Result:
    """Trains, or goes on with, one run, and judges it."""
    recipe = recipe_of(name, data, fold, overrides)
    path = folder / f"{called(name)}-{fold}"
    begun, began = (path / "resolved.yaml").exists(), time.process_time()
    start_or_resume(recipe, path)
    spent = time.process_time() - began
    splits = from_recipe.datasets(recipe.values)
    model = gantk.load(path)
    inputs = MetricInput(
        model.sample(1), splits["train"], splits["test"], torch.Generator(), {"generator": model.generator.eval()}
    )
    found: Result = {
        "recipe": called(name),
        "fold": fold,
        "steps": recipe.values["train"]["steps"],
        "overrides": list(overrides),
    }
    found["seconds"] = None if begun else round(spent, 1)  # of a run that was stopped they are not known
    return found | judge(translations(inputs, 10**6, "benchmarks.translation")[""], Objects())


def pooled_counts(results: Sequence[Result], way: str) -> dict[str, int]:
    """Objects of all strips."""
    return {name: sum(each["objects"][way][name] for each in results) for name in COUNTS}


def pooled_power(results: Sequence[Result], way: str) -> list[float]:
    """Power over the right one of each octave, both added up over the strips."""
    made, right = (np.sum([each["power"][which] for each in results], 0) for which in (way, "right"))
    return [float(one / other) if other else float("nan") for one, other in zip(made, right, strict=True)]


def by_recipe(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The results of each recipe, by fold."""
    found: dict[str, list[Result]] = {}
    for each in sorted(results, key=lambda result: result["fold"]):
        found.setdefault(each["recipe"], []).append(each)
    return found


def correlations(found: Mapping[str, Sequence[Result]]) -> str:
    """r of each strip, its mean, and processor seconds, as Markdown."""
    rivals = next(iter(found.values()))
    folds = [each["fold"] for each in rivals]
    lines = [f"| r | {' | '.join(f'strip {fold}' for fold in folds)} | mean | seconds a run |"]
    lines.append("|---" * (len(folds) + 3) + "|")
    rows = [(way, [each["r"][way] for each in rivals], "") for way in (PLANE, RIDGE)]
    for name, results in found.items():
        of_fold = {each["fold"]: each["r"]["made"] for each in results}
        spent = [each["seconds"] for each in results if each["seconds"] is not None]
        shown = f"{min(spent):.0f} … {max(spent):.0f}" if spent else ""
        rows.append((f"`{name}`", [of_fold.get(fold, float("nan")) for fold in folds], shown))
    for name, values, shown in rows:
        numbers = " | ".join(f"{value:.3f}" for value in (*values, float(np.mean(values))))
        lines.append(f"| {name} | {numbers} | {shown} |")
    return "\n".join(lines)


def objects(found: Mapping[str, Sequence[Result]]) -> str:
    """Objects added up over the strips, as Markdown."""
    lines = ["| objects | found | right | matched | missed | made up | precision | recall | F1 |", "|---" * 9 + "|"]
    rows = [(RIDGE, pooled_counts(next(iter(found.values())), RIDGE))]
    rows += [(f"`{name}`", pooled_counts(results, "made")) for name, results in found.items()]
    for name, each in rows:
        made, right, pairs, made_up = (each[count] for count in COUNTS)
        shares = [pairs / made if made else 0.0, pairs / right if right else 0.0]
        shares.append(2 * pairs / (made + right) if made + right else 1.0)
        numbers = " | ".join(f"{share:.2f}" for share in shares)
        lines.append(f"| {name} | {made} | {right} | {pairs} | {right - pairs} | {made_up} | {numbers} |")
    return "\n".join(lines)


def spectrum(found: Mapping[str, Sequence[Result]]) -> str:
    """Power over the right one by octave of periods, as Markdown; of the recipes the nearest is in bold."""
    ratios = {name: pooled_power(results, "made") for name, results in found.items()}
    nearest = [min(map(distance, of_octave)) for of_octave in zip(*ratios.values(), strict=True)]
    lines = [f"| power at periods of | {' | '.join(f'{low} … {high}' for low, high in OCTAVES)} |"]
    lines.append("|---" * (len(OCTAVES) + 1) + "|")
    rivals = pooled_power(next(iter(found.values())), RIDGE)
    lines.append(f"| {RIDGE} | {' | '.join(f'{value:.2f}' for value in rivals)} |")
    for name, values in ratios.items():
        pairs = zip(values, nearest, strict=True)
        shown = [f"**{each:.2f}**" if distance(each) == least < np.inf else f"{each:.2f}" for each, least in pairs]
        lines.append(f"| `{name}` | {' | '.join(shown)} |")
    return "\n".join(lines)


def distance(ratio: float) -> float:
    """How far a ratio of powers is from 1: one half as far as two."""
    return abs(float(np.log(ratio))) if ratio > 0 else float("inf")


def main() -> None:
    """Runs what is not there yet, and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for every run")
    parser.add_argument("--data", type=Path, required=True, help="folder with a PNG or TIFF of each channel")
    parser.add_argument("--recipes", nargs="+", default=RECIPES, help="of pairs [phase_l1 phase_pix2pix]")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3], help="strips that are held out [0 1 2 3]")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    keep_freed_memory(True)
    set_quiet(True)
    results = results_in(chosen.folder)
    if any(each["overrides"] != chosen.overrides for each in results):
        parser.error(f"{chosen.folder} has runs with other KEY=VALUE: give another folder")
    done = {(each["recipe"], each["fold"]) for each in results}
    for name in chosen.recipes:
        for fold in chosen.folds:
            if (called(name), fold) not in done:
                results.append(result_of(chosen.folder, name, chosen.data.absolute(), fold, chosen.overrides))
                keep_result(chosen.folder, results[-1])
    found = by_recipe([each for each in results if each["fold"] in chosen.folds])
    found = {called(name): found[called(name)] for name in chosen.recipes}
    print("\n\n".join([correlations(found), objects(found), spectrum(found)]))


if __name__ == "__main__":
    main()
