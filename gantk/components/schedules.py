"""Schedules: a number that changes over the run, a function of the step alone; written where the number stands."""

from __future__ import annotations

import math
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, MinLen

from gantk.components.annotations import Fixed, marks, type_text
from gantk.components.signature import Parameter

KINDS = ("loss", "optimizer")
"""Kinds of component whose numbers may follow a schedule; `Scheduled` marks those of a block."""

KEYS = ("from", "to", "shape", "over", "by", "points")
Place = tuple[int, ...]
"""Where a number stands in a value: () itself, (1,) the second of a list of numbers of their own."""


@dataclass(frozen=True)
class Span:
    """What a schedule measures a step by.

    Args:
        steps: of the whole run.
        samples: what the critic sees in a step, or without one the generator's side, as `train.epochs` counts it.
    """

    steps: int
    samples: int


@dataclass(frozen=True)
class Schedule:
    """A number over a run.

    Args:
        shape: "linear", "cosine" or "exponential" from the first point to the last; "piecewise": straight lines.
        by: what positions count: "share" of the run, "steps", or "samples" that the critic has seen.
        points: (position, value), positions rising; before the first and behind the last the value stays.
    """

    shape: str
    by: str
    points: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Schedule:
        """The schedule that a resolved recipe writes."""
        points = values.get("points") or [[0.0, values["from"]], [values["over"], values["to"]]]
        return cls(values["shape"], values["by"], tuple((position, value) for position, value in points))

    @property
    def greatest(self) -> float:
        """Its value that is farthest from 0, which often switches something off."""
        return max((value for _, value in self.points), key=abs)

    def at(self, step: int, span: Span) -> float:
        """The value that holds in a step, counted from 0."""
        position = {"share": step / span.steps, "steps": step, "samples": step * span.samples}[self.by]
        passed = [index for index, (start, _) in enumerate(self.points) if start <= position]
        if not passed or passed[-1] == len(self.points) - 1:
            return self.points[-1 if passed else 0][1]
        (start, first), (end, last) = self.points[passed[-1] : passed[-1] + 2]
        share = (position - start) / (end - start)
        if self.shape == "exponential":
            found = first * (last / first) ** share
        else:
            share = (1 - math.cos(math.pi * share)) / 2 if self.shape == "cosine" else share
            found = first + (last - first) * share
        return min(max(found, min(first, last)), max(first, last))  # rounding does not leave the range

    def __str__(self) -> str:
        ends = " to ".join(f"{value:g}" for _, value in self.points)
        return f"{ends}, {self.shape}"


def is_resolved(value: Any) -> bool:
    """Whether a value of a resolved recipe is a schedule."""
    return isinstance(value, Mapping) and set(value) in ({*KEYS} - {"points"}, {"shape", "by", "points"})


def looks_like_one(raw: Any) -> bool:
    """Whether somebody probably meant a schedule."""
    return isinstance(raw, Mapping) and not {*KEYS}.isdisjoint(raw) and "use" not in raw


def found_in(values: Any, path: str = "") -> Iterator[tuple[str, Schedule]]:
    """(dotted path, schedule) of all schedules in a resolved recipe."""
    if is_resolved(values):
        yield path, Schedule.of(values)
    elif isinstance(values, Mapping | list):
        items: Iterable[tuple[Any, Any]] = values.items() if isinstance(values, Mapping) else enumerate(values)
        for key, item in items:
            yield from found_in(item, f"{path}.{key}" if path else str(key))


def number_of(annotation: Any) -> Any:
    """What an annotation says of a real number, its range included; None where it takes none."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return annotation if number_of(arguments[0]) is float else number_of(arguments[0])
    if origin in (Union, types.UnionType):
        return next((found for found in map(number_of, arguments) if found is not None), None)
    return float if annotation is float else None


def numbers_of(annotation: Any) -> dict[Place, Any]:
    """Where in a value real numbers stand, and what is said of each: of one number, or of a list of a fixed length."""
    one = number_of(annotation)
    if one is not None:
        return {(): one}
    inner = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if get_origin(inner) is tuple and Ellipsis not in get_args(inner):
        entries = enumerate(map(number_of, get_args(inner)))
        return {(index,): number for index, number in entries if number is not None}
    return {}


def scheduled(kind: str | None, known: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The parameters of a component, those marked that may follow a schedule.

    Args:
        kind: of the component.
        known: its parameters.
    """
    if kind not in KINDS:
        return tuple(known)
    return tuple(
        replace(each, scheduled=bool(numbers_of(each.annotation)) and not why_fixed(each.annotation)) for each in known
    )


def why_fixed(annotation: Any) -> str:
    """Why a number may not follow a schedule, as its author says by `Fixed`; "" where nothing is said."""
    return next((mark.why for mark in marks(annotation) if isinstance(mark, Fixed)), "")


def written(annotation: Any, value: Any) -> dict[Place, Any]:
    """The mappings in a value that stand where a number would, by their places."""
    entries: dict[Place, Any] = {(): value}
    if isinstance(value, list):
        entries |= {(index,): item for index, item in enumerate(value)}
    numbers = numbers_of(annotation)
    return {place: item for place, item in entries.items() if isinstance(item, Mapping) and place in numbers}


def put(value: Any, place: Place, item: Any) -> Any:
    """The value with something else at a place."""
    return item if not place else [*value[: place[0]], item, *value[place[0] + 1 :]]


def as_built(annotation: Any, value: Any) -> Any:
    """A resolved value as a component is built with it: of a schedule, its value that is farthest from 0."""
    for place, item in written(annotation, value).items():
        value = put(value, place, Schedule.of(item).greatest)
    return value


def value_in_step(annotation: Any, value: Any, step: int, span: Span) -> Any:
    """A resolved value as it is in a step."""
    for place, item in written(annotation, value).items():
        value = put(value, place, Schedule.of(item).at(step, span))
    return value


Shape = Literal["linear", "cosine", "exponential", "piecewise"]
By = Literal["share", "steps", "samples"]
BY = "share of the run (0 to 1), steps, or samples that the critic has seen"


def keys_of(number: Any, shape: Any) -> list[Parameter]:
    """The keys that a schedule of this shape has.

    Args:
        number: the annotation of the number, whose range holds for all values.
        shape: what the recipe says.
    """
    positions = Annotated[float, Ge(0)]
    points = Annotated[list[tuple[positions, number]], MinLen(2)]
    over = Annotated[float, Gt(0)]

    def key(name: str, annotation: Any, meaning: str, default: Any = None) -> Parameter:
        return Parameter(name, annotation, type_text(annotation), default, default is None, meaning)

    form = key("shape", Shape, "how it goes from one value to the next", shape if shape == "piecewise" else "linear")
    by = key("by", By, f"what is counted: {BY}", "share")
    if shape == "piecewise":
        return [key("points", points, "[position, value], and straight lines between them"), form, by]
    start, end = key("from", number, "the value at the start"), key("to", number, "the value at the end")
    return [start, end, form, key("over", over, "where `to` is reached, in what `by` counts", 1.0), by]


def mistake_in(values: Mapping[str, Any], raw: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """What is wrong with a schedule whose keys are right: (key, message, hint), or None.

    Args:
        values: all keys, filled in.
        raw: those that were given.
    """
    numbers = [value for _, value in Schedule.of(values).points]
    positions = [position for position, _ in Schedule.of(values).points]
    key = "points" if "points" in values else "over"
    if values["by"] == "share" and positions[-1] > 1:
        what = "ends" if key == "points" else "lasts"
        return key, f"{what} at a share of {positions[-1]:g} of the run, of which 1 is the whole", "write by: steps"
    if values["by"] != "share" and key == "over" and "over" not in raw:
        return "by", f"counts {values['by']}, and does not say how many", "write over: 1000"
    if positions != sorted(positions):
        return key, "goes back: positions must rise", "write them in their order"
    if values["shape"] == "exponential" and min(numbers) * max(numbers) <= 0:
        return "shape", "is exponential, which needs two values of one sign, neither 0", "write shape: cosine"
    return None


def with_schedule(schema: dict[str, Any], parameter: Parameter) -> dict[str, Any]:
    """JSON Schema of a number, or of a list of numbers, that may follow a schedule.

    Args:
        schema: that of the plain value.
        parameter: what it is of.
    """
    if () not in numbers_of(parameter.annotation):
        items = [_or_schedule(each) for each in schema.get("prefixItems", [])]
        return {**schema, "prefixItems": items}
    return _or_schedule(schema)


def _or_schedule(schema: dict[str, Any]) -> dict[str, Any]:
    number = next((each for each in schema.get("anyOf", [schema]) if each.get("type") == "number"), {"type": "number"})
    number = {key: value for key, value in number.items() if key not in ("title", "default")}
    shapes = {"enum": [*get_args(Shape)], "default": "linear"}
    by = {"enum": [*get_args(By)], "default": "share", "description": f"What is counted: {BY}."}
    point = {"type": "array", "prefixItems": [{"type": "number", "minimum": 0}, number], "minItems": 2, "maxItems": 2}
    over = {"type": "number", "exclusiveMinimum": 0, "default": 1.0}
    ramp = {"from": number, "to": number, "shape": shapes, "over": over, "by": by}
    steps = {"points": {"type": "array", "items": point, "minItems": 2}, "shape": {"const": "piecewise"}, "by": by}
    others = [
        {"type": "object", "properties": ramp, "required": ["from", "to"], "additionalProperties": False},
        {"type": "object", "properties": steps, "required": ["points"], "additionalProperties": False},
    ]
    return {"anyOf": [*schema.get("anyOf", [schema]), *others]}
