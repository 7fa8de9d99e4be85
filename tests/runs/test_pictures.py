"""When pictures are drawn, and by which view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gantk_basics.metrics.ring_modes import RingModes
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import gantk
from gantk.api.view import picture
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit, Interrupted, RecipeError
from gantk.training.settings import picture_due

QUICK = {"train.steps": 6, "evaluate": []}


@given(st.integers(1, 300), st.integers(1, 80), st.integers(1, 5), st.integers(1, 400))
def test_a_picture_an_epoch(length: int, batch: int, critic_steps: int, steps: int) -> None:
    values = {"train": {"sample_every": "epoch", "batch": batch}, "play": {"critic_steps": critic_steps}}
    drawn = [step for step in range(1, steps + 1) if picture_due(values, length, steps, step)]
    epochs = [step * batch * critic_steps // length for step in drawn]
    assert len(set(epochs)) == len(epochs) and 0 not in epochs  # one at the end of each epoch, or of several
    seen = steps * batch * critic_steps // length
    assert len(drawn) == min(seen, len(drawn)) and (not seen or epochs[-1] == seen)


def test_pictures_of_a_run_by_epoch(tiny: Path) -> None:
    run = gantk.run(tiny, {"train.steps": 70, "train.sample_every": "epoch", "evaluate": []}, out="run", quiet=True)
    assert [int(path.stem[5:]) for path in run.folder.step_pictures()] == [32, 63, 70]  # 500 samples, 16 a step


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_the_view_of_a_recipe_draws_everywhere(tiny: Path) -> None:
    run = gantk.run(tiny, {**QUICK, "view": {"use": "basics/points", "size": 200}}, out="run", quiet=True)
    other = gantk.run(tiny, QUICK, out="other", quiet=True)
    usual = size(other.path / "samples" / "generated.png")
    own = size(run.path / "samples" / "generated.png")
    assert own[0] == 200 != usual[0]
    assert picture(run.path, 16).size == run.sample(16).picture().size
    assert picture(run.path, 16).width == 200
    file = run.sample(16).save("samples.h5")
    assert picture(file, 16).width == 200  # samples know what draws them
    assert picture(run.path, 16, parameters={"size": 300}).width == 300
    assert picture(other.path, 16, parameters={"use": "basics/points", "size": 150}).width == 150
    assert run_command_line(["view", "run", "size=250", "-o", "made.png"]) == 0
    assert size(Path("made.png"))[0] == 250


def test_a_view_that_does_not_fit_is_refused_before_anything_is_made(tiny: Path) -> None:
    with pytest.raises(DoesNotFit, match="basics/images draws images"):
        gantk.run(tiny, {**QUICK, "view": {"use": "basics/images"}}, out="run")
    assert not Path("run").exists()
    assert run_command_line(["validate", str(tiny), "view={use: basics/images}"]) == 1
    with pytest.raises(RecipeError, match="did you mean 'basics/points'"):
        gantk.load_recipe(tiny, {"view": {"use": "basics/point"}})


MEASURED = {
    "train.steps": 12,
    "train.checkpoint_every": 4,
    "train.sample_every": 12,
    "evaluate": [{"use": "basics/ring_modes", "name": "ring", "samples": 40, "every": 4}],
}
DRAWN = ["ring.modes.png", *(f"ring.modes.step-{step:06d}.png" for step in (4, 8, 12))]


def drawn_by_metrics(run: gantk.Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.folder.samples.glob("ring*.png"))}


def test_pictures_of_metrics_stand_in_the_folder_and_the_report_and_survive_a_stop(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gantk.run(tiny, MEASURED, out="whole", quiet=True)
    assert list(drawn_by_metrics(whole)) == DRAWN
    assert whole.picture("ring.modes").size > (300, 300)
    page = whole.report.read_text()
    assert "Pictures of metrics" in page and "at the end, test split" in page and "step 8, validation split" in page
    with monkeypatch.context() as patch:
        patch.setattr(RingModes, "pictures", interrupted_at(2, RingModes.pictures))
        with pytest.raises(Interrupted):
            gantk.run(tiny, MEASURED, out="stopped", quiet=True)
    gantk.resume("stopped", quiet=True)
    assert drawn_by_metrics(gantk.Run("stopped")) == drawn_by_metrics(whole)


def interrupted_at(number: int, own: Callable[..., Any]) -> Callable[..., Any]:
    """`own`, in whose call `number` somebody presses Ctrl-C."""
    calls: list[int] = []

    def call(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            raise Interrupted("stopped", 130)
        return own(*given)

    return call


@pytest.mark.parametrize("kind", ["raises", "name"])
def test_a_picture_that_fails_costs_neither_number_nor_report(
    kind: str, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pictures(*given: Any) -> dict[str, Image.Image]:
        if kind == "raises":
            raise ZeroDivisionError("no ink")
        return {"../modes": Image.new("L", (4, 4))}

    monkeypatch.setattr(RingModes, "pictures", pictures)
    run = gantk.run(tiny, {**MEASURED, "train.steps": 4}, out="run", quiet=True)
    assert "modes_covered" in run.evaluation["ring"] and run.report.exists() and not drawn_by_metrics(run)
    told = capsys.readouterr().err
    assert "the pictures of ring failed" in told and ("no ink" if kind == "raises" else "'../modes'") in told
