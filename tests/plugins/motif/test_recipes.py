"""The plugin as a user meets it: every parameter explained, every shipped recipe valid, and a run of a few steps."""

from __future__ import annotations

from pathlib import Path

import pytest

import gantk
from gantk.components.registry import installed_registry
from gantk.components.signature import parameters
from gantk.recipe.recipe import load

RECIPES = ["toy_motif", "toy_motif_dcgan", "toy_motif_wgan", "toy_motif_wgan_gp"]
SMALL = {
    "data.samples": 200,
    "data.held_out": 50,
    "data.length": 60,
    "train.steps": 2,
    "train.batch": 8,
    "train.sample_every": 2,
    "evaluate.0.samples": 50,
}


def test_every_parameter_of_every_component_is_explained() -> None:
    kinds = ("dataset", "generator", "critic", "metric", "view")
    own = [each for kind in kinds for each in installed_registry().of_kind(kind) if each.plugin == "motif"]
    assert len(own) == 10
    for each in own:
        for parameter in parameters(installed_registry().load(each)):
            assert parameter.help, f"{each.full}: {parameter.name}"


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_ship_and_run_on_strings_of_another_length(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(name).values["data"]["length"] == 128
    run = gantk.run(name, overrides=SMALL)
    assert {"hits", "random_hits", "distinct", "positions", "bit_entropy"} <= run.evaluation["motif_rate"].keys()
    assert run.sample(3, reject=8).samples.shape == (3, 1, 60)
