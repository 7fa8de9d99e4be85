"""Several seeds of one recipe: the command, what it leaves, and the same line typed again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import gantk
from gantk.cli import run_command_line
from gantk.errors import FileError
from gantk.repeats.folder import RepeatsFolder

SHORT = ["train.steps=6", "train.sample_every=null", "evaluate.0.samples=50"]


def weights(run: Path) -> dict[str, np.ndarray]:
    with h5py.File(run / "checkpoints" / "step-6.h5") as file:
        return {name: file["generator"][name][()] for name in file["generator"]}


@pytest.mark.slow
def test_each_seed_is_the_run_that_it_is_alone(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["run", str(tiny), *SHORT, "--seeds", "4,7", "--jobs", "2", "--out", "both"]) == 0
    said = capsys.readouterr()
    assert said.out == "both\n"
    assert "mean ± sd" in said.err and "seed 7: done" in said.err
    folder = RepeatsFolder(Path("both"))
    assert folder.seeds == [4, 7]
    alone = gantk.run(tiny, [*SHORT, "seed=7", "machine.threads=1"], out="alone", quiet=True)
    for name, values in weights(alone.path).items():
        np.testing.assert_array_equal(values, weights(folder.run_path(7))[name])
    page = folder.report.read_text(encoding="utf-8")
    assert "2 of 2 runs are finished" in page and 'href="seed-7/report.html"' in page and "simulated, not real" in page

    times = {path: path.stat().st_mtime_ns for path in Path("both").glob("seed-*/checkpoints/*")}
    assert run_command_line(["run", str(tiny), *SHORT, "--seeds", "4,7", "--out", "both", "--resume"]) == 0
    assert "finished already: seed 4, 7" in capsys.readouterr().err
    assert times == {path: path.stat().st_mtime_ns for path in Path("both").glob("seed-*/checkpoints/*")}

    wrong = ["run", str(tiny), *SHORT, "train.batch=8", "--seeds", "4,7", "--out", "both", "--resume"]
    assert run_command_line(wrong) == 1
    assert "train.batch: 16 there, 8 asked for" in capsys.readouterr().err
    assert run_command_line(["run", str(tiny), *SHORT, "--seeds", "4", "--out", "both"]) == 2
    assert "exists already" in capsys.readouterr().err

    assert run_command_line(["compare", "both", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["spreads"]["both"]["ring_modes.high_quality"]
    assert found["n"] == 2 and [*found["by_seed"]] == ["4", "7"]
    assert run_command_line(["compare", "both", "alone"]) == 2
    assert "alone" in capsys.readouterr().err
    assert run_command_line(["runs", ".", "--json"]) == 0
    assert {"both/seed-4", "both/seed-7", "alone"} == {each["name"] for each in json.loads(capsys.readouterr().out)}
    assert run_command_line(["sample", "both"]) == 2
    assert "write both/seed-4" in capsys.readouterr().err


@pytest.mark.slow
def test_the_same_line_starts_goes_on_and_finds_all_done(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["run", str(tiny), *SHORT, "--out", "one", "--resume"]
    assert run_command_line(line) == 0
    whole = weights(Path("one"))
    (Path("one") / "report.html").unlink()
    (Path("one") / "checkpoints" / "step-6.h5").unlink()
    assert run_command_line(line) == 0
    assert "going on from step 5" in capsys.readouterr().err
    for name, values in weights(Path("one")).items():
        np.testing.assert_array_equal(values, whole[name])
    assert run_command_line(line) == 0
    assert "nothing to do" in capsys.readouterr().err
    assert run_command_line([*line, "seed=9"]) == 1
    assert "seed: 3 there, 9 asked for" in capsys.readouterr().err
    assert run_command_line(["run", str(tiny), "--seeds", "0-1", "--out", "one", "--resume"]) == 2
    assert "holds one run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume"], "--out"),
        (["--jobs", "2"], "--seeds"),
        (["--seeds", "1,1"], "twice"),
        (["--seeds", "one"], "list of seeds"),
        (["--seeds", "0-1", "machine.threads=x"], "machine.threads"),
    ],
)
def test_what_cannot_be_meant(tiny: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert run_command_line(["run", str(tiny), *words]) in (1, 2)
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize("text", ["{}", '{"recipe": "../x", "seeds": [1]}', '{"recipe": "x", "seeds": [true]}', "["])
def test_a_damaged_list_of_seeds_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "seeds.json").write_text(text)
    with pytest.raises(FileError, match=r"seeds\.json"):
        RepeatsFolder(tmp_path)


@pytest.mark.long
def test_a_failed_seed_is_told_and_the_others_are_finished(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["run", str(tiny), *SHORT, "--seeds", "1", "--out", "some"]) == 0
    (Path("some") / "seed-2").mkdir()
    (Path("some") / "seed-2" / "notes.txt").write_text("mine")
    assert run_command_line(["run", str(tiny), *SHORT, "--seeds", "2,3", "--out", "some", "--resume"]) == 2
    told = capsys.readouterr().err
    assert "seed 2: some/seed-2: exists already" in told and "seed 3: done" in told
    assert (Path("some") / "seed-2" / "notes.txt").read_text() == "mine"


@pytest.mark.long
def test_a_stop_reaches_all_and_the_same_line_goes_on(tiny: Path) -> None:
    line = [sys.executable, "-m", "gantk", "run", str(tiny), "train.steps=100000", "train.sample_every=null"]
    line += ["--seeds", "0-2", "--jobs", "2", "--out", "all"]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if all([*Path("all").glob(f"seed-{seed}/checkpoints/step-*.h5")] for seed in (0, 1)):
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGTERM)
    out, told = process.communicate(timeout=120)
    assert process.returncode == 143, told
    assert out == "" and "--out all --resume" in told and "Traceback" not in told
    assert not Path("all/seed-2").exists()
    for seed in (0, 1):
        events = [json.loads(text)["event"] for text in Path(f"all/seed-{seed}/history.jsonl").read_text().splitlines()]
        assert events[-1] == "interrupted"
