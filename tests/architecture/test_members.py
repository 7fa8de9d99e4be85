"""What gantk looks for on components is in one table, documented, and looked up by it alone."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

import pytest

from gantk.interfaces import (
    OPTIONAL_MEMBERS,
    Callback,
    Loss,
    Metric,
    Objective,
    Panel,
    Samples,
    View,
    has_member,
    member,
    overrides,
)
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
    class Critic:
        second_order = False

    assert (member(Critic(), "second_order"), member(object(), "second_order")) == (False, True)
    assert has_member(Critic(), "second_order") and not has_member(Critic(), "head")
    with pytest.raises(KeyError):
        member(Critic(), "second_ordr")


def test_what_a_class_overrides_is_told_from_what_it_inherits() -> None:
    class Plain(View):
        pass

    class Own(Plain):
        def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
            return {}

    assert not overrides(Plain(), View.panels) and overrides(Own(), View.panels)


def test_the_table_in_the_docs_is_this_one() -> None:
    rows = [f"| {each.on} | `{name}` | {each.says} | {each.without} |" for name, each in OPTIONAL_MEMBERS.items()]
    assert "\n".join(rows) in (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")


def base_class_rows() -> list[str]:
    """A row for each member of the classes that components derive from, with the first paragraph about it."""
    rows = []
    for base in (Loss, Metric, View, Objective, Callback):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for node, after in zip(body.body, [*body.body[1:], None], strict=True):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                said = ast.get_docstring(node) or ""
                names = [each.arg for each in (*node.args.args, *node.args.kwonlyargs)]
                more = [f"**{node.args.kwarg.arg}"] if node.args.kwarg else []
                text = f"{node.name}({', '.join([each for each in names if each not in ('self', 'cls')] + more)})"
            elif isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                assert isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant), ast.unparse(target)
                said, text = str(after.value.value), f"{ast.unparse(target)} = {ast.unparse(node.value)}"
            else:
                continue
            rows.append(f"| `{base.__name__}` | `{text}` | {' '.join(said.partition(chr(10) * 2)[0].split())} |")
    return rows


def test_the_table_of_base_classes_in_the_docs_is_this_one() -> None:
    assert "\n".join(base_class_rows()) in (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
