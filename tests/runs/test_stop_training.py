"""Runs that end before their last step because a callback, or `train.patience`, says so: whole, judged, exit code 0."""

from __future__ import annotations

from pathlib import Path

import pytest

import gantk
from gantk.cli import run_command_line
from gantk.errors import RecipeError
from gantk.files.run_folder import RunFolder
from tests.runs.test_runs import assert_equal, content

FROZEN = {  # nothing is learned, so nothing becomes better than at the first measurement
    "play.generator_optimizer.lr": 1e-12,
    "train.ema": None,
    "train.steps": 20,
    "train.checkpoint_every": 3,
    "train.keep": 20,
    "train.sample_every": 100,
    "evaluate": [{"use": "basics/ring_modes", "samples": 40, "every": 2}],
    "train.keep_best": {"metric": "ring_modes.modes_covered"},
    "train.patience": 3,
}


def reason_of(run: gantk.Run) -> tuple[int, str]:
    line = [line for line in run.folder.lines(run.folder.history) if line["event"] == "trained"][-1]
    return line["step"], line.get("reason", "")


def test_patience_ends_a_run_that_is_whole(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gantk.run(tiny, FROZEN, out="run")
    assert run.folder.last_step() == 8  # best at 2; 4, 6 and 8 were no better
    assert reason_of(run) == (8, "ring_modes.modes_covered has not become better since step 2 (train.patience=3)")
    assert run.folder.checkpoints()[-1].name == "step-8.h5"
    assert "ring_modes" in run.evaluation
    assert "Training ended early, at step 8: ring_modes.modes_covered has not become better" in run.report.read_text()
    capsys.readouterr()
    assert run_command_line(["resume", "run"]) == 0
    told = capsys.readouterr().err
    assert "is finished, with 8 steps: nothing to do" in told and "gantk resume run train.patience=null" in told
    assert run_command_line(["resume", "run", "train.keep=19"]) == 0  # measured already, and no better
    assert run.folder.last_step() == 8
    assert run_command_line(["resume", "run", "--from", "step-3.h5"]) == 0  # ends where it ended
    assert reason_of(run)[0] == run.folder.last_step() == 8


def test_gone_on_with_it_is_the_run_that_was_never_ended(tiny: Path) -> None:
    ended = gantk.run(tiny, FROZEN, out="ended", quiet=True)
    gantk.resume(ended.path, {"train.patience": None, "train.steps": 12}, quiet=True)
    whole = gantk.run(tiny, FROZEN | {"train.patience": None, "train.steps": 12}, out="whole", quiet=True)
    assert_equal(*(content(each.folder.checkpoints()[-1]) for each in (ended, whole)))
    assert reason_of(whole) == reason_of(ended) == (12, "")


def test_a_callback_ends_a_run(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def enough(step: int, values: dict[str, float]) -> None:
        if "ring_modes.modes_covered" in values and step >= 4:
            raise gantk.StopTraining("four steps will do")

    run = gantk.run(tiny, {**FROZEN, "train.patience": None}, out="run", callbacks=[enough])
    step, reason = reason_of(run)
    assert step == 4 and reason.endswith("four steps will do")
    assert run.evaluation and run.folder.checkpoints()[-1].name == "step-4.h5"
    assert "training ends at step 4 of 20" in capsys.readouterr().err
    assert run_command_line(["resume", "run"]) == 0
    assert "gantk resume run train.steps=24" in capsys.readouterr().err


def test_a_callback_of_terms_ends_a_run_within_fifty_steps(tiny: Path) -> None:
    class Enough(gantk.Callback):
        def on_log(self, step: int, values: dict[str, float]) -> None:  # type: ignore[override]
            if step == 1:
                raise gantk.StopTraining

    run = gantk.run(tiny, {"train.steps": 200, "evaluate": []}, out="run", callbacks=[Enough()], quiet=True)
    assert RunFolder(run.path).last_step() <= 50
    assert reason_of(run)[1] == "Enough"


def test_a_name_that_no_metric_gives_is_said_once(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = {"train.steps": 4, "train.keep_best": {"metric": "ring_modes.mode"}}
    assert gantk.run(tiny, FROZEN | few, out="run").folder.last_step() == 4
    told = capsys.readouterr().err
    assert told.count("keep_best names ring_modes.mode, but ring_modes gives modes_covered, high_quality") == 1


def test_patience_needs_something_to_wait_for(tiny: Path) -> None:
    with pytest.raises(RecipeError, match=r"patience needs keep_best"):
        gantk.load_recipe(tiny, {"train.patience": 2})
