"""Builds a component from its block of a resolved recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantk.components import registry as registry_module
from gantk.components import schedules
from gantk.components.annotations import Nested
from gantk.components.carried import carry
from gantk.components.registry import Declared, Registry, installed_registry
from gantk.components.signature import Parameter, asked_for, parameters, supplied
from gantk.components.validate import fill
from gantk.errors import ComponentError, GantkError, RecipeError
from gantk.messages import with_article
from gantk.plugin import INTERFACES

DERIVED = ("loss", "metric", "view", "objective", "callback")
"""Kinds whose components derive from their class in `gantk.interfaces`; those of others are any that fit."""


def build(declared: Declared, values: Mapping[str, Any], *, registry: Registry | None = None, **available: Any) -> Any:
    """An instance of a component.

    Args:
        declared: which one.
        values: its parameters, as a recipe has them; `use` may stand among them.
        registry: where nested components come from; None: what is installed.
        available: what gantk supplies by name (spec, split, parameters, …): each component, nested ones included,
            is given what stands left of `*` in its signature.

    Raises:
        RecipeError: wrong parameters, or a ValueError that the component raised over them.
        ComponentError: it cannot be imported, or asks for what is not supplied.
    """
    registry = registry or registry_module.installed_registry()
    return _build(declared, fill(declared.kind, {**values, "use": declared.full}, registry), registry, available)


def _build(declared: Declared, values: Mapping[str, Any], registry: Registry, available: Mapping[str, Any]) -> Any:
    target = registry.load(declared)
    for name in asked_for(target):
        if name not in available:
            raise ComponentError(
                f"{declared.kind} '{declared.full}' asks for '{name}', which gantk does not supply to "
                f"{with_article(declared.kind)}; what the recipe supplies stands right of `*` in the signature"
            )
    given = {name: available[name] for name in supplied(target) if name in available}
    inner_spec = getattr(target, "inner_spec", None)
    if inner_spec is not None and "spec" in available:
        plain = {each.name: each.typed(values[each.name]) for each in parameters(target) if each.nested is None}
        available = {**available, "spec": inner_spec(available["spec"], **plain)}
    arguments = {each.name: _argument(each, values[each.name], registry, available) for each in parameters(target)}
    try:
        built = target(**given, **arguments)
    except GantkError:
        raise
    except ValueError as error:
        raise RecipeError(f"{declared.kind} '{declared.full}': {error}") from error
    if declared.kind in DERIVED and not any(
        kind == declared.kind and isinstance(built, base) for base, kind in INTERFACES.items()
    ):
        name = f"gantk.interfaces.{declared.kind.capitalize()}"
        raise ComponentError(
            f"{declared.kind} '{declared.full}' is not a {name}, which has the defaults of what it does not define: "
            f"derive its class from it, `class {type(built).__name__}({name})`"
        )
    if declared.kind in schedules.KINDS:
        carry(built, declared, {each.name: (each, values[each.name]) for each in parameters(target)})
    return built


def _argument(parameter: Parameter, value: Any, registry: Registry, available: Mapping[str, Any]) -> Any:
    place = parameter.nested
    if place is None:
        return parameter.typed(schedules.as_built(parameter.annotation, value))
    if value is None:
        return None
    if place.many:
        return [_nested(place, item, registry, available) for item in value]
    return _nested(place, value, registry, available)


def _nested(place: Nested, value: Mapping[str, Any], registry: Registry, available: Mapping[str, Any]) -> Any:
    if place.kind:
        return _build(registry.find(place.kind, value["use"]), value, registry, available)
    assert place.block is not None
    known = parameters(place.block)
    return place.block(**{each.name: _argument(each, value[each.name], registry, available) for each in known})


RESERVED = ("use", "name", "every", "require")
"""Keys of a component's block that are not its parameters (all but `use` only in an `evaluate` entry)."""


def component(kind: str, block: Mapping[str, Any], **supplied: Any) -> Any:
    """The component that a block names, built with its parameters, or their defaults, and what gantk supplies.

    Raises:
        RecipeError: wrong parameters, or a ValueError that the component raised over them.
        ComponentError: it cannot be imported, or asks for what is not supplied.
    """
    declared = installed_registry().find(kind, block["use"])
    values = {name: value for name, value in block.items() if name not in RESERVED}
    return build(declared, values, **supplied)


def resolved_component(kind: str, block: Mapping[str, Any], **supplied: Any) -> Any:
    """The same from a block of a resolved recipe, in which every value stands and has been checked.

    Raises:
        RecipeError: a ValueError that the component raised over its parameters.
        ComponentError: it cannot be imported, or asks for what is not supplied.
    """
    registry = installed_registry()
    return _build(registry.find(kind, block["use"]), block, registry, supplied)
