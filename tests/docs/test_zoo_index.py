"""docs/zoo-index.md: the names of the slide "The GAN Zoo", all of them, and nothing named that is not there."""

from __future__ import annotations

import re

import pytest

from gantk.components.registry import installed_registry
from gantk.recipe.recipe import load
from tests.helpers.documents import ROOT

NAMES = """GAN, 3D-GAN, acGAN, AC-GAN, AdaGAN, AEGAN, AffGAN, AL-CGAN, ALI, AM-GAN, AnoGAN, ArtGAN, b-GAN, Bayesian GAN,
BEGAN, BiGAN, BS-GAN, CGAN, CaloGAN, CCGAN, CatGAN, CoGAN, Context-RNN-GAN, C-RNN-GAN, CS-GAN, CVAE-GAN, CycleGAN, DTN,
DCGAN, DiscoGAN, DR-GAN, DualGAN, EBGAN, f-GAN, FF-GAN, GAWWN, GeneGAN, Geometric GAN, GoGAN, GP-GAN, IAN, iGAN, IcGAN,
ID-CGAN, Improved GAN, InfoGAN, LAGAN, LAPGAN"""
TEXT = (ROOT / "docs" / "zoo-index.md").read_text(encoding="utf-8")
LINES = [line.strip("|") for line in TEXT.splitlines() if line.startswith("| ")][1:]
ROWS = [[cell.strip() for cell in line.split(" | ")] for line in LINES]
NAMED = sorted({name for _, said in ROWS for name in re.findall(r"`([a-z]+/[a-z0-9_]+)`", said)})
RUNS = sorted({command for _, said in ROWS for command in re.findall(r"`gantk run ([^`]+)`", said)})


def test_the_names_are_those_of_the_slide_in_its_order() -> None:
    names = NAMES.replace("\n", " ").split(", ")
    assert [name for name, _ in ROWS] == names and len(set(names)) == 48


def test_a_name_has_one_line_that_says_something() -> None:
    for name, said in ROWS:
        assert "`" in said or "not here" in said, name
        assert "planned" not in said, f"{name}: what is there now, not what will be"


@pytest.mark.parametrize("name", NAMED)
def test_a_component_that_is_named_exists(name: str) -> None:
    plugin, _, own = name.partition("/")
    if plugin == "examples":  # not installed with gantk: its declarations are read
        declared = (ROOT / "examples" / "gantk_examples" / "plugin.py").read_text(encoding="utf-8")
        assert re.search(rf'Component\(\s*"\w+", "{own}"', declared), name
    else:
        assert name in {each.full for each in installed_registry().components}


@pytest.mark.parametrize("command", RUNS)
def test_a_run_that_is_named_resolves(command: str) -> None:
    recipe, *overrides = command.split()
    assert load(recipe, overrides).values["loss"]


def test_the_slide_s_own_systems_are_there() -> None:
    """So that the page cannot say "not here" of everything."""
    said = dict(ROWS)
    for name in (
        "GAN",
        "AC-GAN",
        "BEGAN",
        "BiGAN",
        "CycleGAN",
        "DCGAN",
        "EBGAN",
        "Geometric GAN",
        "InfoGAN",
        "Improved GAN",
        "f-GAN",
    ):
        assert said[name].startswith("`"), name
    assert {"basics/dcgan", "basics/hinge", "basics/minibatch_discrimination"} <= set(NAMED)
    assert len(NAMED) >= 15 and len(RUNS) >= 5
