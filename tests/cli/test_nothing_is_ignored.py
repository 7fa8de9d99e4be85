"""What is typed and would have no effect is refused, in every command; what does not fit costs nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

import gantk
from gantk.cli import run_command_line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in `ring`, and samples of it in `ring.h5`."""
    path = tmp_path_factory.mktemp("trained")
    recipe = {
        "data": {"use": "basics/ring", "samples": 200},
        "generator": {"use": "basics/mlp", "latent": 4, "hidden": [8]},
        "critic": {"use": "basics/mlp", "hidden": [8]},
        "loss": {"use": "basics/gan"},
        "train": {"steps": 2, "batch": 8},
        "evaluate": [{"use": "basics/ring_modes", "samples": 20}],
    }
    run = gantk.run(recipe, out=path / "ring", quiet=True)
    run.sample(30).save(path / "ring.h5")
    Image.new("RGB", (60, 60)).save(path / "picture.png")
    return path


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


REFUSED = {
    "view ring --curves --training": "--curves, --training, --nearest and --text",
    "view ring --curves --text": "--curves, --training, --nearest and --text",
    "view ring --nearest --training": "--curves, --training, --nearest and --text",
    "view ring --nearest -o x.gif": ".png",
    "view ring --nearest -o x.png": "a dot beside a dot",
    "view ring --nearest size=300 train.steps=3 -o x.png": "unknown key 'train'",
    "view ring.h5 --nearest -o x.png": "does not say which data",
    "view ring --curves columns=3": "KEY=VALUE would have no effect",
    "view ring --training -n 3": "--number would have no effect",
    "view ring -o x.gif --seed 3": "--seed would have no effect",
    "view ring --curves -o x.gif": ".png",
    "view ring --text -o x.png": "--out would have no effect",
    "view picture.png -o x.png -n 3": "--number would have no effect",
    "view picture.png -o x.png columns=3": "KEY=VALUE would have no effect",
    "view ring.h5 -o x.png --seed 3": "--seed would have no effect",
    "view ring use=nonsense -o x.png": "unknown view 'nonsense'",
    "show basics/gan r1=3": "basics/gan is a loss",
    "compare ring ring --seed 3": "--seed would have no effect",
    "compare ring ring --device cpu": "--device would have no effect",
    "evaluate ring train.steps=3": "train.steps has no effect here",
    "evaluate ring machine.device=cpu": "machine.device has no effect here",
    "evaluate ring.h5 --data ring_gan train.steps=3": "train.steps has no effect here",
    "evaluate ring.h5 --data ring_gan --device cpu": "--device would have no effect",
    "interpolate ring -o x.h5 columns=3": "KEY=VALUE would have no effect",
    "interpolate ring --through x.h5 --stops 3": "--stops would have no effect",
    "interpolate ring --through x.h5 --seed 3": "--seed would have no effect",
    "interpolate ring --label 3": "cannot draw '3'",
    "sample ring --label 3": "cannot draw '3'",
    "sample ring --seeds 3 -n 4": "--number would have no effect",
    "sample ring --seeds 3 --seed 4": "--seed would have no effect",
    "sample ring --seeds 3 --reject 4": "--reject would have no effect",
    "sample ring --seeds 4-3": "write 3-4",
    "sample ring --truncation 0": "no positive number",
    "sample ring --latents x.h5 --truncation 1": "--truncation would have no effect",
    "interpolate ring --dimensions 0 --stops 3": "--stops would have no effect",
    "interpolate ring --dimensions 4": "from 0 to 3",
    "interpolate ring --dimensions 0 --directions 3": "give one of them",
    "interpolate ring --sigmas 3": "--sigmas would have no effect",
    "interpolate ring --through x.h5 --truncation 3": "--truncation would have no effect",
    "interpolate ring --arithmetic seed=3 --frames 3": "--frames would have no effect",
    "interpolate ring --arithmetic seed=3 -o x.gif": "no animation",
    "interpolate ring --arithmetic class=3": "--through FILE",
    "reconstruct ring train.steps=3": "train.steps has no effect here",
    "reconstruct ring --by encoder": "--by search",
    "reconstruct ring --by encoder --starts 3": "--starts would have no effect",
    "reconstruct ring --red-first": "--together",
    "reconstruct ring -n 1 --starts 1 --iterations 1 --colours red/green": "colours",
}


@pytest.mark.parametrize("typed", list(REFUSED))
def test_what_would_have_no_effect_is_refused(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(Path().iterdir())
    assert run_command_line(typed.split(" ")) in (1, 2)
    said = capsys.readouterr()
    assert REFUSED[typed] in said.err
    assert said.out == ""
    assert set(Path().iterdir()) == before


def test_an_unfit_metric_costs_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    two = "evaluate=[{use: motif/motif_rate}, {use: basics/ring_modes, samples: 20}]"
    for typed in (["evaluate", "ring", two], ["evaluate", "ring.h5", "--data", "ring_gan", two]):
        assert run_command_line([*typed, "--json"]) == 0
        said = capsys.readouterr()
        assert list(json.loads(said.out)["values"]) == ["ring_modes"]
        assert "motif_rate is left out" in said.err
    assert run_command_line(["compare", "ring", "--metric", "motif_rate", "--metric", "ring_modes"]) == 0
    assert "ring_modes.high_quality" in capsys.readouterr().out


def test_a_bar_of_a_metric_that_does_not_fit_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    barred = "evaluate=[{use: motif/motif_rate, require: {hits: {'>=': 1}}}, {use: basics/ring_modes, samples: 20}]"
    assert run_command_line(["evaluate", "ring", barred]) == 1
    assert "motif_rate could not be measured" in capsys.readouterr().err
    assert run_command_line(["evaluate", "ring", "evaluate=[{use: motif/motif_rate}]"]) == 1


def test_samples_of_another_kind_are_named_as_the_cause(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["evaluate", "ring.h5", "--data", "toy_motif"]) == 1
    message = capsys.readouterr().err
    assert "2 coordinate and 1 channel × 128 position" in message
    assert "motif:" not in message


def test_a_picture_of_16_bits_is_neither_black_nor_burnt_out(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    values = np.linspace(300, 900, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(values).save("dark.png")
    assert run_command_line(["view", "dark.png", "-o", "seen.png", "--force"]) == 0
    seen = np.asarray(Image.open("seen.png").convert("L"))
    assert seen.min() < 10
    assert seen.max() > 245
    assert 100 < seen.mean() < 155


def test_runs_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["runs", "."], ["runs", "ring"]):
        assert run_command_line([*arguments, "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)
        expected = {"name": "ring", "step": 2, "steps": 2, "ended": "finished", "metric": "ring_modes.modes_covered"}
        assert {key: found[key] for key in expected} == expected
    assert run_command_line(["runs", "."]) == 0
    assert "2 of 2" in capsys.readouterr().out
    assert run_command_line(["runs"]) == 0
    assert "there are no runs" in capsys.readouterr().err
    assert run_command_line(["runs", "nowhere"]) == 2


def test_a_damaged_run_is_listed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in {"a-1": "seed: [", "a-10": "seed: 1", "a-2": "- 1"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "resolved.yaml").write_text(text)
    assert run_command_line(["runs", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(Path(each["name"]).name, each["ended"]) for each in found] == [
        ("a-1", "damaged"),
        ("a-2", "damaged"),
        ("a-10", "killed"),
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("sample x-1", "Did you mean runs/x-1?"),
        ("resume x-1", "Did you mean runs/x-1?"),
        ("view runs/x-2", "Did you mean runs/x-1?"),
        ("sample runs/x-1/checkpoints", "It lies in the run runs/x-1"),
        ("compare runs/x-1/samples", "It lies in the run runs/x-1"),
        (
            "resume runs/x-1/checkpoints/step-20.h5 train.steps=9",
            "gantk resume runs/x-1 train.steps=9 --from step-20.h5",
        ),
        ("resume runs/x-1/checkpoints/best.h5", "gantk resume runs/x-1\n"),
        ("sample nowhere", "`gantk runs` lists them"),
    ],
)
def test_a_path_that_is_no_run_is_answered_with_the_run(
    typed: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for inner in ("checkpoints", "samples"):
        Path("runs/x-1", inner).mkdir(parents=True)
    Path("runs/x-1/resolved.yaml").write_text("seed: 1\n")
    for name in ("step-20.h5", "best.h5"):
        Path("runs/x-1/checkpoints", name).write_bytes(b"")
    assert run_command_line(typed.split(" ")) == 2
    assert said in capsys.readouterr().err
