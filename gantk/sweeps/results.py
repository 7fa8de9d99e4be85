"""What a sweep has found: the trials, the best recipe (of two objectives, each that no other beats in both)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from gantk.recipe.yaml_positions import dump
from gantk.sweeps.worker import Sweep, short

if TYPE_CHECKING:
    import optuna

WORDS = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


@dataclass(frozen=True)
class TrialResult:
    """One trial.

    Args:
        number: from 0.
        state: "finished", "pruned", "failed", "running" or "waiting".
        values: of each objective, mean over its seeds; empty where it has none.
        by_seed: of each objective, the number of each seed.
        proposed: key of the recipe to the value that was tried.
        folder: where its runs lie, in the sweep's folder.
        seconds: that it took.
        reason: why it failed, or "".
    """

    number: int
    state: str
    values: list[float]
    by_seed: list[list[float]]
    proposed: dict[str, Any]
    folder: str
    seconds: float | None
    reason: str


def trial_results(study: optuna.Study) -> list[TrialResult]:
    """All trials of a study, in their order."""
    found = []
    for each in study.get_trials(deepcopy=False):
        said = each.user_attrs
        values = [*each.values] if each.state.name == "COMPLETE" and each.values else []
        found.append(
            TrialResult(
                each.number,
                WORDS[each.state.name],
                values,
                said.get("by_seed", []),
                said.get("proposed", {}),
                said.get("folder", ""),
                said.get("seconds"),
                said.get("reason", ""),
            )
        )
    return found


def best_results(sweep: Sweep, results: Sequence[TrialResult]) -> list[TrialResult]:
    """The best trial; of two objectives every one that no other beats in one without losing in the other.

    Of equals the first.
    """
    signs = [1 if each.direction == "maximize" else -1 for each in sweep.objectives]
    finished = [each for each in results if each.values]
    scores = {each.number: [sign * value for sign, value in zip(signs, each.values, strict=True)] for each in finished}
    if len(signs) == 1:
        return sorted(finished, key=lambda each: (-scores[each.number][0], each.number))[:1]

    def beaten(one: TrialResult) -> bool:
        mine = scores[one.number]
        return any(
            all(theirs >= own for theirs, own in zip(scores[other.number], mine, strict=True))
            and (scores[other.number] != mine or other.number < one.number)
            for other in finished
            if other.number != one.number
        )

    return [each for each in finished if not beaten(each)]


def best_recipe(sweep: Sweep, results: Sequence[TrialResult], best: TrialResult) -> str:
    """The recipe of a trial, whole, with a comment that says how it was chosen."""
    recipe = sweep.recipe_with(best.proposed)
    chosen = ", ".join(f"{each.value} {value:.4g}" for each, value in zip(sweep.objectives, best.values, strict=True))
    finished = sum(bool(each.values) for each in results)
    lines = [
        f"Trial {best.number} of a sweep over {', '.join(each.key for each in sweep.space)}.",
        f"{chosen} on the validation split: the best of {finished} finished trials, and so better than it will prove.",
        f"To know what it is worth, run it with other seeds than {_seeds(sweep)}.",
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines) + dump(recipe.values)


def _seeds(sweep: Sweep) -> str:
    first, count = sweep.values["seed"], sweep.values["seeds"]
    return str(first) if count == 1 else f"{first} to {first + count - 1}"


def fresh_seeds(sweep: Sweep, count: int) -> str:
    """Seeds that no trial was run with, as `gantk run --seeds` takes them: "1-3"."""
    first = sweep.values["seed"] + sweep.values["seeds"]
    return f"{first}-{first + count - 1}"


def trial_rows(sweep: Sweep, results: Sequence[TrialResult]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text: the trials, the best ones of the first objective first."""
    sign = -1 if sweep.objectives[0].direction == "maximize" else 1
    ordered = sorted(results, key=lambda each: (sign * each.values[0] if each.values else float("inf"), each.number))
    keys = [each.key for each in sweep.space]
    rows = []
    for each in ordered:
        values = [f"{value:.4g}" for value in each.values] or [""] * len(sweep.objectives)
        tried = [short(each.proposed[key]) if key in each.proposed else "" for key in keys]
        rows.append([str(each.number), *values, *tried, each.state if each.state != "finished" else ""])
    return ["trial", *(each.value for each in sweep.objectives), *keys, ""], rows


def sweep_as_json(best: Sequence[TrialResult], results: Sequence[TrialResult]) -> dict[str, Any]:
    """Everything as JSON values."""
    return json.loads(json.dumps({"best": [asdict(each) for each in best], "trials": [asdict(x) for x in results]}))
