"""What can be explored of a model, without a browser: the command line that repeats a sample, files, and misuse."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gantk
from gantk.api.samples import read_samples
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.explore import beside
from gantk.explore.explorer import LARGEST, Choice, Explorer
from gantk.files.shipped import own_folder
from gantk.latents.places import Between, Place
from gantk.training.checkpoint import MAGIC
from tests.helpers.damage import refused, resealed

CELLS = [
    Choice(Place(17)),
    Choice(Place(17, truncation=1.0)),
    Choice(Place(3, {"red": 17}, {"green.direction2": -1.25, "dimension7": 0.5})),
    Choice(Between(Place(3), Place(4, {"red": 1}), 0.3, "red")),
]


@pytest.fixture(scope="module")
def cells() -> Explorer:
    return Explorer(gantk.load("demo"), "demo")


@pytest.mark.parametrize("choice", CELLS, ids=lambda choice: choice.title)
@pytest.mark.parametrize("ending", [".png", ".ome.tif", ".h5"])
def test_the_command_line_draws_the_file_that_is_saved(
    cells: Explorer, choice: Choice, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ending in cells.endings
    line = cells.command(choice, ending)
    assert run_command_line(shlex.split(line)[1:]) == 0
    cells.save(choice, Path(f"saved{ending}"))
    if ending == ".png":
        assert Path("sample.png").read_bytes() == Path("saved.png").read_bytes()
    else:
        again, saved = read_samples(f"sample{ending}"), read_samples(f"saved{ending}")
        assert torch.equal(again.samples, saved.samples) and again.names == saved.names


def test_choices_that_differ_look_different_and_holding_holds(cells: Explorer) -> None:
    pictures = [np.asarray(cells.picture(choice)) for choice in CELLS]
    assert all((one != other).any() for at, one in enumerate(pictures) for other in pictures[:at])
    one, other = (cells.sample(Choice(Place(3, {"green": green}))).samples for green in (4, 5))
    assert torch.equal(one[:, 0], other[:, 0]) and not torch.equal(one[:, 1:], other[:, 1:])  # the red channel is first


def test_what_is_offered_are_directions_of_each_part_and_the_numbers_that_were_typed(cells: Explorer) -> None:
    offered = cells.offered_moves(2, [3])
    assert [*offered] == ["red.direction1", "red.direction2", "green.direction1", "green.direction2", "dimension3"]
    assert offered["red.direction1"] == "red direction 1"
    with pytest.raises(DoesNotFit, match="no dimension 100"):
        cells.offered_moves(2, [100])


def test_beside_a_sample_are_others(cells: Explorer) -> None:
    choice = Choice(Place(3))
    along, caption = beside.along(cells, choice, "red.direction1")
    assert caption == "red.direction1 from -3 to 3 standard deviations"
    around, caption = beside.around(cells, choice, "green", 0.5, seed=0)
    assert caption == "this one, and 11 in which green varies by 0.5, red held"
    way = beside.on_the_way(cells, Place(1), Place(2), None, None)
    assert along.height == way.height < around.height
    with pytest.raises(DoesNotFit, match="lies between two"):
        beside.along(cells, CELLS[-1], "red.direction1")


def test_a_small_picture_is_enlarged_and_its_pixels_stay_squares(tiny_digits: Path) -> None:
    explorer = Explorer(gantk.load(tiny_digits), "digits")
    picture = explorer.picture(Choice(Place(1)))
    assert picture.size == (LARGEST, LARGEST)
    small = picture.resize((8, 8), Image.Resampling.NEAREST)
    assert np.array_equal(np.asarray(small.resize(picture.size, Image.Resampling.NEAREST)), np.asarray(picture))
    assert explorer.endings == [".png", ".h5"] and explorer.offered_moves(3, [])


@pytest.fixture
def tiny_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of one step."""
    monkeypatch.chdir(tmp_path)
    words = ["digits_dcgan", "train.steps=1", "train.batch=4", "generator.width=4", "critic.width=4", "evaluate=[]"]
    assert run_command_line(["run", *words, "--out", "digits", "-q"]) == 0
    return tmp_path / "digits"


def test_a_page_without_its_library_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("gantk.explore.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "panel", None)
    assert run_command_line(["explore", "demo", "--no-open"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "pip install 'gantk[explore]'" in err and "Traceback" not in err


def test_what_cannot_be_explored_is_said(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no such" in refused(capsys, "explore", "runs/nothing-1")
    assert "train.steps has no effect here" in refused(capsys, "explore", "demo", "train.steps=3", code=1)
    shutil.copy(own_folder() / "demo.h5", "newer.h5")
    resealed(Path("newer.h5"), MAGIC, lambda file: file.attrs.__setitem__("format", 2))
    assert "has format 2, but this gantk reads 1: update gantk" in refused(capsys, "explore", "newer.h5")


def test_a_model_without_a_generator_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{'ACGT' * 3}{'ACGT'[row % 4]},{row}\n" for row in range(40))
    Path("scores.csv").write_text("sequence,score\n" + rows)
    data = {"use": "dna/sequences", "path": "scores.csv", "score": "score"}
    recipe = {"data": data, "generator": None, "critic": {"use": "dna/predictor"}, "loss": {"use": "dna/regression"}}
    gantk.run({**recipe, "train": {"steps": 1, "batch": 4}}, out="predictor", quiet=True)
    assert "has no generator" in refused(capsys, "explore", "predictor")
