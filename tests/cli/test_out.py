"""Files that cannot be written are refused before the work whose result they would hold."""

from __future__ import annotations

from pathlib import Path

import pytest

import gantk
from gantk.api.model import Model
from gantk.cli import run_command_line


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quick = {"train.steps": 1, "train.batch": 4, "train.samples": 2, "evaluate": [], "train.sample_every": None}
    return gantk.run("toy_motif", quick, out=tmp_path_factory.mktemp("runs") / "run", quiet=True).path


@pytest.mark.parametrize("out", ["x.gb", "x.ome.tif", "run.txt/x.h5", "x"])
def test_samples_are_not_drawn_for_a_file_that_cannot_hold_them(
    run: Path, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.txt").touch()  # no folder can be made of that name
    drawn: list[int] = []
    sample = Model.sample
    monkeypatch.setattr(Model, "sample", lambda self, n, **given: (drawn.append(n), sample(self, n, **given))[1])
    assert run_command_line(["sample", str(run), "-n", "500", "-o", out]) in (1, 2)
    told = capsys.readouterr().err
    assert "Traceback" not in told and (out.partition("/")[0] in told or "OME-TIFF takes images" in told)
    assert 500 not in drawn and not Path(out).exists()


@pytest.mark.parametrize("command", [["inspect", "."], ["reconstruct", "runs/none"]])
def test_pictures_need_the_ending_of_one_before_anything_is_done(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line([*command, "-o", "x.gb"]) == 2
    assert "a picture's name ends in .png" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
