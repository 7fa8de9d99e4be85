"""`gantk inspect`: what it finds is what lies there, and the recipe that it writes trains."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gantk_cells.inspecting import survey, usable_size
from gantk_cells.towers import halvings
from PIL import Image

import gantk
from gantk.cli import run as run_command_line
from gantk.errors import DataError

QUICK = {"train.steps": 1, "generator.width": 4, "critic.width": 4, "evaluate.0.samples": 4}


@pytest.mark.parametrize(("height", "width"), [(48, 80), (47, 81), (50, 50), (9, 100), (33, 62)])
def test_the_size_that_is_proposed_can_be_halved_and_none_is_nearer(height: int, width: int) -> None:
    found = usable_size(height, width)
    assert halvings(*found)[0] >= 2
    if (height, width) == (48, 80):
        assert found == (48, 80)
    assert abs(found[0] - height) <= 4
    assert abs(found[1] - width) <= 8


def test_everything_odd_is_found_and_the_recipe_copes(
    tree: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree({"Alp14": 8, "Tea1": 6}, height=15, width=24)
    shutil.copy(root / "Alp14" / "cell100000.png", root / "Tea1" / "cell9.png")
    (root / "Tea1" / "cell8.png").write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    alp14, tea1 = document["classes"]
    assert (alp14["images"], tea1["images"]) == (8, 7)
    assert tea1["duplicates"] == ["cell9.png"]
    assert [each["file"] for each in tea1["damaged"]] == ["cell8.png"]
    assert alp14["shapes"] == [{"channels": 3, "height": 15, "width": 24, "images": 8}]
    assert document["data"]["size"] == [16, 24]
    assert document["data"]["layout"] == "per_class"
    with Image.open("inspected.png") as picture:
        assert picture.width > 8 * 24
    run = gantk.run("inspected.yaml", QUICK)
    assert run.sample(2).samples.shape == (2, 3, 16, 24)
    assert run_command_line(["inspect", str(root)]) == 2  # never overwrites
    assert run_command_line(["inspect", str(root), "--force"]) == 0
    assert capsys.readouterr().out.strip().endswith("inspected.yaml")


def test_stacks_of_sixteen_bits_with_an_empty_channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "images" / "cells"
    folder.mkdir(parents=True)
    for number in range(8):
        stack = rng.integers(0, 4000, (3, 16, 24)).astype(np.uint16)
        stack[0] = 0
        tifffile.imwrite(folder / f"cell{number}.ome.tif", stack, metadata={"axes": "CYX"})
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", "images", "-q"]) == 0
    run = gantk.run("inspected.yaml", QUICK)
    data = run.model.recipe.values["data"]
    assert (data["channels"], data["white"], data["layout"]) == ([1, 2], 4095, "pairs")
    assert run.model.recipe.values["generator"]["use"] == "cells/separable"


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images"):
        survey(tmp_path)
