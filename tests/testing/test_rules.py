"""The table of rules in docs/plugins.md is the table in the code; components of other authors can use the kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantk.cli import run_command_line as run
from gantk.plugin import KINDS
from gantk.testing import RULES
from gantk.testing.conformance import rules_of
from gantk.testing.rules.all_kinds import LIGHT

DOCUMENT = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text()
TABLE = DOCUMENT.partition("### The rules\n")[2]
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in TABLE.splitlines()
    if line.startswith("| `")
]


def kinds_in_words(kinds: list[str]) -> str:
    left_out = [kind for kind in KINDS if kind not in kinds]
    if not left_out:
        return "every kind"
    return "every kind but command" if left_out == ["command"] else ", ".join(kinds)


def test_every_rule_is_documented_and_every_row_is_a_rule() -> None:
    expected: dict[tuple[str, str], list[str]] = {}
    for (kind, name), rule in RULES.items():
        expected.setdefault((name, rule.says), []).append(kind)
    rows = [(f"`{name}`", kinds_in_words(kinds), says) for (name, says), kinds in expected.items()]
    assert [("`light`", "the plugin", LIGHT), *rows] == ROWS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_rules(kind: str) -> None:
    assert rules_of(kind)


def test_doctor_checks_one_plugin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from gantk import testing

    few = [case for case in testing.cases("motif") if case.rule in ("documented", "light")]
    monkeypatch.setattr(testing, "cases", lambda plugin: few)
    assert run(["doctor", "--plugin", "motif"]) == 0
    assert "generator/placed" in capsys.readouterr().out
