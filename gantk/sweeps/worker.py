"""A worker of a sweep: takes a trial, runs its recipe, tells the study what came of it, until there are enough."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantk import console
from gantk.errors import GantkError, RecipeError
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback, StopTraining
from gantk.messages import did_you_mean, duration, shown
from gantk.recipe.recipe import Recipe, load
from gantk.runs.start import start_or_resume
from gantk.sweeps.folder import SweepFolder
from gantk.sweeps.space import Dimension, dimensions, grid_choices, grid_size, suggest
from gantk.sweeps.study import SweepObjective, Taken, import_optuna, next_trial, open_study

if TYPE_CHECKING:
    import optuna


@dataclass
class Sweep:
    """A sweep file, checked.

    Args:
        values: of the file, with every default.
        space: what is tried.
        objectives: what trials are chosen by.
        recipe: with the overrides that all trials share.
    """

    values: dict[str, Any]
    space: list[Dimension]
    objectives: list[SweepObjective]
    recipe: Recipe

    @property
    def most(self) -> int | None:
        """How many trials there may be."""
        limit = self.values["trials"]
        if self.values["sampler"] == "grid":
            return min(limit or grid_size(self.space), grid_size(self.space))
        return limit

    def recipe_with(self, proposed: Mapping[str, Any], seed: int | None = None) -> Recipe:
        """The recipe of a trial; its objectives are measured at the last step, on the validation split."""
        own = {} if seed is None else {"seed": seed}
        said = {**self.values["overrides"], **proposed, **own}
        recipe = load(self.values["recipe"], said)
        steps = recipe.values["train"]["steps"]
        late = {
            f"evaluate.{at}.every": steps
            for at, entry in enumerate(recipe.values["evaluate"])
            if entry["name"] in self.entries and entry["every"] is None
        }
        return load(self.values["recipe"], {**said, **late}) if seed is not None and late else recipe

    @property
    def entries(self) -> set[str]:
        """The entries of `evaluate` that the objectives are values of."""
        return {each.value.partition(".")[0] for each in self.objectives}


def check(values: Mapping[str, Any]) -> Sweep:
    """A sweep file whose parts fit together; every end of the space is a recipe without mistakes.

    Args:
        values: of the file, with every default.

    Raises:
        RecipeError: they do not; says what to write instead.
    """
    space = dimensions(values["space"])
    recipe = load(values["recipe"], values["overrides"])
    if not 1 <= len(values["objectives"]) <= 2:
        raise RecipeError(f"objectives: one or two, not {len(values['objectives'])}")
    if values["trials"] is None and values["minutes"] is None and values["sampler"] != "grid":
        raise RecipeError("trials: say how many trials, or `minutes`, or both: the sweep would never end")
    if values["sampler"] == "grid":
        grid_choices(space)
    if values["sampler"] == "nsga2" and len(values["objectives"]) == 1:
        raise RecipeError("sampler: nsga2 is for two objectives; with one, take tpe")
    if recipe.values["train"]["steps"] is None:
        raise RecipeError("the recipe says train.epochs; a sweep needs train.steps: write it under `overrides`")
    blocks = {entry["name"]: entry for entry in recipe.values["evaluate"]}
    objectives = []
    for each in values["objectives"]:
        entry = each["value"].partition(".")[0]
        if entry not in blocks:
            hint = did_you_mean(entry, blocks, f"the recipe has {', '.join(blocks) or 'none'}")
            raise RecipeError(f"objectives: the recipe evaluates no '{entry}'; {hint}")
        objectives.append(SweepObjective(each["value"], each["direction"], blocks[entry]["every"]))
    if values["pruner"] != "none":
        if len(objectives) > 1:
            raise RecipeError("pruner: trials are pruned by one objective, and there are two: write pruner: none")
        if objectives[0].every is None or objectives[0].every >= recipe.values["train"]["steps"]:
            entry = objectives[0].value.partition(".")[0]
            at = [*blocks].index(entry)
            raise RecipeError(
                f"pruner: {entry} is measured at the end alone, when there is nothing left to prune: write "
                f"overrides: {{evaluate.{at}.every: …}}, or pruner: none"
            )
    sweep = Sweep(dict(values), space, objectives, recipe)
    _check_ends(sweep)
    return sweep


def _check_ends(sweep: Sweep) -> None:
    """Resolves the recipe at each end of each key, the others at their first.

    Raises:
        RecipeError: a key is unknown, or takes no such value.
    """
    optuna = import_optuna()
    first = {each.name: each.labels[0] if each.kind == "choice" else each.ends()[0] for each in sweep.space}
    for each in sweep.space:
        names = each.labels if each.kind == "choice" else each.ends()
        for value in names:
            trial = optuna.trial.FixedTrial({**first, **_met(each, sweep.space), each.name: value})
            proposed = suggest(sweep.space, trial, sweep.recipe.values)
            try:
                sweep.recipe_with(proposed)
            except RecipeError as error:
                said = ", ".join(f"{key}={shown(found)}" for key, found in proposed.items())
                raise RecipeError(f"space: with {said}:\n{error}") from error


def _met(dimension: Dimension, space: Sequence[Dimension]) -> dict[str, Any]:
    """Names and labels that meet the conditions of a dimension."""
    by_key = {each.key: each for each in space}
    found = {}
    for key, value in dimension.when.items():
        other = by_key[key]
        found[other.name] = other.labels[other.choices.index(value)] if value in other.choices else value
    return found


def short(value: Any) -> str:
    """A value as a line or table has room for it."""
    return f"{value:.3g}" if isinstance(value, float) else value if isinstance(value, str) else shown(value)


class Reporter(Callback):
    """Tells the study what a trial has reached so far, and ends training where that is too little.

    Args:
        trial: of the study.
        value: the objective.
        prunes: whether it may end training.
    """

    def __init__(self, trial: optuna.Trial, value: str, prunes: bool):
        self.trial = trial
        self.value = value
        self.prunes = prunes
        self.pruned = False
        self.told = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        """Reports the objective where it was measured."""
        if self.value not in values or not self.prunes:
            return
        if step not in self.told:
            self.told.add(step)
            self.trial.report(values[self.value], step)
        if self.trial.should_prune():
            self.pruned = True
            raise StopTraining("pruned: other trials did better at this step")


def work(sweep: Sweep, folder: SweepFolder, storage: str | None = None) -> optuna.Study:
    """Runs trials until there are enough, or the time is over.

    Args:
        sweep: what is tried.
        folder: of the sweep; other workers may be at work in it.
        storage: as `open_study` takes it.

    Raises:
        Interrupted: a signal asked to stop; the trial is left to whoever works on this sweep next.
    """
    steps = sweep.recipe.values["train"]["steps"]
    study = open_study(folder, sweep.values, sweep.space, sweep.objectives, steps, storage)
    until = None if sweep.values["minutes"] is None else time.monotonic() + 60 * sweep.values["minutes"]
    while until is None or time.monotonic() < until:
        with next_trial(study, folder, sweep.most, by_lock=storage is None) as taken:
            if taken is None:
                break
            _carry_out(sweep, folder, study, taken)
    return study


def _carry_out(sweep: Sweep, folder: SweepFolder, study: optuna.Study, taken: Taken) -> None:
    optuna = import_optuna()
    trial = taken.trial
    states = optuna.trial.TrialState
    began = time.monotonic()
    try:
        proposed = suggest(sweep.space, trial, sweep.recipe.values)
        said = ", ".join(f"{key}={short(value)}" for key, value in proposed.items())
        console.say(f"trial {trial.number}{', left by another worker' if taken.again else ''}: {said}")
        trial.set_user_attr("folder", str(folder.trial(taken.number).relative_to(folder.path)))
        trial.set_user_attr("proposed", proposed)
        numbers = _numbers(sweep, folder.trial(taken.number), proposed, trial)
    except GantkError as error:
        trial.set_user_attr("reason", str(error))
        study.tell(trial, state=states.FAIL)
        console.warn(f"trial {trial.number} failed: {error}")
        return
    trial.set_user_attr("seconds", time.monotonic() - began)
    if numbers is None:
        study.tell(trial, state=states.PRUNED)
        console.say(f"trial {trial.number}: pruned after {duration(time.monotonic() - began)}")
        return
    means = [sum(values) / len(values) for values in numbers]
    trial.set_user_attr("by_seed", numbers)
    study.tell(trial, means)
    found = ", ".join(f"{each.value} {mean:.4g}" for each, mean in zip(sweep.objectives, means, strict=True))
    console.say(f"trial {trial.number}: {found} after {duration(time.monotonic() - began)}")


def _numbers(sweep: Sweep, path: Path, proposed: Mapping[str, Any], trial: optuna.Trial) -> list[list[float]] | None:
    """The objectives of a trial, a list over seeds each; None where it was pruned."""
    found: list[list[float]] = [[] for _ in sweep.objectives]
    for at in range(sweep.values["seeds"]):
        seed = sweep.values["seed"] + at
        recipe = sweep.recipe_with(proposed, seed)
        reporter = Reporter(trial, sweep.objectives[0].value, prunes=at == 0 and sweep.values["pruner"] != "none")
        run = start_or_resume(recipe, path / f"seed-{seed}", [reporter], evaluate_test=False)
        if reporter.pruned:
            return None
        for numbers, each in zip(found, sweep.objectives, strict=True):
            numbers.append(_last(run, each.value))
    return found


def _last(run: RunFolder, value: str) -> float:
    """What a run measured last of a value on the validation split.

    Raises:
        GantkError: it measured none.
    """
    measured = [line[value] for line in run.lines() if isinstance(line.get(value), int | float)]
    if not measured:
        known = {key for line in run.lines() if line.get("split") == "validation" for key in line} - {"step", "split"}
        entry, _, name = value.partition(".")
        names = sorted(key.partition(".")[2] for key in known if key.startswith(f"{entry}."))
        raise GantkError(f"{run.path}: has no number {value}; {did_you_mean(name, names, f'{entry} gives {names}')}")
    return measured[-1]
