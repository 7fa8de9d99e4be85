"""The conformance kit catches every wrong component by the rule that it breaks, and lets the right ones pass."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pytest

from gantk.cli import run_command_line as run
from gantk.components.registry import Registry
from gantk.errors import ComponentError
from gantk.testing import Broken, Case, cases
from tests.helpers.wrong_components import RIGHT, WRONG, Counting, OldSpectral, Spectral, kind_of

WITH_WRONG = Registry([*entry_points(group="gantk"), EntryPoint("wrong", "tests.helpers.wrong_components", "gantk")])
BUILDS = "dataset/folder-builds"
CASES = cases("wrong", registry=WITH_WRONG, examples=8)
FEW = cases("wrong", registry=WITH_WRONG, examples=2)


def cases_of(target: type) -> list[Case]:
    every = FEW if target in (Spectral, OldSpectral) else CASES
    return [case for case in every if case.component == f"{kind_of(target)}/{target.__name__.lower()}"]


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


@pytest.mark.parametrize("rule", ["checkpoint", "resume"])
def test_a_loss_that_counts_in_a_plain_attribute_is_named_with_the_step(rule: str) -> None:
    with pytest.raises(Broken, match=r"resumed from step 7|read back after 7 steps"):
        of_rule(Counting, rule).run()


def test_a_path_may_stand_in_parameters(tmp_path: Path) -> None:
    folders = {"folder": {"root": tmp_path, "sizes": (4, 8)}}
    built = next(case for case in cases("wrong", registry=WITH_WRONG, parameters=folders) if case.name == BUILDS)
    assert built.outcome() == ("ok", "")


def test_a_loss_with_nets_of_its_own_is_looked_at_with_those_that_are_named() -> None:
    """BiGAN: its critic sees latents, and its encoder stands round the generator."""
    named = {
        "generator": {"use": "basics/mlp", "latent": 5, "hidden": [16]},
        "critic": {"use": "zoo/joint", "latent": 5, "width": 16},
    }
    encoder = {"bigan": {"encoder": {"use": "basics/mlp", "outputs": 5, "hidden": [16]}}}

    def outcomes(nets: dict[str, Any]) -> dict[str, tuple[str, str]]:
        every = cases("zoo", parameters=encoder, nets={"bigan": nets}, examples=2)
        return {case.rule: case.outcome() for case in every if case.component == "loss/bigan"}

    found = outcomes(named)
    assert [rule for rule, (outcome, _) in found.items() if outcome != "ok"] == ["units"], found
    unfit = outcomes({**named, "critic": "basics/mlp"})["terms"]
    assert unfit[0] == "broken" and "a critic of (sample, latent): zoo/joint" in unfit[1]


@pytest.mark.parametrize(
    ("nets", "told"),
    [
        ({"rightlos": {}}, "did you mean 'rightloss'"),
        ({"rightloss": {"critics": "basics/mlp"}}, "did you mean 'critic'"),
    ],
)
def test_nets_of_nothing_are_refused(nets: dict[str, Any], told: str) -> None:
    with pytest.raises(ComponentError, match=told):
        cases("wrong", registry=WITH_WRONG, nets=nets)


def test_a_plugin_that_imports_torch_when_it_declares_is_caught() -> None:
    with pytest.raises(Broken, match="it imports numpy torch"):
        next(case for case in CASES if case.rule == "light").run()


def test_doctor_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--plugin", "basic"]) == 2
    assert "did you mean 'basics'?" in capsys.readouterr().err
