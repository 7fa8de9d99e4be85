"""Rules of numbers that recipes may let follow a schedule: those of losses and optimisers, set before each step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from gantk.components.schedules import scheduled
from gantk.components.signature import Parameter, parameters
from gantk.testing.rule import demand, rule
from gantk.testing.rules.losses import sides, terms_of, with_any
from gantk.testing.rules.own_nets import play_of, real_batch
from gantk.testing.rules.resuming import differing, optimise, optimised
from gantk.testing.subject import Subject
from gantk.training import State

TRIED = (0.3, 0.05, 0.7, 1.5, 0.0)


def _numbers(subject: Subject) -> Iterator[tuple[Parameter, Any, Any]]:
    """Parameters that may follow a schedule, each with two values that it takes, the first its default."""
    for each in scheduled(subject.declared.kind, parameters(subject.target)):
        if not each.scheduled:
            continue
        usual = subject.given.get(each.name, each.default)
        for other in [[number, number] for number in TRIED] if isinstance(usual, list) else TRIED:
            try:
                if usual is not None and each.read(other) != each.read(usual):
                    yield each, each.typed(usual), each.typed(other)
                    break
            except ValueError:
                continue


def _with(subject: Subject, parameter: Parameter, value: Any) -> Subject:
    """The same component with another value of one parameter."""
    said = {f"{subject.declared.kind}/{subject.declared.name}": {**subject.given, parameter.name: value}}
    plugin = dataclasses.replace(subject.plugin, parameters={**subject.plugin.parameters, **said})
    return dataclasses.replace(subject, plugin=plugin, found={})


@rule(
    "schedules",
    "loss",
    says="A number of its parameters that it keeps as an attribute of the same name is read at each update, so that it "
    "may follow a schedule; else it is kept under another name, or annotated `Fixed`.",
)
def of_losses(subject: Subject) -> None:
    """Terms of a loss that is told a number, and of one that is built with it."""
    for parameter, usual, other in _numbers(subject):
        found = []
        for built_with in (usual, other):
            match = with_any(_with(subject, parameter, built_with))
            if not hasattr(match.loss, parameter.name):
                break
            kept = getattr(match.loss, parameter.name)
            if isinstance(kept, torch.Tensor):
                kept.fill_(other)
            else:
                setattr(match.loss, parameter.name, other)
            terms: dict[str, float] = {}
            for side in sides(subject):
                torch.manual_seed(3)
                made = terms_of(match.loss, side, play_of(match, side, real_batch(match)))
                terms |= {name: value.item() for name, value in made.items()}
            found.append(terms)
        if len(found) == 2:
            told, built = found
            what = f"the terms of a loss that is built with {parameter.name}={other}"
            demand(told == built, f"{what}: {built}", f"{told} where it is set to that later")


def _groups(state: State) -> list[dict[str, Any]]:
    assert state.critic_optimizer is not None  # `optimised` always has one
    return state.critic_optimizer.param_groups


@rule(
    "schedules",
    "optimizer",
    says="A number of its parameters that stands in `param_groups` under the same name may be set there between "
    "updates, so that it may follow a schedule; else it stands there under another name, or is annotated `Fixed`.",
)
def of_optimizers(subject: Subject) -> None:
    """Steps of an optimiser that is told a number, and of one that is built with it; and to and fro."""
    for parameter, usual, other in _numbers(subject):
        told, built = optimised(_with(subject, parameter, usual)), optimised(_with(subject, parameter, other))
        groups = _groups(told)
        if not all(parameter.name in group for group in groups):
            continue
        for group in groups:
            group[parameter.name] = other
        for state in (told, built):
            optimise(state, range(3))
        wrong = differing(told, built)
        what = f"the steps of an optimizer that is built with {parameter.name}={other}"
        demand(not wrong, what, f"others where param_groups says it: {wrong[:4]}")
        for values in ((usual, other), (other, usual)):
            changing = optimised(_with(subject, parameter, values[0]))
            for number, value in enumerate(values):
                for group in _groups(changing):
                    group[parameter.name] = value
                try:
                    optimise(changing, range(number, number + 1))
                except (KeyError, RuntimeError, TypeError, ValueError) as error:
                    demand(False, f"steps while {parameter.name} goes from {values[0]} to {values[1]}", repr(error))
