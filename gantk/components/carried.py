"""What a loss or an optimiser carries that was built from schedules: the numbers that are set before each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gantk.components.registry import Declared
from gantk.components.schedules import Span, value_in_step, written
from gantk.components.signature import Parameter
from gantk.errors import DoesNotFit

NAME = "_numbers_by_step"
"""The attribute of a loss, or the key of a parameter group, that holds them."""


@dataclass(frozen=True)
class Carried:
    """A parameter that follows a schedule.

    Args:
        parameter: which one.
        value: as a resolved recipe has it: a schedule, or a list with schedules in it.
    """

    parameter: Parameter
    value: Any

    def at(self, step: int, span: Span) -> Any:
        """What it is in a step, as the component is given it."""
        return self.parameter.typed(value_in_step(self.parameter.annotation, self.value, step, span))


def carry(built: Any, declared: Declared, given: Mapping[str, tuple[Parameter, Any]]) -> None:
    """Notes at a loss or an optimiser which of its numbers follow a schedule.

    Args:
        built: the loss or the optimiser.
        declared: which one it is.
        given: its parameters, and what a resolved recipe says of each.

    Raises:
        DoesNotFit: it does not keep such a number where it can be set.
    """
    found = {
        name: Carried(parameter, value)
        for name, (parameter, value) in given.items()
        if written(parameter.annotation, value)
    }
    groups = getattr(built, "param_groups", None)
    for name in found:
        if groups is None and not hasattr(built, name):
            raise DoesNotFit(
                f"loss '{declared.full}' does not keep '{name}' as an attribute of that name, so it cannot follow a "
                "schedule: write a number"
            )
        if groups is not None and not all(name in group for group in groups):
            raise DoesNotFit(
                f"optimizer '{declared.full}' has no '{name}' in its param_groups, so it cannot follow a schedule: "
                "write a number"
            )
    if found:
        setattr(built, NAME, found if groups is None else [dict(found) for _ in groups])


def carried_by(component: Any) -> Any:
    """What `carry` noted: name to `Carried` of a loss; a list of such, one for each group, of an optimiser."""
    groups = getattr(component, "param_groups", None)
    return getattr(component, NAME, {} if groups is None else [{} for _ in groups])
