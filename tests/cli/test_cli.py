"""Every command, through click's runner and once as a real process; what goes to stdout, what to stderr; exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from PIL import Image

import gantk
from gantk.cli import COMMANDS, run_command_line
from gantk.cli import gantk as group
from gantk.cli.doctor import _remark_on_threads


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run_command_line(list(arguments))
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gantk", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        check=False,
    )


@pytest.fixture
def trained(tiny: Path) -> str:
    return str(gantk.run(tiny, {"train.steps": 6}, out="trained").path)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_reads_well_at_80_columns(name: str) -> None:
    context = click.Context(group, info_name="gantk", terminal_width=80)
    command = group.get_command(context, name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=f"gantk {name}", terminal_width=80))
    assert max(map(len, text.splitlines())) <= 80
    assert len(text.splitlines()) > 4


def test_run_prints_only_the_folder_on_stdout(tiny: Path, capsys) -> None:
    code, out, err = call("run", str(tiny), "train.steps=3", capsys=capsys)
    assert (code, out) == (0, "runs/tiny-1\n")
    for promised in ("ring_modes.high_quality", "report     runs/tiny-1/report.html", "gantk sample runs/tiny-1"):
        assert promised in err


@pytest.mark.slow
def test_run_as_a_real_process(tiny: Path) -> None:
    done = process("run", str(tiny), "train.steps=3")
    assert (done.returncode, done.stdout) == (0, "runs/tiny-1\n"), done.stderr


def test_a_missed_bar_exits_with_1_and_keeps_the_run(tiny: Path, capsys) -> None:
    entry = "evaluate=[{use: basics/ring_modes, samples: 50, require: {high_quality: {'>=': 1.1}}}]"
    code, out, err = call("run", str(tiny), "train.steps=2", entry, capsys=capsys)
    assert code == 1
    assert out == "runs/tiny-1\n"
    assert re.search(r"ring_modes\.high_quality is .*, required >= 1\.1", err)


def test_sample_view_evaluate_and_resume(trained: str, capsys) -> None:
    assert call("sample", trained, "-n", "10", "-o", "s.h5", capsys=capsys)[:2] == (0, "s.h5\n")
    assert call("sample", trained, "-n", "10", "--reject", "4", "-o", "best.h5", capsys=capsys)[0] == 0
    assert call("sample", trained, "-n", "10", "-o", "s.png", capsys=capsys)[0] == 0
    for arguments in (
        ["s.h5", "-o", "v1.png"],
        [trained, "-o", "v2.png"],
        [trained, "--curves", "-o", "v3.png"],
        [trained, "--training", "-o", "v4.gif"],
        [trained, "--training", "-o", "v5.png"],
        ["s.png", "-o", "v6.png"],
        [f"{trained}/checkpoints/step-6.h5", "-o", "v7.png"],
    ):
        assert call("view", *arguments, capsys=capsys)[:2] == (0, f"{arguments[-1]}\n")
        with Image.open(arguments[-1]) as picture:
            assert min(picture.size) > 50
            assert len(set(picture.convert("L").tobytes())) > 2, "an empty picture"
    code, out, _ = call("evaluate", trained, "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["values"]["ring_modes"]["high_quality"]["better"] == "higher"
    assert call("evaluate", trained, "evaluate.0.samples=100", capsys=capsys)[0] == 0
    assert call("resume", trained, "train.steps=8", capsys=capsys)[:2] == (0, f"{trained}\n")


def test_samples_are_the_same_for_the_same_seed(trained: str, capsys) -> None:
    import h5py

    drawn = []
    for name, seed in (("a.h5", "1"), ("b.h5", "1"), ("c.h5", "2")):
        call("sample", trained, "-n", "5", "--seed", seed, "-o", name, capsys=capsys)
        with h5py.File(name) as file:
            drawn.append(file["samples"][()])
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).any()


def test_an_output_file_is_not_overwritten_without_force(trained: str, capsys) -> None:
    Path("s.h5").write_text("mine")
    code, _, err = call("sample", trained, "-o", "s.h5", capsys=capsys)
    assert code == 2
    assert "--force" in err
    assert Path("s.h5").read_text() == "mine"
    assert call("sample", trained, "-o", "s.h5", "--force", capsys=capsys)[0] == 0


def test_list_and_show(tiny: Path, capsys) -> None:
    code, out, _ = call("list", "loss", capsys=capsys)
    assert code == 0
    assert "basics/wgan_gp" in out
    assert "basics/dcgan" not in out
    listed = json.loads(call("list", "--json", capsys=capsys)[1])
    assert {"kind", "name", "summary", "plugin", "distribution", "version"} <= set(listed[0])
    out = call("show", "basics/wgan_gp", capsys=capsys)[1]
    assert "penalty" in out
    assert "Gulrajani" in out
    shown = json.loads(call("show", "wgan_gp", "--json", capsys=capsys)[1])
    assert shown[0]["parameters"][0]["name"] == "penalty"
    out = call("show", str(tiny), "train.batch=8", capsys=capsys)[1]
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "command line" in lines["train.batch"]
    assert "tiny.yaml:" in lines["train.ema"]
    assert "default of basics/gan" in lines["play.critic_steps"]


@pytest.mark.parametrize("kind", ["recipes", "losses", "critics", "metrics"])
def test_list_hears_plurals(kind: str, capsys) -> None:
    assert call("list", kind, capsys=capsys)[0] == 0


def test_validate_says_what_fits(tiny: Path, capsys) -> None:
    code, out, _ = call("validate", str(tiny), "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["parameters"]["critic"] == 2 * 16 + 16 + 16 + 1
    bad = tiny.with_name("bad.yaml")
    bad.write_text(tiny.read_text().replace("batch: 16", "bach: 16"))
    code, out, err = call("validate", str(bad), capsys=capsys)
    assert (code, out) == (1, "")
    assert "bad.yaml:7" in err
    assert "batch" in err
    code, out, _ = call("validate", str(bad), "--json", capsys=capsys)
    mistake = json.loads(out)["mistakes"][0]
    assert (code, mistake["line"]) == (1, 7)
    assert "bach" in mistake["message"]
    code, out, _ = call("validate", str(tiny), "loss.use=basics/minibatch_discrimination", "--json", capsys=capsys)
    assert (code, json.loads(out)["valid"]) == (1, False)


def test_validate_minds_data_that_cannot_be_read_but_not_data_that_are_elsewhere(tmp_path: Path, capsys) -> None:
    empty = tmp_path / "empty.fa"
    empty.write_text("")
    code, out, err = call("validate", "dna_promoters", "data.path=nowhere.fa", capsys=capsys)
    assert (code, out) == (0, "dna_promoters: valid in its form alone\n")
    assert "nowhere.fa" in err
    code, out, err = call("validate", "dna_promoters", f"data.path={empty}", capsys=capsys)
    assert (code, out) == (2, "")
    assert "empty.fa" in err
    code, out, _ = call("validate", "dna_promoters", f"data.path={empty}", "--json", capsys=capsys)
    assert (code, json.loads(out)["valid"]) == (2, False)


def test_run_refuses_a_bad_recipe_before_it_makes_a_folder(tiny: Path, capsys) -> None:
    code, out, _ = call("run", str(tiny), "train.bach=3", capsys=capsys)
    assert (code, out) == (1, "")
    assert not Path("runs").exists()


def test_dropped_parameters_are_told(tiny: Path, capsys) -> None:
    _, _, err = call("show", str(tiny), "data.use=basics/digits", capsys=capsys)
    assert "data.samples: 500" in err
    _, _, err = call("show", str(tiny), "data.use=basics/ring", capsys=capsys)
    assert err == ""  # what stands there already


def test_cp_and_schema(tiny: Path, capsys) -> None:
    assert call("cp", "toy_motif", "mine.yaml", capsys=capsys)[:2] == (0, "mine.yaml\n")
    assert "motif/" in Path("mine.yaml").read_text()
    assert call("cp", "toy_motif", "mine.yaml", capsys=capsys)[0] == 2
    assert "$schema" in json.loads(call("schema", capsys=capsys)[1])


def test_doctor(tiny: Path, capsys) -> None:
    code, out, _ = call("doctor", "--json", capsys=capsys)
    assert code == 0
    found = json.loads(out)
    assert {plugin["name"]: plugin["state"] for plugin in found["plugins"]}["basics"] == "ok"
    assert found["gflops"] > 0.1 and found["gflops_one_thread"] > 0.1
    assert "torch" in call("doctor", capsys=capsys)[1]


def test_doctor_says_where_threads_gain_nothing() -> None:
    assert _remark_on_threads(1, 50, 50) == _remark_on_threads(2, 95, 50) == ""
    assert "machine.threads=1" in _remark_on_threads(2, 51, 50)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["rum"], 2, "run"),
        (["run"], 2, "RECIPE"),
        (["run", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["resume", "nowhere"], 2, "nowhere"),
        (["sample", "nowhere"], 2, "nowhere"),
        (["view", "nowhere"], 2, "nowhere"),
        (["evaluate", "nowhere"], 2, "nowhere"),
        (["show", "basics/wgan_pg"], 2, "basics/wgan_gp"),
        (["list", "lossy"], 2, "loss"),
        (["cp", "toy_motiff"], 2, "toy_motif"),
        (["sample", "notes.txt"], 2, "notes.txt"),
        (["view", "notes.txt"], 2, "notes.txt"),
    ],
)
def test_mistakes_get_one_clear_message(tiny: Path, arguments: list[str], code: int, words: str, capsys) -> None:
    Path("notes.txt").write_text("not a run")
    found, out, err = call(*arguments, capsys=capsys)
    assert (found, out) == (code, "")
    assert words in err


def test_a_closed_pipe_is_no_error(tiny: Path) -> None:
    command = f"{sys.executable} -m gantk list | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
