"""The signature is the schema: what a component is built from, read from its signature and docstring.

Left of `*` stands what gantk supplies by name (`spec`, `split`, …), right of `*` what the recipe supplies. A class
whose `__init__` takes `**options` passes these on to its base class, and so has that one's parameters, too.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from gantk.components.annotations import Nested, Scheduled, choices, marks, nested, type_text
from gantk.components.docstrings import argument_help
from gantk.errors import ComponentError


@dataclass(frozen=True)
class Parameter:
    """One thing that the recipe may say about a component.

    Args:
        name: the key in the recipe.
        annotation: its Python type.
        type_text: the type in words: 'integer >= 1', '"nearest" | "transposed"', 'list of text', 'a loss'.
        default: what it is where the recipe says nothing (a JSON-like value); None where it is required.
        required: whether the recipe must say it.
        help: what the docstring's `Args:` say about it.
        scheduled: whether it is a number that may follow a schedule; see `gantk.components.schedules`.
    """

    name: str
    annotation: Any
    type_text: str
    default: Any
    required: bool
    help: str
    scheduled: bool = False

    @property
    def nested(self) -> Nested | None:
        """What it takes where that is a component or a block, else None."""
        return nested(self.annotation)

    @property
    def choices(self) -> list[str]:
        """The texts that its `Literal`s allow."""
        return list(choices(self.annotation))

    def typed(self, value: Any) -> Any:
        """A JSON-like value as what the annotation says: tuples, paths, floats.

        Raises:
            ValueError: it is not of this type (a pydantic ValidationError), or not JSON-like at all.
        """
        return copy.deepcopy(_typed(self.annotation, to_json(value)))  # nobody shares a list with somebody else

    def read(self, value: Any) -> Any:
        """A JSON-like value checked and converted, JSON-like again, paths absolute. Raises as `typed` does."""
        return to_plain(self.typed(value), _absolute)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of a plain value."""
        return _adapter(self.annotation).json_schema()


def supplied(target: Any) -> tuple[str, ...]:
    """The names left of `*`: what gantk supplies when it builds `target`."""
    return tuple(each.name for each in _positional(target))


def asked_for(target: Any) -> tuple[str, ...]:
    """Those of the supplied names that have no default: without them, `target` cannot be built."""
    return tuple(each.name for each in _positional(target) if each.default is inspect.Parameter.empty)


def _positional(target: Any) -> list[inspect.Parameter]:
    every = _signature(target).parameters.values()
    return [each for each in every if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]


def parameters(target: Any) -> tuple[Parameter, ...]:
    """The parameters right of `*`: what the recipe supplies.

    Raises:
        ComponentError: an annotation or a default that gantk cannot read from a recipe.
    """
    return _parameters(target)


@lru_cache(maxsize=1024)
def _parameters(target: Any) -> tuple[Parameter, ...]:
    owners = _owners(target)
    help_texts: dict[str, str] = {}
    named: dict[str, tuple[Any, inspect.Parameter]] = {}
    for owner in reversed(owners):  # what a class says goes before what its base class says
        help_texts |= argument_help(owner)
        every = _signature(owner).parameters.values()
        named |= {each.name: (owner, each) for each in every if each.kind is inspect.Parameter.KEYWORD_ONLY}
    found = []
    for owner, each in named.values():
        annotation = _evaluated(owner, each)
        required = each.default is inspect.Parameter.empty
        default = None if required else _default(owner, each)
        try:
            text = type_text(annotation)
            if nested(annotation) is None:
                adapter = _adapter(annotation)
                if not required:
                    default = to_plain(adapter.validate_json(to_json(default), strict=True))
        except (PydanticUserError, PydanticSchemaGenerationError, ValueError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise ComponentError(
                f"parameter '{each.name}' of {_title(target)}, annotated {each.annotation}"
                f"{'' if required else f' = {each.default!r}'}, cannot be read from a recipe: {reason}"
            ) from error
        follows = any(isinstance(mark, Scheduled) for mark in marks(annotation))
        found.append(Parameter(each.name, annotation, text, default, required, help_texts.get(each.name, ""), follows))
    return tuple(found)


def _owners(target: Any) -> list[Any]:
    """The target, and the base classes whose `__init__` are given the `**options` of the one before."""
    owners = [target]
    if inspect.isclass(target):
        initialised = [cls for cls in target.__mro__ if "__init__" in vars(cls) and cls is not object]
        for cls, base in pairwise(initialised):
            if all(each.kind is not inspect.Parameter.VAR_KEYWORD for each in _signature(cls).parameters.values()):
                break
            owners.append(base)
    return owners


def _title(target: Any) -> str:
    return f"{getattr(target, '__module__', '?')}:{getattr(target, '__qualname__', target)}"


def _signature(target: Any) -> inspect.Signature:
    try:
        return inspect.signature(target)
    except (TypeError, ValueError) as error:
        raise ComponentError(f"{_title(target)} has no signature: {error}") from error


def _evaluated(target: Any, parameter: inspect.Parameter) -> Any:
    """A parameter's annotation as a type. Only this one: others may need imports that only type checkers see."""
    if parameter.annotation is inspect.Parameter.empty:
        return Any
    function = inspect.unwrap(target.__init__ if inspect.isclass(target) else target)
    names = {**getattr(inspect.getmodule(target), "__dict__", {}), **getattr(function, "__globals__", {})}
    holder = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    try:
        return typing.get_type_hints(holder, names, include_extras=True)[parameter.name]
    except Exception as error:  # anything can stand in an annotation
        raise ComponentError(
            f"parameter '{parameter.name}' of {_title(target)}: its annotation {parameter.annotation!r} cannot be "
            f"evaluated: {error}"
        ) from error


def _default(target: Any, parameter: inspect.Parameter) -> Any:
    if dataclasses.is_dataclass(target):
        for each in dataclasses.fields(target):
            if each.name == parameter.name and each.default_factory is not dataclasses.MISSING:
                return to_plain(each.default_factory())
    return to_plain(parameter.default)


@lru_cache(maxsize=4096)
def _typed(annotation: Any, text: str) -> Any:
    """A value parsed and validated by pydantic; cached, since reading a recipe and building from it both ask."""
    return _adapter(annotation).validate_json(text, strict=True)


@lru_cache(maxsize=4096)
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation, config=ConfigDict(strict=True, allow_inf_nan=False))


def to_plain(value: Any, path_text: Callable[[Path], str] = str) -> Any:
    """A value as JSON-like data: lists for tuples, text for paths."""
    if isinstance(value, Path):
        return path_text(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item, path_text) for item in value]
    if isinstance(value, dict):
        return {str(key): to_plain(item, path_text) for key, item in value.items()}
    return value.value if isinstance(value, Enum) else value


def _absolute(path: Path) -> str:
    return str(path.expanduser().absolute())  # relative to the working directory


def to_json(value: Any) -> str:
    """JSON text of a JSON-like value. Raises ValueError where it is none."""
    try:
        return json.dumps(value, allow_nan=False)
    except TypeError as error:
        raise ValueError(str(error)) from error
