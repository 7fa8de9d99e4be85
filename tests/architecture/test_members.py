"""What gantk looks for on components is in one table, documented, and looked up by it alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gantk.interfaces import OPTIONAL_MEMBERS, has_member, member
from tests.helpers.documents import ROOT

SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("gantk", "plugins", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if not {"tests", "__pycache__"} & set(path.parts) and path.name != "optional_members.py"
)


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_nobody_else_looks_for_an_optional_member_by_name(path: Path) -> None:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr", "setattr"):
            name = node.args[1].value if isinstance(node.args[1], ast.Constant) else ""
            assert name not in OPTIONAL_MEMBERS, f"{path}:{node.lineno}: use member() or has_member() for {name!r}"


def test_a_member_is_its_own_or_the_default() -> None:
    class View:
        wanted = 7

    assert (member(View(), "wanted"), member(object(), "wanted")) == (7, 0)
    assert has_member(View(), "wanted") and not has_member(View(), "panels")
    with pytest.raises(KeyError):
        member(View(), "wantd")


def test_the_table_in_the_docs_is_this_one() -> None:
    rows = [f"| {each.on} | `{name}` | {each.says} | {each.without} |" for name, each in OPTIONAL_MEMBERS.items()]
    assert "\n".join(rows) in (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
