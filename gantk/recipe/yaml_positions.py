"""YAML as recipes use it: YAML 1.2 scalars, no anchors, no tags; every value knows its line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from gantk.files.text import LARGEST
from gantk.messages import printable
from gantk.recipe.diagnostics import LINE_BREAK, Mistake, Node, Source, Spot

MOST_VALUES = 20_000
DEEPEST = 40

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
WORDS = {"": None, "~": None} | {
    each: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for each in (word, word.capitalize(), word.upper())
}


def compose(source: Source) -> tuple[Node | None, list[Mistake]]:
    """The values of a YAML text, and what is wrong with it. None where it cannot be read at all."""
    if len(source.text) > LARGEST:
        spot = Spot(source)
        return None, [Mistake(spot, f"larger than {LARGEST:,} characters: this is not a recipe")]
    composer = _Composer(source)
    return composer.compose(), composer.mistakes


class _Stop(Exception):
    """Ends the reading of a text after a mistake."""


class _Composer:
    """Builds nodes from PyYAML's events, which come one by one: nothing is built that the limits forbid."""

    def __init__(self, source: Source):
        self.source = source
        self.mistakes: list[Mistake] = []
        self.count = 0
        self.events: Iterator[Any] = iter(())

    def compose(self) -> Node | None:
        yaml_text = self.source.text[self.source.offset :]
        try:
            self.events = yaml.parse(yaml_text, Loader=yaml.SafeLoader)
            root = self._document()
        except _Stop:
            return None
        except yaml.MarkedYAMLError as error:
            self._complain_of_syntax(error, yaml_text)
            return None
        except yaml.reader.ReaderError as error:
            before = LINE_BREAK.split(yaml_text[: error.position])
            spot = self._spot(len(before) - 1, len(before[-1]))
            self.mistakes.append(Mistake(spot, f"the character {_code(error.character)} is not allowed in YAML"))
            return None
        except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError) as error:
            self.mistakes.append(Mistake(self._spot(0, 0), f"not YAML: {printable(str(error).splitlines()[0])}"))
            return None
        return root

    def _document(self) -> Node | None:
        root = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self._mistake(event, "a second document: a recipe is one YAML document", "remove everything from here")
                raise _Stop
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, 0)
        return root

    def _spot(self, line: int, column: int, length: int = 1) -> Spot:
        return Spot(self.source, line, column + (self.source.offset if line == 0 else 0), length)

    def _spot_of(self, event: Any) -> Spot:
        start, end = event.start_mark, event.end_mark
        one_line = end.line == start.line and isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent))
        return self._spot(start.line, start.column, max(1, end.column - start.column) if one_line else 1)

    def _mistake(self, event: Any, message: str, hint: str = "") -> None:
        self.mistakes.append(Mistake(self._spot_of(event), message, hint))

    def _node(self, event: Any, depth: int) -> Node:
        self.count += 1
        if self.count > MOST_VALUES or depth > DEEPEST:
            limit = f"more than {MOST_VALUES:,} values" if self.count > MOST_VALUES else f"deeper than {DEEPEST} levels"
            self._mistake(event, f"{limit}: this is no recipe")
            raise _Stop
        spot = self._spot_of(event)
        if isinstance(event, yaml.AliasEvent):
            self._mistake(event, f"aliases (*{printable(event.anchor)}) are not used in recipes", "write it out")
            return Node(None, spot)
        if event.anchor is not None:
            self._mistake(event, f"anchors (&{printable(event.anchor)}) are not used in recipes", "write it out")
        if event.tag is not None:
            self._mistake(event, f"tags ({printable(event.tag)}) are not used in recipes", "remove the tag")
        if isinstance(event, yaml.ScalarEvent):
            return Node(self._scalar(event), spot)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node([self._node(each, depth + 1) for each in self._until(yaml.SequenceEndEvent)], spot)
        return self._mapping(spot, depth)

    def _until(self, end: type) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, end):
                return
            yield event

    def _mapping(self, spot: Spot, depth: int) -> Node:
        node = Node({}, spot)
        for event in self._until(yaml.MappingEndEvent):
            key_node = self._node(event, depth + 1)
            value = self._node(next(self.events), depth + 1)
            if not isinstance(event, yaml.ScalarEvent):
                self._mistake(event, "a key must be a word", "is a quote or a bracket missing?")
                continue
            key = event.value
            if key == "<<" and event.implicit[0]:
                self._mistake(event, "merge keys (<<) are not used in recipes", "write it out")
            elif key in node.value:
                first = node.keys[key].line + 1
                self._mistake(event, f"the key '{printable(key)}' is here twice", f"the first one is on line {first}")
            else:
                node.value[key] = value
                node.keys[key] = key_node.spot
        return node

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if any("\ud800" <= each <= "\udfff" for each in text):
            self._mistake(event, "half of a surrogate pair is not a character")
            return None
        if event.style is not None or event.tag is not None:
            return text
        if text in WORDS:
            return WORDS[text]
        if INTEGER.fullmatch(text):
            return self._integer(event, text)
        if NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        if NUMBER.fullmatch(text) or NOT_FINITE.fullmatch(text):
            self._mistake(event, f"{printable(text[:40])} is not a finite number")
            return None
        return text

    def _integer(self, event: Any, text: str) -> int | None:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        value = int(text, base) if len(text) < 40 else 2**64
        if abs(value) >= 2**63:
            self._mistake(event, "this integer has more than 64 bits")
            return None
        return value

    def _complain_of_syntax(self, error: yaml.MarkedYAMLError, text: str) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        lines = LINE_BREAK.split(text)
        if line >= len(lines) or (line and not any(each.strip() for each in lines[line:])):  # at the end of the text
            line = max(index for index, each in enumerate(lines) if each.strip() or index == 0)
            column = len(lines[line])
        problem = printable(error.problem or error.context or "cannot be read")
        if re.match(r"[ ]*\t", lines[line]) or (column < len(lines[line]) and lines[line][column] == "\t"):
            tab = lines[line].index("\t")
            message, hint = "a tab in the indentation", "indent with spaces: YAML allows no tabs there"
            self.mistakes.append(Mistake(self._spot(line, tab), message, hint))
            return
        hint = ""
        if "mapping values are not allowed" in problem:
            hint = "is the line above unfinished, or indented otherwise? text that holds ': ' needs quotes"
        elif "expected ',' or" in problem:
            hint = "is a bracket, a quote or a comma missing before this?"
        elif "unexpected end of stream" in problem or "quoted scalar" in problem:
            hint = "a quote is opened and never closed"
        elif "expected <block end>" in problem or "could not find expected ':'" in problem:
            hint = "keys of one block start in the same column, and are written 'key: value'"
        self.mistakes.append(Mistake(self._spot(line, column), f"not YAML: {problem}", hint))


def _code(character: Any) -> str:
    number = ord(character) if isinstance(character, str) else character
    return f"U+{number:04X}"


class _Dumper(yaml.SafeDumper):
    """Writes what both a YAML 1.1 and a YAML 1.2 reader understand alike: doubtful text is quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'  # PyYAML folds some line breaks wrongly in other styles
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
for _pattern, _tag in ((INTEGER, "int"), (NUMBER, "float")):
    _whole = re.compile(f"(?:{_pattern.pattern})$")
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _whole, list("-+.0123456789"))


def dump(values: Any) -> str:
    """JSON-like values as YAML, which `compose` reads back to the same values."""
    return yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110, indent=2
    )
