"""Recipes of R3GAN, PacGAN and DRAGAN: resumed bit for bit, and each with its bar and a broken twin that misses it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gantk
from gantk.data import as_dataset
from gantk.evaluation.results import build_metrics, missed_bars
from gantk.recipe.recipe import load
from gantk.training import TrainSettings, checkpoint, datasets, initial_state, train
from tests.helpers.training import assert_same

RECIPES = ("zoo/digits_r3gan", "zoo/ring_pacgan", "zoo/ring_dragan")
SMALL = {"train.steps": 8, "train.batch": 12, "generator.hidden": [8]}


@pytest.mark.parametrize("name", RECIPES)
def test_stopped_and_resumed_is_the_run_that_never_stopped(name: str, tmp_path: Path) -> None:
    recipe = load(name, SMALL | ({"data.samples": 100} if "ring" in name else {}))
    data = as_dataset(datasets(recipe.values)["train"])
    settings = TrainSettings.from_recipe(recipe.values, len(data))
    whole, first, second = (initial_state(recipe.values, data.spec, "cpu") for _ in range(3))
    for state, until in ((whole, 8), (first, 3)):
        for _ in train(state, data, settings):
            if state.step == until:
                break
    checkpoint.write_checkpoint(tmp_path / "step-3.h5", first, recipe="", spec=data.spec, plugins={})
    checkpoint.restore(checkpoint.read_checkpoint(tmp_path / "step-3.h5"), second)
    for _ in train(second, data, settings):
        pass
    assert_same(whole, second)


def test_r3gan_has_the_schedules_of_its_authors() -> None:
    """All by a cosine: rates to a quarter, γ to a tenth, β₂ from 0.9 to 0.99, the half-life from 0."""
    values = load("zoo/digits_r3gan").values
    gamma, half_life = values["loss"]["gamma"], values["train"]["ema_half_life"]
    for side in ("generator", "critic"):
        optimizer = values["play"][f"{side}_optimizer"]
        rate, (first, second) = optimizer["lr"], optimizer["betas"]
        assert rate["to"] / rate["from"] == 0.25 and first == 0 and (second["from"], second["to"]) == (0.9, 0.99)
        assert rate["shape"] == second["shape"] == gamma["shape"] == half_life["shape"] == "cosine"
    assert gamma["to"] / gamma["from"] == pytest.approx(0.1) and half_life["from"] == 0


TWINS = {
    "zoo/digits_r3gan": {"loss.gamma": 0},
    "zoo/ring_pacgan": {"critic": {"use": "basics/mlp", "hidden": [128, 128]}},
    "zoo/ring_dragan": {"loss.penalty": 0},
}
"""What is left out: both penalties; the packs; the penalty."""


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True], ids=["whole", "broken"])
@pytest.mark.parametrize("name", RECIPES)
def test_the_bar_is_reached_and_the_broken_twin_misses_it(name: str, broken: bool, tmp_path: Path) -> None:
    overrides = {"machine.threads": 1, "train.sample_every": 10**6} | (TWINS[name] if broken else {})
    run = gantk.run(name, overrides, out=tmp_path / "run")
    recipe = load(name)
    missed = missed_bars(build_metrics(recipe.values), run.evaluation)
    assert any(each["require"] for each in recipe.values["evaluate"])
    assert bool(missed) == broken, missed
