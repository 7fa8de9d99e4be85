"""The conformance kit catches every wrong component by the rule that it breaks, and lets the right ones pass."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import pytest

from gantk.cli import run_command_line as run
from gantk.components.registry import Registry
from gantk.testing import Broken, Case, cases
from tests.helpers.wrong_components import RIGHT, WRONG, kind_of

WITH_WRONG = Registry([*entry_points(group="gantk"), EntryPoint("wrong", "tests.helpers.wrong_components", "gantk")])
CASES = cases("wrong", registry=WITH_WRONG, examples=8)


def cases_of(target: type) -> list[Case]:
    return [case for case in CASES if case.component == f"{kind_of(target)}/{target.__name__.lower()}"]


def of_rule(target: type, rule: str) -> Case:
    return next(case for case in cases_of(target) if case.rule == rule)


@pytest.mark.parametrize(("target", "rule"), WRONG.items(), ids=[f"{each.__name__}-{WRONG[each]}" for each in WRONG])
def test_each_is_caught(target: type, rule: str) -> None:
    with pytest.raises(Broken) as caught:
        of_rule(target, rule).run()
    told = str(caught.value)
    for word in (f"breaks the rule '{rule}'", "expected: ", "got: ", f"row '{rule}'", "wrong_components.py:"):
        assert word in told


@pytest.mark.parametrize("target", RIGHT, ids=lambda each: each.__name__)
def test_right_ones_pass(target: type) -> None:
    for case in cases_of(target):
        outcome, text = case.outcome()
        assert outcome != "broken", text


def test_a_plugin_that_imports_torch_when_it_declares_is_caught() -> None:
    with pytest.raises(Broken, match="it imports numpy torch"):
        next(case for case in CASES if case.rule == "light").run()


def test_doctor_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--plugin", "basic"]) == 2
    assert "did you mean 'basics'?" in capsys.readouterr().err
