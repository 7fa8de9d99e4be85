"""JSON Schema of recipes, for editors: completion, checks and help while a recipe is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gantk.components.annotations import Nested, SomeOf, marks
from gantk.components.registry import Declared, Registry
from gantk.components.schedules import scheduled, with_schedule
from gantk.components.signature import Parameter, parameters
from gantk.errors import ComponentError
from gantk.recipe.blocks import Blocks

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(registry: Registry) -> Schema:
    """JSON Schema (draft 2020-12) of whole recipes, with all installed components and their parameters."""
    writer = _Writer(registry)
    recipe = writer.block(parameters(Blocks))
    recipe["properties"]["train"]["anyOf"] = [{"required": ["steps"]}, {"required": ["epochs"]}]
    recipe["required"].append("train")
    about = {"$schema": DRAFT, "title": "gantk recipe", "description": "One complete run."}
    return about | recipe | {"$defs": writer.definitions}


def component_schema(kind: str, registry: Registry) -> Schema:
    """JSON Schema of one component of a kind, as a recipe writes it."""
    writer = _Writer(registry)
    reference = writer.component(Nested(kind))
    return {"$schema": DRAFT} | reference | {"$defs": writer.definitions}


class _Writer:
    """Writes schemas; each kind of component becomes a definition, written when it is first referred to."""

    def __init__(self, registry: Registry):
        self.registry = registry
        self.definitions: dict[str, Schema] = {}

    def component(self, place: Nested) -> Schema:
        """A reference to the definition of a kind, with what may stand beside `use` at this place."""
        name = f"{place.kind}{'' if place.beside is None else '_entry'}"
        if name not in self.definitions:
            self.definitions[name] = {}  # a component may hold components of its own kind
            beside = parameters(place.beside) if place.beside else ()
            self.definitions[name] |= self._kind(place.kind or "", beside)
        return {"$ref": f"#/$defs/{name}"}

    def _kind(self, kind: str, beside: Sequence[Parameter]) -> Schema:
        choices: list[Schema] = []
        rules: list[Schema] = []
        for declared in self.registry.of_kind(kind):
            choices.append({"const": declared.full, "description": declared.summary})
            chosen: Schema = {"properties": {"use": {"const": declared.full}}, "required": ["use"]}
            rules.append({"if": chosen, "then": self._parameters(declared, beside)})
        use: Schema = {"type": "string", "description": f"Which {kind}: plugin/name."}
        if choices:
            use["oneOf"] = choices
        else:
            use["not"] = {}  # nothing of this kind is installed
        schema: Schema = {"type": "object", "required": ["use"], "properties": {"use": use}}
        return schema | ({"allOf": rules} if rules else {})

    def _parameters(self, declared: Declared, beside: Sequence[Parameter]) -> Schema:
        try:
            own = scheduled(declared.kind, parameters(self.registry.load(declared)))
        except ComponentError:
            return {}  # it cannot be loaded here: nothing is known of its parameters
        schema = self.block((*beside, *own))
        for each in beside:
            if any(isinstance(mark, SomeOf) for mark in marks(each.annotation)):
                schema["properties"][each.name]["additionalProperties"] = self.block(own) | {"required": []}
        schema["properties"]["use"] = True
        return schema

    def block(self, known: Sequence[Parameter]) -> Schema:
        """A mapping whose keys are `known`."""
        return {
            "type": "object",
            "properties": {each.name: self.parameter(each) for each in known},
            "required": [each.name for each in known if each.required],
            "additionalProperties": False,
        }

    def parameter(self, parameter: Parameter) -> Schema:
        """One value, with its meaning and its default."""
        schema = self._nested(parameter.nested) if parameter.nested else self._plain(parameter)
        if parameter.scheduled:
            schema = with_schedule(schema, parameter)
        if parameter.help:
            schema["description"] = parameter.help
        if not parameter.required:
            schema["default"] = parameter.default
        return schema

    def _nested(self, place: Nested) -> Schema:
        inner = self.block(parameters(place.block)) if place.block else self.component(place)
        if place.many:
            inner = {"type": "array", "items": inner}
        return {"anyOf": [inner, {"type": "null"}]} if place.optional else inner

    def _plain(self, parameter: Parameter) -> Schema:
        schema: Schema = parameter.schema()
        schema.pop("title", None)
        schema.pop("default", None)
        for name, definition in schema.pop("$defs", {}).items():
            unique = re.sub(r"\W", "_", f"{parameter.name}_{name}")
            self.definitions[unique] = definition
            schema = _renamed(schema, f"#/$defs/{name}", f"#/$defs/{unique}")
        return schema


def _renamed(schema: Any, old: str, new: str) -> Any:
    if isinstance(schema, dict):
        return {
            key: new if key == "$ref" and value == old else _renamed(value, old, new) for key, value in schema.items()
        }
    return [_renamed(each, old, new) for each in schema] if isinstance(schema, list) else schema
