"""What data sets offer to `gantk inspect`: inspectors, and the options that they add. Imports nothing heavy."""

from __future__ import annotations

import inspect
import types
import typing
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gantk.components.annotations import choices
from gantk.components.docstrings import argument_help
from gantk.components.registry import installed_registry
from gantk.errors import GantkError

if TYPE_CHECKING:
    from gantk.interfaces import Inspector


@dataclass(frozen=True)
class InspectOption:
    """An option that inspectors add to the command.

    Args:
        name: the parameter.
        choices: the texts that it takes; (): any text.
        help: what the docstring says of it.
        owners: full names of the data sets whose inspectors have it.
    """

    name: str
    choices: tuple[str, ...]
    help: str
    owners: tuple[str, ...]


def inspectors() -> dict[str, Inspector]:
    """Those that can be asked, by the full name of their data set; a plugin that cannot be imported has none."""
    found: dict[str, Inspector] = {}
    for declared in installed_registry().of_kind("dataset"):
        if declared.inspector:
            with suppress(GantkError):
                found[declared.full] = installed_registry().load(replace(declared, target=declared.inspector))
    return found


def option_names(inspector: Inspector) -> list[str]:
    """The keyword-only parameters of its `inspect`."""
    every = inspect.signature(inspector.inspect).parameters.values()
    return [each.name for each in every if each.kind is inspect.Parameter.KEYWORD_ONLY]


def inspect_options() -> dict[str, InspectOption]:
    """The options that inspectors add to the command, by name."""
    found: dict[str, InspectOption] = {}
    for owner, inspector in inspectors().items():
        names = dict(vars(inspect.getmodule(inspector.inspect)))
        texts = argument_help(inspector.inspect)
        for name in option_names(inspector):
            holder = types.SimpleNamespace(__annotations__={name: inspector.inspect.__annotations__[name]})
            annotation = typing.get_type_hints(holder, names)[name]  # of this one: others are for type checkers
            known = found.get(name)
            owners = (owner,) if known is None else (*known.owners, owner)
            allowed = tuple(choices(annotation)) if known is None else known.choices
            found[name] = InspectOption(name, allowed, texts.get(name, ""), owners)
    return found
