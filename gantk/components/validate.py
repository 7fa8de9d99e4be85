"""Components from recipes: their parameters checked, defaults filled in, and built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from gantk.components import registry as registry_module
from gantk.components import schedules
from gantk.components.annotations import Nested, SomeOf, marks
from gantk.components.registry import Registry
from gantk.components.signature import Parameter, parameters
from gantk.errors import ComponentError, RecipeError
from gantk.messages import did_you_mean, nearest, shown, with_article

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake in a recipe.

    Args:
        path: keys and indices that lead to what is at fault.
        message: what is wrong.
        hint: what to write instead, or "".
        at_key: whether the key at the end of `path` is at fault, and not its value.
        unknown: whether that is since nothing knows it.
    """

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False
    unknown: bool = False


def dotted(path: Path) -> str:
    """A path as users write it: ("evaluate", 0, "splits") -> "evaluate.0.splits"."""
    return ".".join(str(each) for each in path)


def find_problems(kind: str, values: Any, registry: Registry | None = None) -> list[Problem]:
    """All mistakes in a component as a recipe writes it.

    Args:
        kind: what kind of component is expected.
        values: {"use": "plugin/name", parameter: value, …}.
        registry: where components come from; None: what is installed.
    """
    reader = Reader(registry)
    reader.component(Nested(kind), plain(values), ())
    return reader.problems


def fill(kind: str, values: Any, registry: Registry | None = None) -> dict[str, Any]:
    """A component as a recipe writes it, with every default filled in.

    Raises:
        RecipeError: there are mistakes in it.
    """
    reader = Reader(registry)
    filled = reader.component(Nested(kind), plain(values), ())
    if reader.problems:
        lines = [f"{each.message}{f' ({each.hint})' if each.hint else ''}" for each in reader.problems]
        raise RecipeError("\n".join(lines))
    return filled


def plain(value: Any) -> Any:
    """A Python value as a recipe holds it: a path as text, a tuple as a list, a number of numpy as a number."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    return float(value) if isinstance(value, Real) and not isinstance(value, int) else value


class Reader:
    """Reads JSON-like values by the parameters they are for. Collects all problems instead of stopping at the first.

    Args:
        registry: where components come from; None: what is installed.
    """

    def __init__(self, registry: Registry | None = None):
        self.registry = registry or registry_module.installed_registry()
        self.problems: list[Problem] = []

    def add(self, path: Path, message: str, hint: str = "", at_key: bool = False) -> None:
        """Records one problem."""
        self.problems.append(Problem(path, message, hint, at_key))

    def component(self, place: Nested, values: Any, path: Path) -> dict[str, Any]:
        """A component: `use`, what may stand beside it, and its parameters, all filled in."""
        kind = place.kind or ""
        name = values.get("use") if isinstance(values, Mapping) else None
        if not isinstance(name, str):
            self._complain_of_use(kind, values, path)
            return {}
        try:
            declared = self.registry.find(kind, name)
            own = schedules.scheduled(kind, parameters(self.registry.load(declared)))
            beside = parameters(place.beside) if place.beside else ()
            for clash in {each.name for each in own} & {"use", *(each.name for each in beside)}:
                raise ComponentError(f"{kind} '{name}' has a parameter called '{clash}', which recipes reserve")
        except ComponentError as error:
            message, _, hint = str(error).partition("\n")
            self.add((*path, "use"), message, hint)
            return {}
        rest = {str(key): value for key, value in values.items() if key != "use"}
        filled = self.block((*beside, *own), rest, path, declared.full)
        for each in beside:
            if any(isinstance(mark, SomeOf) for mark in marks(each.annotation)) and filled.get(each.name):
                filled[each.name] = {
                    part: self.block(own, some, (*path, each.name, part), f"{each.name} of {declared.full}", some=True)
                    for part, some in filled[each.name].items()
                }
        return {"use": declared.full} | filled

    def _complain_of_use(self, kind: str, values: Any, path: Path) -> None:
        where = dotted(path) or f"the {kind}"
        if isinstance(values, Mapping) and "use" in values:
            self.add((*path, "use"), f"use must be the name of {with_article(kind)}, not {shown(values['use'])}")
        elif isinstance(values, Mapping):
            self.add(path, f"{where} does not say which {kind}", f"write use: plugin/name; {self._names(kind)}", True)
        elif isinstance(values, str):
            self.add(path, f"{where} must be a mapping with 'use', not {shown(values)}", f"write {{use: {values}}}")
        else:
            self.add(path, f"{where} must be a mapping with 'use', not {described(values)}", self._names(kind))

    def _names(self, kind: str) -> str:
        names = [declared.full for declared in self.registry.of_kind(kind)]
        return f"one of {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else f"no {kind} is installed"

    def block(
        self, known: Sequence[Parameter], values: Any, path: Path, title: str, *, some: bool = False
    ) -> dict[str, Any]:
        """A mapping whose keys are `known`, all filled in, or `some` as they are. `title` names it in messages."""
        if not isinstance(values, Mapping):
            self.add(path, f"{title} must be a mapping of keys, not {described(values)}")
            return {}
        names = [each.name for each in known]
        for key in values:
            if key not in names:
                hint = did_you_mean(key, names, f"keys are {', '.join(names)}" if names else "it has none")
                message = f"unknown key '{shown(key)[1:-1]}' in {title}"
                self.problems.append(Problem((*path, key), message, hint, at_key=True, unknown=True))
        filled = {}
        for each in known:
            if each.name in values:
                filled[each.name] = self.value(each, values[each.name], (*path, each.name))
            elif some:
                continue
            elif each.required:
                self.add(path, f"{title} needs '{each.name}'", f"{each.name}: {each.type_text}. {each.help}", True)
            else:
                filled[each.name] = self.value(each, each.default, (*path, each.name))
        return filled

    def value(self, parameter: Parameter, raw: Any, path: Path) -> Any:
        """One value, checked, converted to what its parameter wants, and JSON-like again."""
        place = parameter.nested
        if place is None:
            return self._plain_value(parameter, raw, path)
        if raw is None and (place.optional or (parameter.default is None and not parameter.required)):
            return None
        if not place.many:
            return self._nested_value(place, raw, path)
        if not isinstance(raw, list):
            self.add(path, f"{dotted(path)} must be a list, not {described(raw)}", "a list is written [a, b]")
            return []
        return [self._nested_value(place, item, (*path, index)) for index, item in enumerate(raw)]

    def _nested_value(self, place: Nested, raw: Any, path: Path) -> dict[str, Any]:
        if place.block is None:
            return self.component(place, raw, path)
        return self.block(parameters(place.block), raw, path, dotted(path))

    def _plain_value(self, parameter: Parameter, raw: Any, path: Path) -> Any:
        written = schedules.written(parameter.annotation, raw) if parameter.scheduled else {}
        before = len(self.problems)
        for place, item in written.items():
            written[place] = self._schedule(schedules.numbers_of(parameter.annotation)[place], item, (*path, *place))
        if len(self.problems) > before:
            return None
        for place, item in written.items():
            raw = schedules.put(raw, place, schedules.Schedule.of(item).greatest)
        value = self._number_or_text(parameter, raw, path)
        for place, item in written.items() if len(self.problems) == before else ():
            value = schedules.put(value, place, item)
        return value

    def _schedule(self, number: Any, raw: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """A schedule, all filled in, whose values are such numbers."""
        before = len(self.problems)
        keys = schedules.keys_of(number, raw.get("shape", "piecewise" if "points" in raw else "linear"))
        values = self.block(keys, raw, path, f"the schedule of {dotted(path)}")
        wrong = schedules.mistake_in(values, raw) if len(self.problems) == before else None
        if wrong:
            key, message, hint = wrong
            self.add((*path, key), f"the schedule of {dotted(path)} {message}", hint)
        return values

    def _number_or_text(self, parameter: Parameter, raw: Any, path: Path) -> Any:
        try:
            return parameter.read(raw)
        except ValidationError as error:
            mistakes = [(_followed(raw, each["loc"]), each) for each in error.errors()]
        except ValueError as error:  # from Python: something that no recipe can hold
            self.add(path, f"{dotted(path)} cannot be {shown(raw)}: {error}")
            return None
        if schedules.looks_like_one(raw):
            self.add(path, f"{dotted(path)} cannot follow a schedule", _why_not(parameter))
            return None
        places = {inside for inside, _ in mistakes}
        for inside in sorted(places, key=str):
            if any(inside[: len(other)] == other and inside != other for other in places):
                continue  # an alternative of a union; the place around it is reported
            own_words = [each["msg"] for found, each in mistakes if found == inside and each["type"] == "value_error"]
            item = "".join(f" item {each + 1}" if isinstance(each, int) else f" '{each}'" for each in inside)
            wrong = shown(_at(raw, inside))
            if own_words:
                message = f"{dotted(path)}: {own_words[0].removeprefix('Value error, ')}"
            elif inside:
                message = f"{dotted(path)} must be {parameter.type_text}, but{item} is {wrong}"
            else:
                message = f"{dotted(path)} must be {parameter.type_text}, not {wrong}"
            self.add((*path, *inside), message, _advice(parameter, raw) if not inside else "")
        return None


def described(value: Any) -> str:
    """What a value is, in words: 'a list', 'a mapping', or the value itself."""
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else shown(value)


def _followed(raw: Any, location: Sequence[str | int]) -> Path:
    """The part of pydantic's location that leads into `raw`; it also holds names of types, for unions."""
    path: list[str | int] = []
    for each in location:
        inside = each in raw if isinstance(raw, Mapping) else isinstance(raw, list) and each in range(len(raw))
        if inside:
            raw = _at(raw, (each,))
            path.append(each)
    return tuple(path)


def _at(raw: Any, path: Path) -> Any:
    for each in path:
        raw = raw[each]
    return raw


def _why_not(parameter: Parameter) -> str:
    """Why a parameter is no number that may follow a schedule."""
    fixed = schedules.why_fixed(parameter.annotation)
    said = f"it is {parameter.type_text}" if not schedules.numbers_of(parameter.annotation) else "write a number"
    return fixed or f"{said}; numbers of a loss or an optimiser do, and train.ema"


def _advice(parameter: Parameter, raw: Any) -> str:
    """What the author probably meant: a near reading of the value that the parameter does take."""
    for meant, text in _readings(parameter, raw):
        try:
            parameter.read(meant)
        except ValueError:
            continue
        return text
    return parameter.help


def _readings(parameter: Parameter, raw: Any) -> Iterator[tuple[Any, str]]:
    if isinstance(raw, str):
        bare = raw.replace("_", "")
        for number in (int, float):
            try:
                meant = number(bare)
            except ValueError:
                continue
            reason = "with '_' is text in YAML 1.2" if "_" in raw else "in quotes is text"
            yield meant, f"a number {reason}: write {bare}"
        if raw.lower() in ("yes", "on", "y", "no", "off", "n"):
            meant = raw.lower() in ("yes", "on", "y")
            yield meant, f"{shown(raw)} is text in YAML 1.2: write {shown(meant)}"
        near = nearest(raw, parameter.choices)
        if near:
            yield near, f"did you mean {shown(near)}?"
    elif isinstance(raw, float) and raw.is_integer():
        yield int(raw), f"write {int(raw)}"
    elif isinstance(raw, (int, float, bool)):
        yield shown(raw), f'write it in quotes: "{shown(raw)}"'
    yield [raw], f"a list is written with brackets: [{shown(raw)}]"
