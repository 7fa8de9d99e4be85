"""The shipped recipes: short, honest, and buildable as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantk.errors import DataError
from gantk.recipe.find_file import shipped
from gantk.recipe.recipe import load, recipe_from_text
from gantk.runs.changes import changed_keys
from gantk.training import from_recipe

RECIPES = {name: path for name, path in shipped().items() if "/" not in name}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_recipe_is_short_says_what_it_is_and_resolves_to_itself(name: str) -> None:
    text = RECIPES[name].read_text()
    assert len(text.splitlines()) <= 40
    recipe = load(name)
    assert len(recipe.values["about"]) > 10
    again = recipe_from_text(recipe.to_yaml(), name)
    assert again.values == recipe.values


@pytest.mark.parametrize("name", sorted(name for name in RECIPES if not name.startswith("lin_")))
def test_the_parts_fit_together(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    values = load(name).values
    try:
        spec = from_recipe.datasets(values)["train"].spec
    except DataError as error:
        assert str(values["data"].get("root") or values["data"].get("file") or values["data"].get("path")) in str(error)
        pytest.skip(f"{name} needs data that are not part of gantk")
    assert all(count > 0 for count in from_recipe.check_fit(values, spec).values())


MODELS = ["independent", "independent_separable", "multichannel", "multichannel_separable"]
CELLS = ["dcgan", "separable", "starshaped", "starshaped_long", "starshaped_wgan_gp", *MODELS]


@pytest.mark.parametrize("name", [f"lin_{name}" for name in CELLS])
def test_cell_recipes_fit_and_are_simulated(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    values = load(name, {"data.cells": 20, "data.test_cells": 4}).values
    spec = from_recipe.datasets(values)["train"].spec
    assert spec.origin == "simulated"
    assert from_recipe.check_fit(values, spec)["generator"] > 100_000


LENGTH = ["train.steps", "train.ema", "train.checkpoint_every"]
TWINS = [("lin_starshaped_paper", "lin_starshaped_wgan_gp"), *((f"lin_{name}_paper", f"lin_{name}") for name in MODELS)]


@pytest.mark.parametrize(("paper", "twin"), TWINS)
def test_twins_differ_only_where_they_say(paper: str, twin: str) -> None:
    changed = changed_keys(load(paper).values, load(twin).values)
    by_block = {key.partition(".")[0] for key in changed}
    assert by_block <= {"about", "data", "generator", "critic", "loss", "play", "train", "evaluate"}
    nets = {key for key in changed if key.startswith(("generator", "critic"))}
    may = ("width", "bias", "smooth", "initialisation")
    assert nets <= {f"{net}.{key}" for net in ("generator", "critic") for key in may}
    assert ("loss.use" in changed) == (twin != "lin_starshaped_wgan_gp")  # GAN with R1 learns faster on a CPU


@pytest.mark.parametrize("model", MODELS)
def test_other_models_train_as_the_star_shaped_one_does(model: str) -> None:
    changed = changed_keys(load("lin_starshaped_long").values, load(f"lin_{model}").values)
    slower = {f"play.{side}_optimizer.lr" for side in ("generator", "critic")} if "multichannel" in model else set()
    assert {key for key in changed if key.startswith(("loss", "play", "train", "evaluate", "seed"))} == slower
    paper = changed_keys(load("lin_starshaped_paper").values, load(f"lin_{model}_paper").values)
    assert not {key for key in paper if key.startswith(("loss", "play", "train", "evaluate", "seed"))}


def test_the_long_twin_trains_the_same_nets_for_longer() -> None:
    short, long = load("lin_starshaped").values, load("lin_starshaped_long").values
    assert set(changed_keys(short, long)) == {"about", "generator.latent", *LENGTH}
    assert short["train"]["steps"] < long["train"]["steps"]


def test_paper_recipe_without_the_data_says_what_is_expected_and_what_to_do(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        from_recipe.datasets(load("lin_starshaped_paper").values)
    for words in ("LIN", "_train", "cells/simulated", str(tmp_path)):
        assert words in str(caught.value)


@pytest.mark.parametrize("loss", ["gan", "wgan", "wgan_gp", "hinge", "lsgan"])
def test_losses_swap_in_from_the_command_line(loss: str) -> None:
    recipe = load("lin_starshaped", [f"loss.use=basics/{loss}"])
    assert recipe.values["play"]["critic_steps"] == (5 if loss.startswith("wgan") else 1)
