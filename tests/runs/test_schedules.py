"""A run with schedules: drawn in its report, told of when its length changes, and refused when they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gantk.cli import run_command_line
from gantk.components.schedules import Span
from gantk.reporting import report_text
from gantk.training import TrainSettings

RECIPE = """
data: {use: basics/ring, samples: 100}
generator: {use: basics/mlp, latent: 4, hidden: [8]}
critic: {use: basics/mlp, hidden: [8]}
loss: {use: basics/gan, r1: {from: 2, to: 0.2}}
play: {critic_optimizer: {lr: {from: 1e-3, to: 1e-4}, groups: {layers: {lr: 0.5}}}}
train: {steps: 4, batch: 8, ema_half_life: {from: 0, to: 50, over: 3, by: steps}}
"""


@pytest.mark.slow
def test_a_run_with_schedules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = tmp_path / "falling.yaml", str(tmp_path / "run")
    recipe.write_text(RECIPE)
    assert run_command_line(["run", str(recipe), "--out", run]) == 0
    page = (tmp_path / "run" / "report.html").read_text()
    for drawn in ("loss.r1", "train.ema_half_life", "critic layers", "critic 0.001 to 0.0001, linear"):
        assert drawn in page, drawn
    capsys.readouterr()
    assert run_command_line(["resume", run, "train.steps=6"]) == 0
    told = capsys.readouterr().err
    assert "note: loss.r1, play.critic_optimizer.lr: a schedule by share of the run" in " ".join(told.split()), told
    assert run_command_line(["resume", run, "loss.r1.to=1"]) == 1
    assert "loss.r1.to would make it another model" in " ".join(capsys.readouterr().err.split())


def test_charts_have_the_values_of_each_step() -> None:
    falling = {"from": 2.0, "to": 1.0, "shape": "linear", "over": 1.0, "by": "share"}
    resolved = {
        "critic": {"use": "basics/mlp"},
        "loss": {"use": "basics/gan", "r1": falling},
        "play": {"critic_steps": 1, "critic_optimizer": {"lr": falling, "groups": {"head": {"lr": 0.5}}}},
        "train": {"steps": 10, "batch": 4, "schedule": "constant"},
    }
    numbers = report_text.Numbers({"step": step, "seconds": float(step)} for step in range(1, 6))
    assert len([*numbers.passing()]) == 5
    (chart,) = report_text.schedule_charts(resolved, numbers)
    steps, values = chart.curves[""]
    assert chart.title == "loss.r1" and steps == [1, 2, 3, 4, 5] and values == pytest.approx([2, 1.9, 1.8, 1.7, 1.6])
    rates = report_text.rate_chart(resolved, numbers)
    assert rates is not None and rates.curves["critic"][1] == pytest.approx([2, 1.9, 1.8, 1.7, 1.6])
    assert rates.curves["critic head"][1] == [0.5] * 5


def test_without_a_critic_images_are_counted_by_the_generators_updates() -> None:
    play = {"critic_steps": None, "generator_steps": 2}
    resolved = {"play": play, "train": {"steps": 10, "batch": 4}}
    settings = TrainSettings(seed=0, steps=10, batch=4, critic_steps=0, generator_steps=2)
    assert report_text.span_of(resolved, 10) == settings.span == Span(10, 8)
