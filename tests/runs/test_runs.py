"""Whole runs: folders, exact resume for every loss, divergence, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
import torch

import gantk
from gantk.errors import Diverged, FileError, GantkError, Interrupted, RecipeError
from gantk.files.run_folder import RunFolder
from gantk.runs import checkpoint_writer
from gantk.runs.best_step import is_better
from gantk.training import checkpoint

LOSSES = ["gan", "wgan", "wgan_gp", "hinge", "lsgan", "minibatch_discrimination"]


def content(path: Path) -> tuple[dict, dict]:
    found = checkpoint.read_checkpoint(path)
    return found.tensors, {side: saved["state"] for side, saved in found.optimizers.items()}


def assert_equal(first: object, second: object) -> None:
    if isinstance(first, tuple):
        for one, other in zip(first, second, strict=True):
            assert_equal(one, other)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_equal(first[key], second[key])
    else:
        assert (first == second).all()


def test_a_run_leaves_what_it_promises(tiny: Path) -> None:
    run = gantk.run(tiny)
    assert run.path == Path("runs/tiny-1")
    there = {str(path.relative_to(run.path)) for path in run.path.rglob("*") if path.is_file()}
    assert {"recipe.yaml", "resolved.yaml", "env.json", "metrics.jsonl", "evaluation.json", "report.html"} <= there
    assert {"samples/data.png", "samples/generated.png", "samples/step-000010.png"} <= there
    assert [path.name for path in run.folder.checkpoints()] == ["step-10.h5", "step-15.h5", "step-20.h5"]  # keep: 3
    assert [line["step"] for line in run.metrics if "seconds" in line] == list(range(1, 21))
    assert "ring_modes" in run.evaluation
    assert run.path.joinpath("recipe.yaml").read_text() == tiny.read_text()
    assert json.loads(run.path.joinpath("env.json").read_text())["versions"]["torch"] == metadata.version("torch")


@pytest.mark.parametrize("loss", LOSSES)
def test_resumed_run_is_the_run_that_never_stopped(tiny: Path, loss: str) -> None:
    nested = ["loss.loss={use: basics/gan}"] if loss == "minibatch_discrimination" else []
    overrides = [f"loss.use=basics/{loss}", *nested, "evaluate=[]"]
    whole = gantk.run(tiny, overrides)
    gantk.run(tiny, [*overrides, "train.steps=10"], out="half")
    half = gantk.resume("half", ["train.steps=20"])
    assert_equal(content(whole.folder.checkpoint_path(20)), content(half.folder.checkpoint_path(20)))
    assert torch.equal(whole.sample(8, seed=5).samples, half.sample(8, seed=5).samples)

    def terms(run: gantk.Run) -> list[dict]:
        return [{k: v for k, v in line.items() if k != "seconds"} for line in run.metrics if "seconds" in line]

    assert terms(whole) == terms(half)


def test_resolved_recipe_repeats_the_run(tiny: Path) -> None:
    first = gantk.run(tiny, {"train.steps": 6})
    again = gantk.run(first.path / "resolved.yaml")
    assert_equal(content(first.folder.last_checkpoint()), content(again.folder.last_checkpoint()))


def test_a_run_is_never_overwritten(tiny: Path) -> None:
    gantk.run(tiny, {"train.steps": 2}, out="here")
    before = sorted(Path("here").rglob("*"))
    with pytest.raises(FileError, match="never overwritten"):
        gantk.run(tiny, {"train.steps": 2}, out="here")
    assert sorted(Path("here").rglob("*")) == before


@pytest.mark.parametrize("override", ["seed=4", "generator.latent=9", "train.batch=8", "loss.use=basics/wgan"])
def test_resume_refuses_what_would_make_another_model(tiny: Path, override: str) -> None:
    gantk.run(tiny, {"train.steps": 2}, out="here")
    with pytest.raises(RecipeError, match="another model"):
        gantk.resume("here", [override])


def test_start_from_takes_the_weights(tiny: Path) -> None:
    first = gantk.run(tiny, {"train.steps": 5, "evaluate": []})
    weights = str(first.folder.last_checkpoint())
    rates = {"play.generator_optimizer": {"use": "basics/sgd", "lr": 1e-30}}
    second = gantk.run(tiny, {"train.steps": 1, "train.start_from": weights, "evaluate": [], **rates})
    a = checkpoint.read_checkpoint(first.folder.last_checkpoint()).tensors["generator"]
    assert_equal(a, checkpoint.read_checkpoint(second.folder.last_checkpoint()).tensors["generator"])


def test_start_from_refuses_other_shapes_and_leaves_no_folder(tiny: Path) -> None:
    first = gantk.run(tiny, {"train.steps": 1, "evaluate": []})
    overrides = {"train.start_from": str(first.folder.last_checkpoint()), "generator.hidden": [32]}
    with pytest.raises(FileError, match=r"in the file, .* here"):
        gantk.run(tiny, overrides, out="second")
    assert not Path("second").exists()


def test_divergence_stops_and_names_the_last_good_checkpoint(tiny: Path) -> None:
    wild = {
        "train.steps": 400,
        "loss.use": "basics/lsgan",
        "play.generator_optimizer": {"use": "basics/sgd", "lr": 10.0},
        "play.critic_optimizer": {"use": "basics/sgd", "lr": 10.0},
    }
    with pytest.raises(Diverged, match=r"step \d+") as caught:
        gantk.run(tiny, wild, out="wild")
    folder = RunFolder(Path("wild"))
    assert caught.value.exit_code == 1
    for path in folder.checkpoints():  # whatever was kept is finite
        assert str(folder.checkpoints()[-1]) in str(caught.value)
        for tensors in checkpoint.read_checkpoint(path).tensors.values():
            assert all(torch.as_tensor(array).isfinite().all() for array in tensors.values())


def test_a_full_disk_ends_the_run_with_the_last_good_checkpoint_named(tiny: Path, monkeypatch) -> None:
    written = checkpoint.store
    tries: list[str] = []

    def full(path: Path, content: memoryview) -> None:
        if path.name != "step-5.h5":
            tries.append(path.name)
            raise OSError(28, "No space left on device")
        written(path, content)

    monkeypatch.setattr(checkpoint_writer, "RETRY_SECONDS", (0.01, 0.01, 0.01))
    monkeypatch.setattr(checkpoint, "store", full)
    with pytest.raises(FileError, match=r"No space left on device \(tried 4 times\).*step-5\.h5") as caught:
        gantk.run(tiny, {"evaluate": []}, out="full")
    assert "gantk resume full" in str(caught.value)
    assert len(tries) == 4
    monkeypatch.setattr(checkpoint, "store", written)
    assert gantk.resume("full").folder.last_checkpoint().name == "step-20.h5"


def test_collapse_is_warned_of_and_recorded(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = {"train.ema": 0.0, "play.generator_optimizer": {"use": "basics/sgd", "lr": 1e-30}}
    run = gantk.run(tiny, {"data.radius": 1000.0, "evaluate": [], **still})
    assert any(line.get("collapse_warning") for line in run.metrics)
    assert "mode collapse?" in capsys.readouterr().err


def test_keep_best_keeps_the_best_on_the_validation_split(tiny: Path) -> None:
    entry = {"use": "basics/ring_modes", "samples": 100, "every": 4}
    run = gantk.run(tiny, {"evaluate": [entry], "train.keep_best": {"metric": "ring_modes.high_quality"}})
    seen = {line["step"]: line["ring_modes.high_quality"] for line in run.metrics if line.get("split") == "validation"}
    assert sorted(seen) == [4, 8, 12, 16, 20]
    best = checkpoint.read_checkpoint(run.folder.best_checkpoint)
    assert best.best["value"] == max(seen.values())
    assert best.best["step"] == best.step == min(step for step, value in seen.items() if value == max(seen.values()))


@pytest.mark.parametrize(
    ("value", "best", "better", "reference", "expected"),
    [
        (2.0, None, "higher", None, True),
        (2.0, 1.0, "higher", None, True),
        (2.0, 1.0, "lower", None, False),
        (0.9, 1.3, "near", 1.0, True),
        (0.6, 1.3, "near", 1.0, False),
    ],
)
def test_is_better(value: float, best: float | None, better: str, reference: float | None, expected: bool) -> None:
    assert is_better(value, best, better, reference) is expected


def test_missing_recipe_and_missing_run_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GantkError, match=r"nowhere\.yaml"):
        gantk.run("nowhere.yaml")
    with pytest.raises(FileError, match="nowhere"):
        gantk.resume("nowhere")
    assert list(tmp_path.iterdir()) == []


def start_process(recipe: Path, out: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "gantk", "run", str(recipe), "--out", out, "train.steps=100000", "evaluate=[]"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 60
    while not list(Path(out).glob("checkpoints/step-*.h5")) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.05)
    return process


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_and_prints_how_to_go_on(tiny: Path, number: int, code: int) -> None:
    process = start_process(tiny, "stopped")
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "gantk resume stopped" in err
    assert "Traceback" not in err
    folder = RunFolder(Path("stopped"))
    step = checkpoint.read_checkpoint(folder.last_checkpoint()).step
    assert max(line["step"] for line in folder.lines()) == step
    whole = gantk.run(tiny, {"train.steps": step + 5, "evaluate": []})
    resumed = gantk.resume("stopped", {"train.steps": step + 5})
    assert_equal(content(whole.folder.last_checkpoint()), content(resumed.folder.last_checkpoint()))


@pytest.mark.slow
def test_killed_outright_it_resumes_from_the_last_checkpoint(tiny: Path) -> None:
    process = start_process(tiny, "killed")
    process.kill()
    process.communicate(timeout=60)
    folder = RunFolder(Path("killed"))
    step = checkpoint.read_checkpoint(folder.last_checkpoint()).step
    whole = gantk.run(tiny, {"train.steps": step + 5, "evaluate": []})
    resumed = gantk.resume("killed", {"train.steps": step + 5})
    assert_equal(content(whole.folder.last_checkpoint()), content(resumed.folder.last_checkpoint()))
    assert [line["step"] for line in resumed.metrics if "seconds" in line] == list(range(1, step + 6))


def test_interrupted_carries_its_exit_code() -> None:
    assert Interrupted("stopped", 143).exit_code == 143
