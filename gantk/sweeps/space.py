"""The space of a sweep: which keys of a recipe are tried, over which values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from gantk.errors import RecipeError
from gantk.messages import did_you_mean, shown

if TYPE_CHECKING:
    import optuna

KINDS = ("loguniform", "uniform", "int", "choice")
BESIDE = ("step", "times", "when")


@dataclass(frozen=True)
class Dimension:
    """One key of the recipe, and the values that are tried.

    Args:
        key: dotted: "play.generator_optimizer.lr".
        kind: "loguniform", "uniform", "int" or "choice".
        low: lower end of a range, which is tried, too.
        high: upper end.
        choices: what there is to choose from.
        step: of whole numbers.
        times: the key on whose value this one is a factor, or "".
        when: key to value, of dimensions before this one: it is tried only where they have these values.
    """

    key: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()
    step: int = 1
    times: str = ""
    when: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the number is called in the study and in figures: a factor says so."""
        return f"{self.key} / {self.times}" if self.times else self.key

    @property
    def labels(self) -> list[str]:
        """The choices as texts: a study holds no lists or mappings."""
        return [each if isinstance(each, str) else json.dumps(each) for each in self.choices]

    def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
        """What the study proposes for this key (of a factor, the factor)."""
        if self.kind == "choice":
            return self.choices[self.labels.index(trial.suggest_categorical(self.name, self.labels))]
        if self.kind == "int":
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=self.step)
        return trial.suggest_float(self.name, self.low, self.high, log=self.kind == "loguniform")

    def ends(self) -> list[Any]:
        """The values at the ends of a range, or all choices: those with which a recipe is checked beforehand."""
        if self.kind == "choice":
            return [*self.choices]
        return [int(self.low), int(self.high)] if self.kind == "int" else [self.low, self.high]


def dimensions(space: Mapping[str, Any]) -> list[Dimension]:
    """The dimensions that a sweep file writes.

    Raises:
        RecipeError: every mistake in it.
    """
    found: list[Dimension] = []
    mistakes: list[str] = []
    for key, said in space.items():
        try:
            found.append(_dimension(key, said, [each.key for each in found]))
        except RecipeError as error:
            mistakes.append(str(error))
    if not space:
        mistakes.append("space: names no key; try {play.generator_optimizer.lr: {loguniform: [1e-5, 1e-2]}}")
    if mistakes:
        raise RecipeError("\n".join(mistakes))
    return found


def _dimension(key: str, said: Any, before: list[str]) -> Dimension:
    where = f"space.{key}"
    if not isinstance(said, Mapping):
        raise RecipeError(f"{where}: is a mapping such as {{loguniform: [1e-5, 1e-2]}}, not {shown(said)}")
    unknown = [word for word in said if word not in (*KINDS, *BESIDE)]
    if unknown:
        raise RecipeError(f"{where}: there is no '{unknown[0]}': {did_you_mean(unknown[0], (*KINDS, *BESIDE))}")
    kinds = [word for word in said if word in KINDS]
    if len(kinds) != 1:
        raise RecipeError(f"{where}: needs one of {', '.join(KINDS)}, and has {' and '.join(kinds) or 'none'}")
    kind = kinds[0]
    when, times = said.get("when", {}), said.get("times", "")
    if not isinstance(when, Mapping) or any(other not in before for other in when):
        raise RecipeError(f"{where}.when: is a mapping {{KEY: VALUE}} of keys that stand before it in the space")
    factors = said[kind] if kind == "choice" and isinstance(said[kind], list) else []
    numbers = kind in ("loguniform", "uniform") or (factors and all(type(each) in (int, float) for each in factors))
    if times and (not isinstance(times, str) or not numbers):
        raise RecipeError(f"{where}.times: is a key of the recipe, beside loguniform, uniform or a choice of numbers")
    if "step" in said and kind != "int":
        raise RecipeError(f"{where}.step: goes with int")
    if kind == "choice":
        choices = said[kind]
        if not isinstance(choices, list) or len(choices) < 2 or len({json.dumps(x) for x in choices}) < len(choices):
            raise RecipeError(f"{where}.choice: is a list of two or more different values, not {shown(choices)}")
        return Dimension(key, kind, choices=tuple(choices), times=times, when=dict(when))
    low, high = _range(where, kind, said[kind])
    step = said.get("step", 1)
    if not isinstance(step, int) or isinstance(step, bool) or step < 1:
        raise RecipeError(f"{where}.step: is a whole number above 0, not {shown(step)}")
    return Dimension(key, kind, low, high, step=step, times=times, when=dict(when))


def _range(where: str, kind: str, said: Any) -> tuple[float, float]:
    allowed = (int,) if kind == "int" else (int, float)
    fine = isinstance(said, list) and len(said) == 2 and all(type(end) in allowed and isfinite(end) for end in said)
    if not fine or not said[0] < said[1]:
        what = "whole numbers" if kind == "int" else "numbers"
        raise RecipeError(f"{where}.{kind}: is two {what}, the lower first, not {shown(said)}")
    if kind == "loguniform" and said[0] <= 0:
        raise RecipeError(f"{where}.loguniform: begins above 0, not at {shown(said[0])}")
    return said[0], said[1]


def suggest(space: list[Dimension], trial: optuna.trial.BaseTrial, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial is run with: dotted key to value.

    Args:
        space: what is tried.
        trial: of the study, which proposes.
        values: the recipe's own, for factors on keys that are not tried.

    Raises:
        RecipeError: a factor is on a key that is no number.
    """
    found: dict[str, Any] = {}
    for each in space:
        if any(found.get(key, _MISSING) != value for key, value in each.when.items()):
            continue
        proposed = each.suggest(trial)
        if each.times:
            base = found[each.times] if each.times in found else _number_at(values, each)
            proposed *= base
        found[each.key] = proposed
    return found


_MISSING = object()


def _number_at(values: Mapping[str, Any], dimension: Dimension) -> float:
    from gantk.runs.changes import is_there, value_at

    value = value_at(values, dimension.times) if is_there(values, dimension.times) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise RecipeError(
            f"space.{dimension.key}.times: {dimension.times} is {shown(value)} in the recipe, and no number to take "
            "a factor of"
        )
    return value


def grid_choices(space: list[Dimension]) -> dict[str, list[str]]:
    """The choices of each key, for the grid sampler.

    Raises:
        RecipeError: a key is tried over a range, or only under a condition.
    """
    for each in space:
        if each.kind != "choice" or each.when:
            raise RecipeError(
                f"space.{each.key}: the grid tries every combination of choices: write choice, without `when`; or "
                "take sampler: random"
            )
    return {each.name: each.labels for each in space}


def grid_size(space: list[Dimension]) -> int:
    """How many combinations a grid has."""
    return prod(len(each.choices) for each in space)
