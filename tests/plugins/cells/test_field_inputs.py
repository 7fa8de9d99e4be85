"""Inputs from the field: `gantk inspect` writes a recipe that validates and trains, or says why it writes none."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

import gantk
from gantk.cli import run_command_line
from gantk.recipe import load
from gantk.training import TrainSettings, datasets, initial_state, train

INPUTS = (
    *("01_memorisation_turned", "02_bgs4", "03_leak", "04_cyclegan_layout", "05_miniswhite", "05_minisblack"),
    *("06_grey_as_colour_png", "06_three_colours", "07_masks", "08_few/three", "08_few/twenty", "09_view16"),
    *("10_percentiles", "11_lzw/lzw", "11_lzw/jpeg", "11_lzw/float_predictor", "12_imagej_labels"),
    *("13_stack_evaluate", "14_unread/capital", "14_unread/deep", "14_unread/jpg", "14_unread/nested"),
    *("16_units/ome_cm", "16_units/ome_m", "16_units/tiff_cm", "17_messages/empty_file", "17_messages/int16"),
    *("18_crop40", "19_channel_files"),
)
NONE = {"09_view16": "images of different types", "17_messages/int16": "pixels of type int16, which has a sign"}
"""Inputs that no recipe can read, and what is said of them."""

SMALL = {"train.steps": 2, "train.batch": 2, "generator.width": 4, "critic.width": 4, "evaluate": []}

FOUND: dict[str, dict[str, int]] = {
    "03_leak": {"": 80},
    "04_cyclegan_layout": {"A train": 20, "B train": 20, "A test": 10, "B test": 10},
    "07_masks": {"": 30},
    "14_unread/capital": {"train": 20, "test": 20},
    "14_unread/deep": {"": 20},
    "14_unread/jpg": {"": 24},
    "14_unread/nested": {"": 40},
    "19_channel_files": {"": 20},
}
SAID = {
    "03_leak": "40 of 80 images equal another one",
    "07_masks": "30 images in masks/ passed over",
    "14_unread/jpg": "16 images are JPEG",
    "14_unread/nested": "20 images in rep2/ read as images of Arp3, too",
    "17_messages/empty_file": "it is empty (0 bytes)",
}


def test_every_input_is_listed(test_data: Path) -> None:
    cells = test_data / "field" / "cells"
    there = {path.parent.relative_to(cells).as_posix() for path in cells.rglob("*.*") if path.is_file()}
    assert all(any(place == each or place.startswith(f"{each}/") for each in INPUTS) for place in there)


PICTURES = ("06_grey_as_colour_png", "06_three_colours", "14_unread/jpg")
"""May as well be photos: these are asked about."""


@pytest.mark.parametrize("name", INPUTS)
def test_the_recipe_that_inspect_writes_validates_and_trains(
    name: str, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = test_data / "field" / "cells" / name
    if not folder.is_dir():
        pytest.skip(f"not among the test data: {folder}")
    monkeypatch.chdir(tmp_path)
    picked = ["data.use=cells/lin"] if name in PICTURES else []
    code = run_command_line(["inspect", str(folder), *picked, "--json"])
    out, err = capsys.readouterr()
    if name in NONE or (name.startswith("11_lzw") and code):  # these need a decoder that may not be installed
        assert code in (1, 2) and NONE.get(name, "none of its images can be read") in err
        assert not Path("inspected.yaml").exists()
        return
    assert code == 0
    document = json.loads(out)
    recipe = load("inspected.yaml", SMALL)
    data = datasets(recipe.values)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == len(set(said.splitlines()))  # nothing is said twice
    assert SAID.get(name, "") in " ".join([*document["warnings"], said])
    if name in FOUND:
        assert counts(document["classes"]) == FOUND[name]
    state = initial_state(recipe.values, data["train"].spec, "cpu")
    assert len(list(train(state, data["train"], TrainSettings.from_recipe(recipe.values, len(data["train"]))))) >= 1


def counts(classes: list[dict]) -> dict[str, int]:
    """Images of each class and split, the names left out where there is one class."""
    several = len({each["class"] for each in classes}) > 1
    found: Counter[str] = Counter()
    for each in classes:
        found[" ".join([each["class"]] * several + [each["split"]] * bool(each["split"]))] += each["images"]
    return dict(found)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in INPUTS if name not in NONE and not name.startswith("11_lzw")])
def test_a_whole_run_of_every_input(
    name: str, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(test_data / "field" / "cells" / name, tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    picked = ["data.use=cells/lin"] if name in PICTURES else []
    assert run_command_line(["inspect", "own", *picked, "-q"]) == 0
    assert run_command_line(["validate", "inspected.yaml"]) == 0
    run = gantk.run("inspected.yaml", SMALL)
    assert len(run.sample(2).samples) == 2
