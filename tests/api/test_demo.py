"""The trained generator that comes with gantk: small, says what it is, can be sampled, and not trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantk.api.model import Model
from gantk.cli import run_command_line
from gantk.errors import GantkError
from gantk.files.shipped import model_called, own_folder
from gantk.training.checkpoint import read_checkpoint
from gantk.training.generator_file import write_generator


def test_it_is_small_and_says_that_its_cells_are_simulated() -> None:
    path = own_folder() / "demo.h5"
    assert path.stat().st_size < 5_000_000
    held = read_checkpoint(path)
    assert held.generator_alone and held.step == 2000
    assert "SIMULATED" in held.recipe and held.spec.origin == "simulated"
    assert {str(values.dtype) for values in held.tensors["generator"].values()} <= {"float16", "int64"}


def test_it_is_sampled_by_name_before_there_is_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["sample", "demo", "-n", "2", "-o", "cells.ome.tif"]) == 0
    assert "modelled on simulated data" in capsys.readouterr().err
    assert run_command_line(["view", "cells.ome.tif", "-o", "cells.png"]) == 0
    made = Model("demo").sample(2)
    assert made.spec.names["channel"] == ("Bgs4", "Alp14", "Arp3", "Cki2", "Mkh1", "Sid2", "Tea1")
    bright = (made.samples > -0.8).float().mean((2, 3))
    assert (bright > 0.05).all() and (bright < 0.6).all()  # a cell in each channel, on a dark ground
    capsys.readouterr()
    assert run_command_line(["sample", "demo", "--reject", "2", "-o", "x.h5"]) == 2
    assert "holds a generator alone, and this needs its critic" in capsys.readouterr().err
    small = ["data.cells=10", "data.test_cells=4", "train.steps=1", "evaluate=[]", "--quiet"]
    assert run_command_line(["run", "lin_starshaped", "train.start_from=demo", *small]) == 2
    assert "beside a new critic it would unlearn what it knows" in capsys.readouterr().err
    assert model_called(Path("elsewhere/demo")) is None


def test_a_generator_alone_draws_what_its_run_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["train.steps=2", "data.samples=100", "data.held_out=50", "evaluate=[]", "train.ema=0.9", "--quiet"]
    assert run_command_line(["run", "toy_motif_dcgan", *small, "--out", "run"]) == 0
    run = Model("run")
    about = {"recipe": run.checkpoint.recipe, "spec": run.spec, "plugins": run.checkpoint.plugins}
    write_generator(tmp_path / "alone.h5", run.state, **about)
    alone = Model(tmp_path / "alone.h5")
    assert (alone.sample(4).samples - run.sample(4).samples).abs().max() < 2e-3
    with pytest.raises(GantkError, match="not trained on"):
        Model(tmp_path / "alone.h5", optimizers=True)
