"""Where values of a recipe come from, and mistakes shown at their place: file, line, column, the line, a caret."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from gantk.messages import printable

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what PyYAML counts as one


@dataclass(frozen=True)
class Source:
    """A text that values come from.

    Args:
        name: the path of a recipe as messages show it, or "command line", or "default of …".
        text: all of it.
        offset: how many characters of the first line stand before the YAML (the `key=` of an override).
        is_file: whether its lines have numbers that a reader can look up.
    """

    name: str
    text: str
    offset: int = 0
    is_file: bool = True


@dataclass(frozen=True)
class Spot:
    """A place in a source: line and column from 0, and how many characters are meant."""

    source: Source
    line: int = 0
    column: int = 0
    length: int = 1

    @property
    def origin(self) -> str:
        """Where a value comes from: "recipes/x.yaml:12" or "command line"."""
        return f"{self.source.name}:{self.line + 1}" if self.source.is_file else self.source.name


@dataclass
class Node:
    """A value of a recipe and where it stands.

    Args:
        value: None, bool, int, float, str, a list of nodes, or a dict of nodes.
        spot: where the value starts.
        keys: where each key of a mapping stands.
    """

    value: Any
    spot: Spot
    keys: dict[str, Spot] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value alone, JSON-like."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def child(self, step: str | int) -> Node | None:
        """What stands under a key or an index, or None."""
        if isinstance(self.value, dict):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and 0 <= step < len(self.value):
            return self.value[step]
        return None


@dataclass(frozen=True)
class Mistake:
    """Something wrong at a place in a recipe, and what to write instead."""

    spot: Spot
    message: str
    hint: str = ""

    @property
    def order(self) -> tuple[bool, int, int]:
        """Sorts mistakes: the file from top to bottom, then the command line."""
        return not self.spot.source.is_file, self.spot.line, self.spot.column

    def as_json(self) -> dict[str, Any]:
        """For `--json`: lines and columns count from 1."""
        spot = self.spot
        where = {"file": spot.source.name, "line": spot.line + 1, "column": spot.column + 1}
        return where | {"message": self.message, "hint": self.hint}

    def __str__(self) -> str:
        spot = self.spot
        place = f":{spot.line + 1}:{spot.column + 1}" if spot.source.is_file else ""
        text = [f"{printable(spot.source.name)}{place}: {printable(self.message)}", *_pointed(spot)]
        if self.hint:
            text.append(f"  {printable(self.hint)}")
        return "\n".join(text)


def _pointed(spot: Spot, widest: int = 100) -> list[str]:
    """The line of a spot and a caret line under it."""
    lines = LINE_BREAK.split(spot.source.text)
    line = lines[spot.line] if spot.line < len(lines) else ""
    if not line.strip():
        return []
    start = max(0, min(spot.column - widest // 2, len(line) - widest))
    before = printable(line[start : spot.column])
    there = printable(line[spot.column : spot.column + spot.length])
    after = printable(line[spot.column + spot.length : start + widest])
    left, right = "…" if start else "", "…" if start + widest < len(line) else ""
    carets = "^" * max(1, min(_width(there), widest))
    return [f"    {left}{before}{there[:widest]}{after}{right}", f"    {' ' * _width(left + before)}{carets}"]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def node_of(value: Any, source: Source) -> Node:
    """Nodes of a JSON-like value, all at the start of `source`."""
    if isinstance(value, dict):
        return Node({key: node_of(each, source) for key, each in value.items()}, Spot(source))
    if isinstance(value, list):
        return Node([node_of(each, source) for each in value], Spot(source))
    return Node(value, Spot(source))
