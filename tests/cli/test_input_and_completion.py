"""Recipes from standard input, several at once, how much is said, and what shells complete."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from gantk import console
from gantk.cli import run_command_line
from gantk.runs.callbacks import Forgiving


def test_several_recipes_are_validated_and_one_from_standard_input(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tiny.with_name("bad.yaml")
    bad.write_text(tiny.read_text().replace("batch: 16", "bach: 16"))
    assert run_command_line(["validate", str(tiny), str(bad), "train.steps=3"]) == 1
    said = capsys.readouterr()
    assert "tiny: valid" in said.out
    assert "unknown key 'bach'" in said.err
    assert "1 of 2 recipes are not valid" in said.err
    assert run_command_line(["validate", str(tiny), str(bad), "nowhere.yaml", "--json"]) == 2
    documents = json.loads(capsys.readouterr().out)
    assert [each["valid"] for each in documents] == [True, False, False]
    for command in (["validate", "-", "train.steps=3"], ["show", "-"], ["run", "-", "train.steps=1", "--out", "made"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(tiny.read_bytes())))
        assert run_command_line(command) == 0, capsys.readouterr().err
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"seed: [\n")))
    assert run_command_line(["run", "-"]) == 1
    assert "standard input:1:8" in capsys.readouterr().err


def test_verbosity(capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for name, (quiet, details) in {"-q": (True, False), "": (False, False), "-v": (False, True)}.items():
        console.set_quiet(quiet)
        console.set_details(details)
        with console.training(0, 60, "training") as display:
            display.show(50, {"critic": 0.5})
        console.table("numbers", ("a",), [["1"]], to_stdout=False)
        with Forgiving()("the picture"):
            raise ValueError("no colours")
        said[name] = capsys.readouterr().err
    assert "step 50" not in said["-q"] + said[""]
    assert "step 50 of 60" in said["-v"]
    assert "numbers" not in said["-q"]
    assert "no colours" in said["-q"]  # a warning
    assert "Traceback" not in said["-q"] + said[""]
    assert "Traceback" in said["-v"]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["run", "toy_motif_w"], ["toy_motif_wgan", "toy_motif_wgan_gp"]),
        (["run", "toy_motif", "train.checkpoint_e"], ["train.checkpoint_every="]),
        (["run", "toy_motif", "generator.pat"], ["generator.pattern="]),
        (
            ["run", "toy_motif", "loss.use=basics/wgan"],
            ["loss.use=basics/wgan", "loss.use=basics/wgan_div", "loss.use=basics/wgan_gp"],
        ),
        (["run", "toy_motif", "loss.use", "=", "basics/wgan"], ["basics/wgan", "basics/wgan_div", "basics/wgan_gp"]),
        (["validate", "toy_motif", "see"], ["seed="]),
        (["show", "basics/wgan"], ["basics/wgan", "basics/wgan_div", "basics/wgan_gp"]),
        (["list", "los"], ["loss"]),
        (["sample", "runs/x"], ["runs/x-1", "runs/x-2", "runs/x-1/", "runs/x-2/"]),
        (["resume", "runs/x-1", "see"], ["seed="]),
        (["compare", "runs/x-1", "--metric", "basics/div"], ["basics/diversity"]),
        (["run", "mi"], ["mine.yaml"]),
    ],
)
def test_shells_complete(
    typed: list[str], completed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.shell_completion import ShellComplete

    from gantk.cli import gantk as group

    monkeypatch.chdir(tmp_path)
    for name in ("x-1", "x-2", "$(touch made)"):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "resolved.yaml").write_text("seed: 1\n")
    Path("mine.yaml").write_text("seed: 1\n")
    Path("mi$(touch made).yaml").write_text("seed: 1\n")  # a shell would carry this out
    *before, incomplete = typed
    found = ShellComplete(group, {}, "gantk", "_GANTK_COMPLETE").get_completions(before, incomplete)
    assert [each.value for each in found] == completed


def test_completion_prints_a_script_for_each_shell(capsys: pytest.CaptureFixture[str]) -> None:
    for shell, words in {"bash": "compopt -o nospace", "zsh": "going_on", "fish": "_GANTK_COMPLETE"}.items():
        assert run_command_line(["completion", shell]) == 0
        assert words in capsys.readouterr().out
