"""Samples as text and as tables: written, read, judged and shown; of two formats of an ending, the one that fits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_basics.files.table import NumberTable
from gantk_motif.files import StringLines
from hypothesis import given
from hypothesis import strategies as st

import gantk
from gantk.cli import run_command_line
from gantk.components import format_for
from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec

FLOATS = st.floats(-1e6, 1e6, width=32)
NAMED = DataSpec((2,), ("coordinate",), range=None, names={"coordinate": ("x", "y")}, classes=("one", "two"))


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=6), st.sampled_from([".csv", ".tsv"]))
def test_numbers_are_kept_exactly(tmp_path_factory: pytest.TempPathFactory, rows: list, ending: str) -> None:
    path = tmp_path_factory.mktemp("table") / f"samples{ending}"
    samples = Samples(samples=torch.tensor(rows), labels=torch.arange(len(rows)) % 2, spec=NAMED)
    NumberTable().write(path, samples)
    back = NumberTable().read(path)
    assert torch.equal(back.samples, samples.samples)
    assert back.spec.names == NAMED.names
    assert [back.spec.classes[each] for each in back.labels] == [NAMED.classes[each] for each in samples.labels]


@pytest.mark.parametrize(
    "spec",
    [
        DataSpec((3,), ("value",), range=None),
        DataSpec((1, 4), ("channel", "position"), range=None),
        DataSpec((2, 3), ("channel", "position"), range=None),
    ],
)
def test_shapes_are_kept(spec: DataSpec, tmp_path: Path) -> None:
    samples = Samples(samples=torch.randn(3, *spec.shape), spec=spec)
    NumberTable().write(tmp_path / "a.csv", samples)
    back = NumberTable().read(tmp_path / "a.csv")
    assert (back.spec.shape, back.spec.axes) == (spec.shape, spec.axes)
    assert torch.equal(back.samples, samples.samples)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x,y\n1,2\n3,oops\n", "row 3, column 'y': 'oops' is no finite number"),
        ("x,y\n1,nan\n", "'nan' is no finite number"),
        ("x,y\n1,2,3\n", "row 2: 3 fields under a heading of 2"),
        ("x,y\n", "a heading and a row for each sample"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_with_its_place(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(FileError, match=told):
        NumberTable().read(tmp_path / "a.csv")  # another format may read what this one refuses


def test_strings_as_text(tmp_path: Path) -> None:
    samples = Samples(samples=torch.tensor([[[0.1, 0.9, 0.8]], [[0.6, 0.2, 0.4]]]), spec=STRINGS)
    StringLines().write(tmp_path / "a.txt", samples)
    assert (tmp_path / "a.txt").read_text() == "011\n100\n"
    assert StringLines().read(tmp_path / "a.txt").samples.tolist() == [[[0, 1, 1]], [[1, 0, 0]]]
    (tmp_path / "b.txt").write_text("011\n10\n")
    with pytest.raises(FileError, match="line 2: not a string of 3 letters"):
        gantk.read(tmp_path / "b.txt")


STRINGS = DataSpec((1, 3), ("channel", "position"), range=(0.0, 1.0), view="motif/strings")
LETTERS = DataSpec((4, 3), ("base", "position"), range=(0, 1), categorical=True, names={"base": tuple("ACGT")})


def test_of_two_formats_of_one_ending_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    bases = Samples(samples=torch.eye(4)[torch.tensor([[0, 1, 2]])].movedim(-1, 1), spec=LETTERS)
    format_for(tmp_path / "a.csv", LETTERS).write(tmp_path / "a.csv", bases)
    assert "ACG" in (tmp_path / "a.csv").read_text()
    assert torch.equal(gantk.read(tmp_path / "a.csv").samples, bases.samples)
    points = Samples(samples=torch.randn(2, 2), spec=NAMED)
    format_for(tmp_path / "b.csv", NAMED).write(tmp_path / "b.csv", points)
    assert torch.equal(gantk.read(tmp_path / "b.csv").samples, points.samples)
    image = DataSpec((1, 4, 4), ("channel", "y", "x"))
    with pytest.raises(DoesNotFit, match="a table of numbers"):
        format_for(tmp_path / "c.csv", image).write(
            tmp_path / "c.csv", Samples(samples=torch.zeros(1, 1, 4, 4), spec=image)
        )


def test_toys_leave_as_text_and_tables_and_are_judged_and_shown(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gantk.run(tiny, {"train.steps": 1, "evaluate": []}, out="ring", quiet=True)
    assert run_command_line(["sample", "ring", "-n", "9", "-o", "points.csv"]) == 0
    assert run_command_line(["evaluate", "points.csv", "--data", str(tiny)]) == 0
    capsys.readouterr()
    for source in ("ring", "points.csv"):
        assert run_command_line(["view", source, "--text", "-n", "4"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 4


def test_strings_are_shown_as_text(capsys: pytest.CaptureFixture[str], tiny: Path) -> None:
    strings = {"use": "motif/strings", "samples": 50, "held_out": 20, "length": 32}
    over = {
        "data": strings,
        "generator": {"use": "motif/placed"},
        "critic": {"use": "motif/pooled"},
        "train.steps": 1,
        "evaluate": [],
    }
    gantk.run(tiny, over, out="strings", quiet=True)
    capsys.readouterr()
    assert run_command_line(["view", "strings", "--text", "-n", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(len(line) == 32 and set(line) <= {"0", "1"} for line in lines)
    recipe = Path("strings/resolved.yaml")
    for ending in ("txt", "csv"):
        assert run_command_line(["sample", "strings", "-n", "9", "-o", f"made.{ending}"]) == 0
        judged = ["evaluate", f"made.{ending}", "--data", str(recipe), "evaluate=[{use: motif/motif_rate}]"]
        assert run_command_line(judged) == 0
