"""What docstrings say: the first paragraph, and the `Args:` of a component or a function. Imports nothing heavy."""

from __future__ import annotations

import inspect
import re
from typing import Any


def argument_help(target: Any) -> dict[str, str]:
    """What the docstring's `Args:` say about each argument; the class's docstring goes before that of `__init__`."""
    found: dict[str, str] = {}
    sources = [target.__init__, target] if inspect.isclass(target) else [target]
    for source in sources:
        found |= _google_arguments(inspect.getdoc(source) or "")
    return found


def _google_arguments(docstring: str) -> dict[str, str]:
    lines = iter(docstring.splitlines())
    found: dict[str, str] = {}
    for line in lines:
        if line.strip() in ("Args:", "Arguments:"):
            break
    indent = name = None
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if depth == 0:
            break  # the next section
        indent = depth if indent is None else indent
        start = re.match(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line)
        if depth <= indent and start:
            name = start[1]
            found[name] = start[2].strip()
        elif name is not None:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def first_paragraph(target: Any) -> str:
    """The first paragraph of a target's docstring."""
    return " ".join((inspect.getdoc(target) or "").partition("\n\n")[0].split())
