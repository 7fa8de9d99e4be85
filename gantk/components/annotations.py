"""Python annotations as recipes need them: which take a component, and what a type is called in words."""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types

from gantk.messages import with_article
from gantk.plugin import INTERFACES

TORCH_MODULE = ("torch.nn.modules.module", "Module")  # by name, so that this module needs no torch


@dataclass(frozen=True)
class Kind:
    """Marks a parameter that takes a component: `Annotated[Any, Kind("optimizer")]`, where no interface says so.

    Args:
        name: the kind of the component.
        beside: a dataclass whose fields may stand beside `use`, apart from the component's own parameters.
    """

    name: str
    beside: type | None = None


@dataclass(frozen=True)
class Scheduled:
    """Marks a number of a block that may follow a schedule, as those of losses and optimisers may."""


@dataclass(frozen=True)
class Fixed:
    """Marks a number of a loss or an optimiser that may not follow a schedule: `Annotated[float, Fixed("…")]`.

    Args:
        why: what messages say of it: "layers are built by it".
    """

    why: str


@dataclass(frozen=True)
class SomeOf:
    """Marks a field beside `use` that maps names to some of the component's own parameters, each with a value."""


@dataclass(frozen=True)
class Nested:
    """What a parameter takes that is not a plain value.

    Args:
        kind: the kind of component it takes, or None where it takes a block.
        block: the keyword-only dataclass that says what keys the block has, or None.
        beside: see `Kind`.
        many: whether it takes a list of them.
        optional: whether it takes null.
    """

    kind: str | None = None
    block: type | None = None
    beside: type | None = None
    many: bool = False
    optional: bool = False


def nested(annotation: Any) -> Nested | None:
    """What an annotation takes that is not a plain value: a component, a block, a list of them; else None.

    Raises:
        TypeError: a union of a component or a block with anything but None.
    """
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        for mark in arguments[1:]:
            if isinstance(mark, Kind):
                return Nested(kind=mark.name, beside=mark.beside)
        return nested(arguments[0])
    if origin in (Union, types.UnionType):
        inner = [nested(each) for each in arguments if each is not type(None)]
        found = [each for each in inner if each is not None]
        if found and len(inner) > 1:
            raise TypeError("a component cannot share a parameter with other types")
        return dataclasses.replace(found[0], optional=True) if found else None
    if inspect.isclass(origin) and issubclass(origin, Sequence) and arguments:
        element = nested(arguments[0])
        return dataclasses.replace(element, many=True) if element else None
    if inspect.isclass(annotation) and origin is None:
        for base in annotation.__mro__:
            kind = INTERFACES.get(base) or ("net" if (base.__module__, base.__name__) == TORCH_MODULE else None)
            if kind:
                return Nested(kind=kind)
        if dataclasses.is_dataclass(annotation):
            return Nested(block=annotation)
    return None


PLAIN_TYPES: dict[Any, str] = {
    bool: "true | false",
    int: "integer",
    float: "number",
    str: "text",
    Path: "path",
    type(None): "null",
    Any: "any value",
    list: "list",
    tuple: "list",
    dict: "mapping",
}


def type_text(annotation: Any) -> str:
    """An annotation in words for people: 'integer >= 1', '"nearest" | "transposed"', 'list of text', 'a loss'."""
    inside = nested(annotation)
    if inside is not None:
        what = with_article(inside.kind) if inside.kind else "mapping"
        what = f"list, each {what}" if inside.many else what
        return f"{what} | null" if inside.optional else what
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Annotated:
        words = " and ".join(dict.fromkeys(_constraints(arguments[1:])))  # pydantic's Field says some twice
        return f"{type_text(arguments[0])} {words}".strip()
    if origin is Literal:
        return " | ".join(json.dumps(each, default=str) for each in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(type_text(each) for each in arguments)
    if origin is tuple and Ellipsis not in arguments:
        texts = [type_text(each) for each in arguments]
        if len(set(texts)) == 1:
            return f"list of {len(texts)}, each {texts[0]}"
        return f"list of {len(texts)}: {', '.join(texts)}"
    if inspect.isclass(origin) and issubclass(origin, (Sequence, set, frozenset)):
        return f"list of {_grouped(arguments[0])}"
    if inspect.isclass(origin) and issubclass(origin, Mapping) and len(arguments) == 2:
        return f"mapping of {_grouped(arguments[0])} to {_grouped(arguments[1])}"
    return PLAIN_TYPES.get(annotation) or str(getattr(annotation, "__name__", annotation))


def marks(annotation: Any) -> Iterator[Any]:
    """What stands in the `Annotated`s of an annotation beside the types, at any depth."""
    for number, each in enumerate(get_args(annotation)):
        if get_origin(annotation) is Annotated and number:
            yield each
        else:
            yield from marks(each)


def choices(annotation: Any) -> Iterator[str]:
    """The texts that the `Literal`s of an annotation allow."""
    for each in get_args(annotation):
        if get_origin(annotation) is Literal:
            if isinstance(each, str):
                yield each
        else:
            yield from choices(each)


def _grouped(annotation: Any) -> str:
    text = type_text(annotation)
    return f"({text})" if " | " in text else text


def _constraints(marks: Sequence[Any]) -> Iterator[str]:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    for mark in marks:
        if isinstance(mark, annotated_types.GroupedMetadata):  # Interval, Len
            yield from _constraints(list(mark))
        for name, sign in signs.items():
            if isinstance(mark, annotated_types.BaseMetadata) and getattr(mark, name, None) is not None:
                yield f"{sign} {getattr(mark, name)}"
        if isinstance(mark, annotated_types.MultipleOf):
            yield f"that is a multiple of {mark.multiple_of}"
        if isinstance(mark, annotated_types.MinLen) and mark.min_length:
            yield f"with at least {mark.min_length}"
        if isinstance(mark, annotated_types.MaxLen):
            yield f"with at most {mark.max_length}"
        if getattr(mark, "pattern", None):
            yield f"like {mark.pattern}"
        if hasattr(mark, "metadata"):  # pydantic's Field(…)
            yield from _constraints(mark.metadata)
