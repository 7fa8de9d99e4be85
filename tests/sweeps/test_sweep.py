"""`gantk sweep` from end to end: trials, workers that are killed, what is written, what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gantk.cli import run_command_line
from gantk.errors import GantkError
from gantk.interfaces import StopTraining
from gantk.recipe.find_file import shipped, shipped_sweeps
from gantk.recipe.recipe import load, load_as
from gantk.sweeps.blocks import SweepBlocks
from gantk.sweeps.folder import SweepFolder
from gantk.sweeps.results import trial_results
from gantk.sweeps.study import import_optuna, next_trial, open_study
from gantk.sweeps.worker import Reporter, Sweep, check

pytest.importorskip("optuna", reason="gantk[sweep] is not installed")

SWEEP: dict[str, Any] = {
    "recipe": "tiny.yaml",
    "overrides": {"train.steps": 4, "train.sample_every": 100, "evaluate.0.samples": 50},
    "space": {"play.generator_optimizer.lr": {"loguniform": [1e-4, 1e-2]}, "train.batch": {"choice": [8, 16]}},
    "objectives": [{"value": "ring_modes.high_quality", "direction": "maximize"}],
    "trials": 2,
}
OTHER = {"value": "ring_modes.evenness", "direction": "minimize"}


def write(**changes: Any) -> str:
    Path("sweep.yaml").write_text(yaml.safe_dump(SWEEP | changes, sort_keys=False))
    return "sweep.yaml"


def checked(**changes: Any) -> Sweep:
    return check(load_as(SweepBlocks, write(**changes)))


@pytest.mark.slow
def test_a_sweep_finds_a_recipe_and_goes_on(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["sweep", write(), "--out", "found"]) == 0
    said = capsys.readouterr()
    assert said.out == "found\n"
    assert "test split was not looked at" in said.err
    assert len([*Path("found/trials").iterdir()]) == 2
    assert not [*Path("found").rglob("evaluation.json")]  # nothing of the test split
    best = load("found/best.yaml")
    trials = json.loads(Path("found/trials.json").read_text())
    chosen = max(trials, key=lambda each: (each["values"][0], -each["number"]))
    assert best.values["train"]["batch"] == chosen["proposed"]["train.batch"]
    assert best.values["evaluate"][0]["every"] is None  # as the recipe has it: it evaluates the test split at its end
    assert "best of 2 finished trials" in best.text
    page = Path("found/sweep.html").read_text()
    assert "Parallel coordinates" in page and "://" not in page.replace("http://www.w3.org", "")

    assert run_command_line(["sweep", "sweep.yaml", "trials=3", "--out", "found", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["state"] for each in document["trials"]] == ["finished"] * 3
    assert document["trials"][:2] == trials
    assert run_command_line(["sweep", "sweep.yaml", "seed=1", "--out", "found"]) == 1
    assert "seed: 0 there, 1 asked for" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trial_that_a_killed_worker_left_is_gone_on_with(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = checked(trials=1)
    folder = SweepFolder.begin(Path("left"), sweep.values)
    study = open_study(folder, sweep.values, sweep.space, sweep.objectives, 4, None)
    with next_trial(study, folder, 1, by_lock=True) as taken:  # a worker that tells nothing of how it ended
        assert taken is not None and not taken.again
        rate = sweep.space[0].suggest(taken.trial)
        with next_trial(study, folder, 1, by_lock=True) as other:
            assert other is None  # its folder is held
    assert run_command_line(["sweep", "sweep.yaml", "--out", "left"]) == 0
    assert "trial 0, left by another worker" in capsys.readouterr().err
    (found,) = trial_results(open_study(folder, sweep.values, sweep.space, sweep.objectives, 4, None))
    assert found.state == "finished"
    assert found.proposed["play.generator_optimizer.lr"] == rate


def test_the_grid_is_every_combination_once(tiny: Path) -> None:
    space = {"train.batch": {"choice": [8, 16]}, "generator.hidden": {"choice": [[8], [8, 8], [16]]}}
    sweep = checked(space=space, sampler="grid", trials=None)
    folder = SweepFolder.begin(Path("grid"), sweep.values)
    seen = []
    for _ in range(2):  # a second worker opens the same study
        study = open_study(folder, sweep.values, sweep.space, sweep.objectives, 4, None)
        for _ in range(3):
            with next_trial(study, folder, sweep.most, by_lock=True) as taken:
                assert taken is not None
                seen.append(json.dumps([each.suggest(taken.trial) for each in sweep.space]))
                study.tell(taken.trial, 0.0)
    with next_trial(study, folder, sweep.most, by_lock=True) as taken:
        assert taken is None
    assert sorted(seen) == sorted(json.dumps([batch, hidden]) for batch in (8, 16) for hidden in ([8], [8, 8], [16]))


def test_the_median_ends_a_trial_that_is_worse(tiny: Path) -> None:
    every = {"overrides": SWEEP["overrides"] | {"evaluate.0.every": 2}}
    sweep = checked(pruner="median", trials=20, **every)
    folder = SweepFolder.begin(Path("pruned"), sweep.values)
    study = open_study(folder, sweep.values, sweep.space, sweep.objectives, 4, None)
    for value in (0.5, 0.6, 0.7, 0.8, 0.9):
        trial = study.ask()
        Reporter(trial, "m.a", prunes=True).on_log(2, {"m.a": value})
        study.tell(trial, value)
    trial = study.ask()
    better = Reporter(trial, "m.a", prunes=True)
    better.on_log(2, {"m.a": 0.75})
    assert not better.pruned
    worse = Reporter(study.ask(), "m.a", prunes=True)
    worse.on_log(1, {"critic": 3.0})
    with pytest.raises(StopTraining):
        worse.on_log(2, {"m.a": 0.6})
    assert worse.pruned


def test_hyperband_gives_few_steps_to_what_is_worse(tiny: Path) -> None:
    overrides = SWEEP["overrides"] | {"train.steps": 27, "evaluate.0.every": 1}
    sweep = checked(pruner="hyperband", trials=99, overrides=overrides)
    folder = SweepFolder.begin(Path("bands"), sweep.values)
    study = open_study(folder, sweep.values, sweep.space, sweep.objectives, 27, None)
    steps = {}
    for value in np.random.default_rng(0).permutation(40).tolist():
        trial = study.ask()
        reporter = Reporter(trial, "m.a", prunes=True)
        with suppress(StopTraining):
            for step in range(1, 28):
                steps[value] = step
                reporter.on_log(step, {"m.a": float(value)})
        if not reporter.pruned:
            study.tell(trial, float(value))
    assert steps[39] == 27
    assert sum(steps[value] for value in range(20)) < sum(steps[value] for value in range(20, 40)) / 2


@pytest.mark.slow
def test_of_two_objectives_each_trial_that_none_beats_is_a_recipe(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    objectives = [*SWEEP["objectives"], OTHER]
    assert run_command_line(["sweep", write(objectives=objectives, sampler="nsga2"), "--out", "two", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)["best"]
    assert best
    assert {path.name for path in Path("two").glob("best*")} == {f"best-{each['number']}.yaml" for each in best}
    for each in best:
        found = load(f"two/best-{each['number']}.yaml").values
        assert found["play"]["generator_optimizer"]["lr"] == each["proposed"]["play.generator_optimizer.lr"]
    assert "Both objectives" in Path("two/sweep.html").read_text()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trials": None}, "never end"),
        ({"recipe": "nowhere"}, "no recipe called 'nowhere'"),
        ({"objectives": []}, "one or two"),
        ({"objectives": [{"value": "ring_mods.x", "direction": "maximize"}]}, "did you mean 'ring_modes'"),
        ({"objectives": [{"value": "ring_modes.x", "direction": "up"}]}, "maximize"),
        ({"pruner": "median"}, "evaluate.0.every"),
        ({"pruner": "median", "objectives": [*SWEEP["objectives"], OTHER]}, "there are two"),
        ({"sampler": "nsga2"}, "two objectives"),
        ({"sampler": "grid"}, "every combination of choices"),
        ({"space": {"train.bach": {"int": [1, 2]}}}, "batch"),
        ({"space": {"train.batch": {"int": [0, 2]}}}, "train.batch=0"),
        ({"overrides": {"train.steps": None, "train.epochs": 2}}, "train.steps"),
        ({"sede": 3}, "seed"),
    ],
)
def test_what_is_wrong_is_said_before_a_trial(
    tiny: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], told: str
) -> None:
    assert run_command_line(["sweep", write(**changes)]) in (1, 2)
    said = capsys.readouterr()
    assert told in said.err and "Traceback" not in said.err
    assert not Path("runs").exists()


@pytest.mark.parametrize("name", sorted(shipped_sweeps()))
def test_a_sweep_that_gantk_brings_is_right(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["cp", name]) == 0
    assert Path(f"{name}.yaml").read_bytes() == shipped_sweeps()[name].read_bytes()
    sweep = check(load_as(SweepBlocks, f"{name}.yaml"))
    assert sweep.most is not None
    assert all(each.every is not None for each in sweep.objectives)
    assert name not in shipped()


def test_a_sweep_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word, told in (("ring_rate", "did you mean 'ring_rates'"), ("no\0where", "no sweep")):
        assert run_command_line(["sweep", word]) == 2
        assert told in capsys.readouterr().err


def test_without_optuna_the_extra_is_named(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(GantkError, match=r"pip install 'gantk\[sweep\]'"):
        import_optuna()


def test_a_folder_of_something_else_is_left_alone(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    assert run_command_line(["sweep", write(), "--out", "mine"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert Path("mine/notes.txt").read_text() == "mine"
    assert run_command_line(["sweep", write(), "--out", "there", "--storage", "postgresql://localhost:1/none"]) == 2
    assert "storage cannot be opened" in capsys.readouterr().err


def start_workers(*words: str) -> list[subprocess.Popen[str]]:
    line = [sys.executable, "-m", "gantk", "sweep", "sweep.yaml", "--out", "both", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]


def kill_one_in_a_trial(workers: list[subprocess.Popen[str]]) -> None:
    """SIGKILL for the first worker as soon as it has trained some steps of a trial."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        held = [json.loads(path.read_text() or "{}").get("pid") for path in Path("both").glob("trials/*/.lock.json")]
        if workers[0].pid in held and [*Path("both").glob("trials/*/seed-0/metrics.jsonl")]:
            break
        time.sleep(0.02)
    os.kill(workers[0].pid, signal.SIGKILL)
    workers[0].communicate()


@pytest.mark.long
def test_two_workers_one_killed(tiny: Path) -> None:
    """Like a Slurm array: the same line several times, on one folder."""
    write(trials=6, overrides=SWEEP["overrides"] | {"train.steps": 300})
    workers = start_workers()
    kill_one_in_a_trial(workers)
    _, told = workers[1].communicate(timeout=900)
    assert workers[1].returncode == 0, told
    trials = json.loads(Path("both/trials.json").read_text())
    assert [each["state"] for each in trials] == ["finished"] * 6, trials
    assert "left by another worker" in told


@pytest.mark.long
def test_two_workers_on_postgresql_one_killed(tiny: Path) -> None:
    from tests.helpers.postgresql import server

    pytest.importorskip("psycopg2", reason="make test-long installs it")
    write(trials=5, overrides=SWEEP["overrides"] | {"train.steps": 300})
    with server() as address:
        workers = start_workers("--storage", address)
        kill_one_in_a_trial(workers)
        _, told = workers[1].communicate(timeout=900)
        assert workers[1].returncode == 0, told
        time.sleep(75)  # a heartbeat is missed after a minute
        assert run_command_line(["sweep", "sweep.yaml", "--out", "both", "--storage", address]) == 0
    trials = json.loads(Path("both/trials.json").read_text())
    finished = [each for each in trials if each["state"] == "finished"]
    assert len(finished) == 5, trials
    assert len({each["folder"] for each in finished}) == 5
