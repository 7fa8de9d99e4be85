"""`gantk encode`: samples to latents and back, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import gantk
import gantk.runs.final_evaluation
from gantk.api.encode import encode
from gantk.api.samples import Drawn, read_samples
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.files.latents import Latents
from gantk.spec import DataSpec
from gantk.testing.toys import POINTS, SmallGenerator

SMALL = {"train.steps": 3, "train.batch": 8, "train.samples": 2, "evaluate": [], "machine.threads": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conditional VAE in `cvae`, real digits in `real.h5`, and points in `points.h5`."""
    path = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gantk.runs.final_evaluation, "write_report", lambda folder: None)  # most of the time
        run = gantk.run("zoo/digits_cvae", SMALL, out=path / "cvae", quiet=True)
    run.model.real(12).save(path / "real.h5")
    Drawn(torch.zeros(5, 2), spec=DataSpec((2,), ("coordinate",), range=None)).save(path / "points.h5")
    return path


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_files_are_encoded_and_drawn_again_each_with_its_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, back = tmp_path / "latents.h5", tmp_path / "back.h5"
    assert run_command_line(["encode", "cvae", "real.h5", "real.h5", "-o", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    found, model, real = Latents.read(out), gantk.load("cvae"), read_samples("real.h5")
    assert torch.equal(found.values, model.encode(real).repeat(2, 1))
    assert found.facts["file"].tolist() == [0] * 12 + [1] * 12
    assert real.labels is not None and found.facts["label"].tolist() == real.labels.tolist() * 2
    assert run_command_line(["sample", "cvae", "--latents", str(out), "-o", str(back)]) == 0
    drawn = read_samples(back)
    expected = model.render(model.encode(real), labels=real.labels)
    assert torch.allclose(drawn.samples[:12], expected.samples, atol=1e-6)
    assert drawn.labels is not None and drawn.labels.tolist() == real.labels.tolist() * 2


def test_without_files_the_test_split_is_encoded(tmp_path: Path) -> None:
    out = tmp_path / "latents.h5"
    assert run_command_line(["encode", "cvae", "-o", str(out), "-q"]) == 0
    model = gantk.load("cvae")
    assert len(Latents.read(out).values) == len(model.data["test"])


def test_one_class_for_all_and_tensors_in_python() -> None:
    model = gantk.load("cvae")
    real = model.real(6)
    one = model.encode(real, label="3")
    assert torch.equal(one, model.encode(real.samples, label="3"))
    assert not torch.equal(one, model.encode(real, label="4"))
    assert tuple(one.shape) == (6, 8)
    with pytest.raises(DoesNotFit, match="have no labels: give --label CLASS"):
        model.encode(real.samples)


def test_a_generator_without_an_encoder_is_refused() -> None:
    with pytest.raises(DoesNotFit, match="no encoder"):
        encode(SmallGenerator(POINTS), POINTS, torch.zeros(2, 3), None, torch.device("cpu"))


REFUSED = {
    "encode cvae points.h5": "takes samples of 1 × 8 × 8, and these are 2",
    "encode cvae real.h5 --label thirteen": "no class is called 'thirteen'",
    "encode cvae real.h5 -o latents.npy": "latents are written as HDF5",
    "encode cvae real.h5 -o real.h5": "exists already",
    "encode cvae nowhere.h5": "there is no such file",
    "encode cvae noise.npy": "noise.npy",
}  # fmt: skip


@pytest.mark.parametrize("typed", list(REFUSED))
def test_mistakes(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("noise.npy", np.zeros((2, 1, 8, 8), np.float32))
    assert run_command_line(typed.split()) in (1, 2)
    said = capsys.readouterr().err
    assert REFUSED[typed] in said and "Traceback" not in said, said
    assert not Path("latents.h5").exists()
