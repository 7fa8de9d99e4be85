"""`gantk inspect` of a folder of pictures: it is asked about, and the recipe for `basics/images` runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gantk_basics.inspection.inspector import FolderInspector
from PIL import Image, ImageCms

import gantk
from gantk.cli import run_command_line

QUICK = {"train.steps": 1, "generator.width": 4, "critic.width": 4, "evaluate": []}


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two classes of JPEGs of two sizes."""
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for kind in ("rose", "tulip"):
        for number in range(14):
            (tmp_path / "photos" / kind).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (80, 120 + 10 * (number % 2), 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{number}.jpg")
    return tmp_path / "photos"


def test_pictures_may_be_cells_or_not_and_both_lines_are_shown(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["inspect", "photos"]) == 2
    said = capsys.readouterr().err
    assert "gantk inspect photos data.use=basics/images" in said and "gantk inspect photos data.use=cells/lin" in said
    assert run_command_line(["inspect", "photos", "--classes", "conditions", "--json"]) == 0  # which cells alone have
    assert json.loads(capsys.readouterr().out)["data"]["use"] == "cells/lin"


def test_the_recipe_copes_with_kinds_sizes_and_damage_and_runs(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(photos / "rose" / "3.jpg") as image:
        image.convert("L").save(photos / "rose" / "3.jpg")
    (photos / "tulip" / "1.jpg").write_bytes(b"none")
    assert run_command_line(["inspect", "photos", "data.use=basics/images", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    data = document["data"]
    assert (data["channels"], data["size"], data["damaged"]) == ("rgb", [64, 96], "skip")
    assert [each["images"] for each in document["classes"]] == [14, 13]
    said = " ".join(document["warnings"])
    assert "grey pictures get three equal channels" in said and "are few" in said
    with Image.open("inspected.png") as picture:
        assert picture.width > 8 * 96
    assert gantk.run("inspected.yaml", QUICK, quiet=True).sample(2).samples.shape == (2, 3, 64, 96)


def test_what_is_not_applied_is_said_once(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in photos.rglob("*.jpg"):
        with Image.open(path) as image:
            image.save(path, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert run_command_line(["inspect", "photos", "data.use=basics/images"]) == 0
    assert capsys.readouterr().err.count("is not applied: the numbers in the file are taken as they are") == 1


def test_grey_saved_in_colour_is_read_once(tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(14):
        with Image.open(photos / "rose" / f"{number}.jpg") as image:
            image.convert("L").convert("RGB").resize((32, 32)).save(tmp_path / f"own{number}.png")
    (tmp_path / "grey").mkdir()
    for path in tmp_path.glob("own*.png"):
        path.rename(tmp_path / "grey" / path.name)
    assert run_command_line(["inspect", "grey", "data.use=basics/images", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["channels"] == "grey"


def test_micrographs_and_simulated_cells_are_not_asked_about(photos: Path, tmp_path: Path) -> None:
    assert FolderInspector.reads(photos) and FolderInspector.reads(photos / "rose")
    assert not FolderInspector.reads(photos / "rose" / "3.jpg") and not FolderInspector.reads(tmp_path / "cache")
    assert run_command_line(["simulate-cells", "cells", "--cells", "2", "--test-cells", "2"]) == 0
    assert not FolderInspector.reads(tmp_path / "cells")
    (photos / "tulip").rename(tmp_path / "LIN_train")
    assert not FolderInspector.reads(tmp_path / "LIN_train")
    tifffile.imwrite(photos / "rose" / "one.tif", np.zeros((8, 8), np.uint8))
    assert not FolderInspector.reads(photos)
