"""The blocks of a sweep file, each field with its type, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from pydantic import Field

from gantk.components.annotations import SomeOf

Positive = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class ObjectiveBlock:
    """What a good trial has much, or little, of.

    Args:
        value: `entry.value`: an entry of the recipe's `evaluate`, a dot, the name of its value. It is measured on the
            validation split: at the last step, and where the entry has `every` also on the way.
        direction: whether much of it is good.
    """

    value: Annotated[str, Field(pattern=r"^[^.]+\..+$")]
    direction: Literal["maximize", "minimize"]


@dataclass(frozen=True, kw_only=True)
class SweepBlocks:
    """A sweep: what is tried, and by what it is chosen.

    Args:
        about: what is asked, in a sentence.
        recipe: a recipe file, or the name of a shipped one.
        overrides: keys of the recipe that are other in every trial: {train.steps: 600}.
        space: what is tried: dotted key of the recipe to {loguniform: [low, high]}, {uniform: [low, high]},
            {int: [low, high]} or {choice: [...]}; `step` beside int, `times: KEY` beside a range or a choice of
            numbers (the value is a factor on that key), `when: {KEY: VALUE}` beside any (tried only where an earlier
            key of the space has that value).
        objectives: one or two.
        sampler: tpe (Bergstra 2011), random, or grid (every combination of choices); for two objectives tpe, random or
            nsga2 (Deb 2002).
        pruner: what ends trials early that do worse than others did at the same step, where the objective's entry has
            `every` and there is one objective: median, or hyperband (Li 2018).
        trials: how many at most, by all workers together; null: as many as `minutes` allow.
        minutes: no trial begins later than so many minutes after a worker's start; null: no limit.
        seeds: how many seeds each trial is run with; its objective is their mean. Pruning looks at the first.
        seed: of the sampler, and the first of the trials' seeds.
    """

    about: str = ""
    recipe: str
    overrides: Annotated[dict[str, Any], SomeOf()] = field(default_factory=dict)
    space: Annotated[dict[str, Any], SomeOf()]
    objectives: list[ObjectiveBlock]
    sampler: Literal["tpe", "random", "grid", "nsga2"] = "tpe"
    pruner: Literal["none", "median", "hyperband"] = "none"
    trials: Positive | None = None
    minutes: Annotated[float, Gt(0)] | None = None
    seeds: Positive = 1
    seed: Annotated[int, Ge(0)] = 0
