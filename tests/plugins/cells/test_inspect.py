"""`gantk inspect`: what it finds is what lies there, and the recipe that it writes trains."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gantk_basics import image_sizes
from gantk_basics.inspection.survey import survey
from gantk_cells.inspection.recipe_proposal import data_block, kinds_of, recipe_text, warnings_of
from gantk_cells.nets.layers import halvings
from PIL import Image

import gantk
from gantk.cli import run_command_line
from gantk.errors import DataError

LIN = "data.use=cells/lin"  # pictures in PNG may as well be photos
QUICK = {"train.steps": 1, "generator.width": 4, "critic.width": 4, "evaluate": []}


@pytest.mark.parametrize(("height", "width"), [(48, 80), (47, 81), (50, 50), (9, 100), (33, 62)])
def test_the_size_that_is_proposed_can_be_halved_and_none_is_nearer(height: int, width: int) -> None:
    found = image_sizes.nearest(height, width)
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
    assert run_command_line(["inspect", str(root), LIN, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    alp14, tea1 = document["classes"]
    assert (alp14["images"], tea1["images"]) == (8, 7)
    assert tea1["duplicates"] == ["cell9.png"]
    assert [each["file"] for each in tea1["damaged"]] == ["cell8.png"]
    assert alp14["shapes"] == [{"channels": 3, "height": 15, "width": 24, "images": 8}]
    assert document["data"]["size"] == [16, 24]
    assert document["data"]["fit"] == "pad"
    assert document["data"]["layout"] == "per_class"
    with Image.open("inspected.png") as picture:
        assert picture.width > 8 * 24
    run = gantk.run("inspected.yaml", QUICK)
    assert run.sample(2).samples.shape == (2, 3, 16, 24)
    assert run_command_line(["inspect", str(root), LIN]) == 2  # never overwrites
    assert run_command_line(["inspect", str(root), LIN, "--force"]) == 0
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
    assert (data["channels"], data["white"], data["layout"]) == ([1, 2], "99.99%", "pairs")
    assert run.model.recipe.values["generator"]["use"] == "cells/separable"


def complete(folder: Path, number: int, **odd: object) -> None:
    """A stack of 16 bits of red and two greens, 17 × 25 pixels, on a raised background."""
    rng = np.random.default_rng(number)
    pixels = (rng.integers(0, 3000, (3, 17, 25)) * (rng.random((17, 25)) < 0.5) + 300).astype(np.uint16)
    about = {"Channel": {"Name": ["mCherry", "Arp3 & co", "µ"]}, "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"cell{number:02}.ome.tif"
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata={"axes": "CYX", **about} | odd)


def test_complete_cells_train_a_star_shaped_net_that_writes_their_pixel_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(14):
        complete(tmp_path / "cells", number)
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", "cells", "colours=magenta/green", "scale_bar=2"]) == 0
    out = capsys.readouterr()
    assert "1 Arp3 & co" in out.out and "17 × 25" in out.out and "uint16" in out.out
    assert "red is mCherry, green Arp3 & co, µ" in out.err
    assert run_command_line(["validate", "inspected.yaml"]) == 0
    run = gantk.run("inspected.yaml", {**QUICK, "train.steps": 2})
    data = run.model.recipe.values["data"]
    assert (data["use"], data["size"], data["fit"]) == ("cells/stacks", [16, 24], "crop")
    assert (data["background"], data["white"]) == ("1%", "99.99%")
    assert run_command_line(["sample", str(run.path), "-n", "9", "-o", "made.ome.tif"]) == 0
    with tifffile.TiffFile("made.ome.tif") as file:
        pixels, said = file.series[0].asarray(), file.ome_metadata
    assert pixels.dtype == np.uint16 and pixels.shape == (9, 3, 16, 24)
    assert pixels.min() >= 300 and pixels.max() <= 3300  # not 0 … 65535
    assert 'PhysicalSizeX="0.2"' in said and "mCherry 300 …" in said and "generated images" in said
    assert run_command_line(["inspect", "made.ome.tif", "--force", "--json"]) == 0
    again = gantk.run("inspected.yaml", {**QUICK, "train.steps": 2})
    assert again.model.spec.origin == "generated"
    assert again.model.spec.names["channel"][0] == "mCherry"


def test_floating_point_images_of_odd_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for number in range(10):
        for name in ("A", "B"):
            folder = tmp_path / "images" / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.normal(0, 1, (2, 13 + number % 3, 22)).astype(np.float32)
            tifffile.imwrite(folder / f"{number}.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"})
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", "images", "-q"]) == 0
    run = gantk.run("inspected.yaml", {**QUICK, "train.steps": 2})
    data = run.model.recipe.values["data"]
    assert (data["size"], data["fit"], data["background"]) == ([16, 24], "pad", "1%")
    assert run.model.spec.attributes["pixels"]["type"] == "float32"


def test_what_the_owner_should_know(tmp_path: Path) -> None:
    for number in range(4):
        complete(tmp_path / "a_train", number)
        complete(tmp_path / "a_test", number)
    complete(tmp_path / "a_train", 9, Channel={"Name": ["GFP", "GFP", "µ"]})
    found = survey(tmp_path)
    assert [len(each.in_training) for each in found.classes] == [0, 4]
    said = "\n".join(warnings_of(found, data_block(found)))
    assert "missing or there twice" in said
    assert data_block(found)["channel_names"] == ["red", "protein1", "protein2"]  # by number


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images"):
        survey(tmp_path)
    pixels = np.ones((5, 2, 12, 16), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(DataError, match=r"none of its images can be read; the first:\n.*z-stack"):
        data_block(survey(tmp_path))


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (("Alp14", "Sid2"), "proteins"),
        (("Mkh1", "Tea1"), "proteins"),
        (("wt_1", "mutant"), "conditions"),
        (("DMSO", "nocodazole 5 uM"), "conditions"),
        (("siCDC2", "siLuc"), "conditions"),
        (("0h", "24h"), "conditions"),
    ],
)
def test_classes_are_proteins_or_conditions(
    tree: Callable[..., Path], tmp_path: Path, names: tuple[str, str], kinds: str
) -> None:
    found = survey(tree(dict.fromkeys(names, 4), height=16, width=24))
    data = data_block(found)
    assert kinds_of(found, data, None) == kinds
    assert kinds_of(found, data, "proteins") == "proteins"
    starshaped = "cells/starshaped" in recipe_text(data, 2, kinds_of(found, data, None))
    assert starshaped == (kinds == "proteins")


def test_classes_are_asked_for_and_both_recipes_run(
    tree: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree({"A": 8, "B": 8}, height=16, width=24)
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root), LIN]) == 0
    said = capsys.readouterr().err
    assert "another protein in each class folder, or another condition? Taken for proteins" in said
    (hint,) = [line.partition(": gantk ")[2] for line in said.splitlines() if "--classes conditions" in line]
    assert run_command_line(shlex.split(hint)) == 0
    assert "another condition?" not in capsys.readouterr().err
    run = gantk.run("inspected.yaml", QUICK)
    assert run.model.recipe.values["generator"]["use"] == "cells/independent_separable"
    assert run.sample(2).samples.shape == (2, 2, 2, 16, 24)  # a picture of each: no cell is claimed to be another's


def test_nothing_of_lin_is_said_of_other_cells(
    tree: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree({"A": 8, "B": 8}, height=16, width=24)
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root), LIN, "-q"]) == 0
    small = {"evaluate.0.samples": 8, "evaluate.1.samples": 8, "evaluate.2.steps": 2, "evaluate.2.samples": 8}
    run = gantk.run("inspected.yaml", {key: value for key, value in QUICK.items() if key != "evaluate"} | small)
    assert [block["use"] for block in run.model.recipe.values["evaluate"]] == [
        "basics/memorisation",
        "basics/precision_recall",
        "cells/probe",
    ]
    assert run.model.spec.names["channel"] == ("channel 0", "channel 1")
    run.sample(2).save("made.ome.tif")
    with tifffile.TiffFile("made.ome.tif") as file:
        said = file.ome_metadata
    assert "channel 0" in said and "Bgs4" not in said
    assert "Bgs4" not in (run.path / "report.html").read_text(encoding="utf-8")
    assert "Growth zones" not in (run.path / "report.html").read_text(encoding="utf-8")


def test_keys_of_the_data_stand_in_the_recipe_and_a_class_of_stacks_is_of_complete_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(12):
        complete(tmp_path / "images" / "cells", number)
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", "images", "-q"]) == 0
    data = gantk.load_recipe("inspected.yaml").values["data"]
    assert data["use"] == "cells/stacks" and Path(data["root"]) == tmp_path / "images" / "cells"
    asked = ["data.use=cells/lin", "data.channels=[mCherry, µ]", "data.size=[32, 32]", "data.fit=crop_and_pad"]
    assert run_command_line(["inspect", "images", *asked, "--force"]) == 0
    data = gantk.load_recipe("inspected.yaml").values["data"]
    assert (data["use"], data["channels"], data["size"]) == ("cells/lin", ["mCherry", "µ"], [32, 32])
    said = capsys.readouterr().err
    assert "not in the recipe, though not empty: channel Arp3 & co" in said
    hint = said.partition("With all of them: gantk ")[2].partition("\n")[0]
    assert run_command_line(shlex.split(hint)) == 0


def test_no_recipe_that_a_run_would_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own").mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(1, 200, (16, 24))
        tifffile.imwrite(tmp_path / f"own/{i}.tif", pixels.astype(np.uint16 if i % 2 else np.float32))
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", "own", "--json"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["recipe"] is None and "images of different types" in document["refused"]
    assert "no recipe is written, since a run would refuse it" in err
    assert not Path("inspected.yaml").exists() and Path("inspected.png").exists()
