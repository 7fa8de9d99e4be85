"""Some units of samples alone, by name; another seed at each call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from gantk.api.model import Model
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit

SMALL = ["data.cells=10", "data.test_cells=4", "train.steps=1", "generator.width=4", "critic.width=4", "train.batch=2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTK_CACHE", str(folder / "cache"))
        for recipe in ("lin_starshaped", "lin_independent"):
            arguments = ["run", recipe, "evaluate=[]", *SMALL, "--out", str(folder / recipe), "--quiet"]
            assert run_command_line(arguments) == 0
    return folder


@pytest.mark.parametrize("recipe", ["lin_starshaped", "lin_independent"])
def test_units_are_those_of_all_in_the_order_that_is_asked_for(recipe: str, runs: Path) -> None:
    model = Model(runs / recipe)
    raw, picked = model.sample(3, raw=True), model.sample(3, raw=True, units=["Tea1", "Alp14"])
    assert picked.spec.names["protein"] == ("Tea1", "Alp14")
    assert torch.equal(picked.samples, raw.samples[:, [5, 0]])
    assert len(picked.spec.attributes["pixels"]["white"]) == 4
    with pytest.raises(DoesNotFit, match="there is no protein 'Tea2'; did you mean 'Tea1'"):
        model.sample(1, units=["Tea2"])
    with pytest.raises(DoesNotFit, match="no protein 'Foo'; there are Alp14, Arp3"):
        model.sample(1, units=["Foo"])


def test_a_stack_has_red_and_the_units(runs: Path) -> None:
    model = Model(runs / "lin_starshaped")
    whole, picked = model.sample(2), model.sample(2, units=["Arp3"])
    assert picked.spec.names["channel"] == ("Bgs4", "Arp3")
    assert torch.equal(picked.samples, whole.samples[:, [0, 2]])


def test_samples_without_units_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["train.steps=1", "evaluate=[]", "--out", str(tmp_path / "ring"), "--quiet"]
    assert run_command_line(["run", "ring_gan", *small]) == 0
    capsys.readouterr()
    assert run_command_line(["sample", str(tmp_path / "ring"), "--units", "a", "-o", str(tmp_path / "x.h5")]) == 1
    assert "no units to choose from" in capsys.readouterr().err


def test_a_random_seed_is_said_and_repeats_the_samples(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = runs / "new" / "folder"
    source = str(runs / "lin_starshaped")
    assert run_command_line(["sample", source, "-n", "1", "--seed", "random", "-o", str(out / "a.h5")]) == 0
    told = re.search(r"--seed (\d+) repeats this", capsys.readouterr().err)
    assert told
    assert run_command_line(["sample", source, "-n", "1", "--seed", told[1], "-o", str(out / "b.h5")]) == 0
    assert (out / "a.h5").read_bytes() == (out / "b.h5").read_bytes()
