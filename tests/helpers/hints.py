"""Hints in messages, read from the source: which commands, options, keys, components and documents they name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.documents import ROOT

PLACE = "…"
"""Stands where a message has a value that is known when it is said."""
FOLDERS = ("gantk", "plugins", "examples/gantk_examples")
BLOCKS = "data|generator|critic|loss|play|train|evaluate|machine"
COMMAND = re.compile(r"\bgantk ((?:[a-z][a-z-]*|…)(?: [^`\n;|<>]*)?)")
OPTION = re.compile(r"(?<![\w-])(--[A-Za-z][\w-]+)")
KEY = re.compile(rf"(?<![\w./-])((?:{BLOCKS})\.[a-z_0-9]+(?:\.[a-z_0-9]+)*)(?![\w/…(])")
COMPONENT = re.compile(r"(?<![\w./-])((?:basics|cells|dna|motif)/[a-z_0-9]+)(?![\w/.-])")
DOCUMENT = re.compile(r"\b(docs/[\w/-]+\.md|[\w/-]+\.md)\b")


@dataclass(frozen=True)
class Text:
    """A text of the source that may be shown.

    Args:
        place: file and line.
        text: with `PLACE` where something is filled in.
    """

    place: str
    text: str


def texts() -> Iterator[Text]:
    """Every text in the source that is no docstring, but for those of commands, which are their help."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "templates" not in path.parts:
                yield from _texts_of(path)


def _texts_of(path: Path) -> Iterator[Text]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    help_texts = {each.body[0] for each in nodes if isinstance(each, ast.FunctionDef) and _is_command(each)}
    docstrings, inside = set(), set()
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node not in help_texts:
            docstrings.add(node.value)
        if isinstance(node, ast.JoinedStr):
            inside |= {each for each in ast.walk(node) if each is not node}
    for node in nodes:
        if node in docstrings or node in inside:
            continue
        text = written(node)
        if text:
            yield Text(f"{path.relative_to(ROOT)}:{node.lineno}", text)  # type: ignore[attr-defined]


def _is_command(function: ast.FunctionDef) -> bool:
    return bool(function.decorator_list) and "click.command" in ast.unparse(function.decorator_list[0])


def written(node: ast.AST) -> str | None:
    """The text of a literal, plain or formatted; None where it is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else PLACE for each in node.values)
        return "".join(map(str, parts))
    return None
