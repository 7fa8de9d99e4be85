"""The checkpoint by time: a run that is killed loses minutes, whatever its recipe says, and no number knows of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import gantk
from gantk.files.run_folder import RunFolder, checkpoint_of, step_in_name
from gantk.interfaces import Callback
from gantk.recipe.recipe import load
from gantk.training import checkpoint

EVERY_STEP = {"train.checkpoint_minutes": 1e-9}
QUICK = {"train.steps": 12, "train.samples": 4, "evaluate": [], "train.checkpoint_every": None}
WILD = QUICK | {
    "train.steps": 40,
    "train.checkpoint_every": 5,
    "loss.use": "basics/lsgan",
    "play.generator_optimizer": {"use": "basics/sgd", "lr": 3.0},
    "play.critic_optimizer": {"use": "basics/sgd", "lr": 3.0},
    "train.on_divergence": "restore",
    "train.restore_rate": 0.1,
}


def bits(path: Path) -> dict[str, bytes]:
    found = checkpoint.read_checkpoint(path)
    arrays = {f"{group}.{name}": array for group, named in found.tensors.items() for name, array in named.items()}
    for side, saved in found.optimizers.items():
        arrays |= {f"{side}.{n}.{name}": array for n, named in saved["state"].items() for name, array in named.items()}
    return {name: array.tobytes() for name, array in arrays.items()}


def numbers(folder: RunFolder) -> list[dict]:
    return [{name: value for name, value in line.items() if name != "seconds"} for line in folder.lines()]


class Copy(Callback):
    """Copies the run folder before a step is written down: what a process leaves that is killed there."""

    def __init__(self, run: str, at: int):
        self.run, self.at, self.names = Path(run), at, set[str]()

    def on_log(self, step: int, values: Any) -> None:
        if step <= self.at:
            self.names |= {path.name for path in self.run.glob("checkpoints/[!.]*")}
        if step == self.at:
            shutil.copytree(self.run, "killed", ignore=shutil.ignore_patterns(".*"))


def test_every_shipped_recipe_has_one() -> None:
    recipes = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
    assert len(recipes) > 20
    assert not [path.name for path in recipes if "checkpoint_minutes" in path.read_text()]
    assert load("toy_motif").values["train"]["checkpoint_minutes"] == 5


def test_killed_without_a_checkpoint_of_its_schedule_it_goes_on_from_the_timed_one(tiny: Path) -> None:
    whole = gantk.run(tiny, QUICK | {"train.checkpoint_minutes": None})
    copy = Copy("run", at=9)
    run = gantk.run(tiny, QUICK | EVERY_STEP, out="run", callbacks=[copy])
    assert {name.partition("-")[0] for name in copy.names} == {"timed"}
    assert [path.name for path in run.folder.checkpoints()] == ["step-12.h5"]  # the last one removes it
    killed = RunFolder(Path("killed"))
    found = killed.checkpoints()
    assert 0 < step_in_name(found[-1]) <= 9
    assert checkpoint_of(killed.path) == found[-1]  # it can be sampled from
    resumed = gantk.resume("killed")
    assert bits(resumed.folder.last_checkpoint()) == bits(whole.folder.last_checkpoint())
    assert numbers(resumed.folder) == numbers(whole.folder) == numbers(run.folder)


def test_it_is_one_file_and_others_do_not_count_it(tiny: Path) -> None:
    run = gantk.run(tiny, QUICK | {"train.checkpoint_every": 3, "train.keep": 2})
    folder = run.folder
    for step in (7, 10, 13):
        shutil.copyfile(folder.checkpoint_path(12), folder.checkpoint_path(step, timed=True))
    folder.forget_old_checkpoints(2)
    assert folder.last_scheduled(10) is None
    assert [path.name for path in folder.numbered_checkpoints()] == ["step-9.h5", "step-12.h5"]
    assert folder.last_checkpoint().name == "timed-13.h5"
    folder.forget_timed_checkpoints(but=folder.checkpoint_path(13, timed=True))
    assert [path.name for path in folder.checkpoints()] == ["step-9.h5", "step-12.h5", "timed-13.h5"]
    shutil.copyfile(folder.checkpoint_path(12), folder.checkpoint_path(12, timed=True))
    folder.set_aside_after(folder.checkpoint_path(12))
    assert folder.last_checkpoint().name == "step-12.h5"


def test_where_a_run_diverges_and_goes_back_to_does_not_depend_on_it(tiny: Path) -> None:
    plain = gantk.run(tiny, WILD | {"train.checkpoint_minutes": None})
    timed = gantk.run(tiny, WILD | EVERY_STEP)
    assert any("diverged_at" in line for line in numbers(plain.folder))
    assert numbers(timed.folder) == numbers(plain.folder)
    assert bits(timed.folder.last_checkpoint()) == bits(plain.folder.last_checkpoint())


def test_where_it_cannot_be_written_no_run_ends_and_it_is_said_once(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, tries = checkpoint.store, []

    def full(path: Path, content: memoryview) -> None:
        if path.name.startswith("timed-"):
            tries.append(path.name)
            raise OSError(28, "No space left on device")
        store(path, content)

    monkeypatch.setattr(checkpoint, "store", full)
    run = gantk.run(tiny, QUICK | EVERY_STEP)
    assert len(tries) > 3
    assert run.folder.last_checkpoint().name == "step-12.h5"
    assert capsys.readouterr().err.count("could not be written: No space left on device") == 1


def test_it_may_be_set_on_resume_and_left_out(tiny: Path) -> None:
    gantk.run(tiny, QUICK | {"train.checkpoint_minutes": None}, out="run")
    resumed = gantk.resume("run", {"train.steps": 14, "train.checkpoint_minutes": 1.5})
    assert resumed.recipe.values["train"]["checkpoint_minutes"] == 1.5
