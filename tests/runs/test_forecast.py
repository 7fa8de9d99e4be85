"""How long training will take is said once, from a few steps behind the first."""

from __future__ import annotations

import pytest

from gantk.runs.forecast import FORECAST_STEPS, Forecast


def said(seconds: float, steps: int, capsys: pytest.CaptureFixture[str], first: int = 0) -> list[str]:
    now = [100.0]
    forecast = Forecast(steps, clock=lambda: now[0])
    now[0] += 30.0  # the first step sets things up
    for step in range(first, min(steps, first + 3 * FORECAST_STEPS)):
        forecast.step_done(step + 1)
        now[0] += 7.0  # pictures
        forecast.step_begins()
        now[0] += seconds
    return capsys.readouterr().err.splitlines()


def test_it_is_what_the_steps_take(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = said(0.5, 1009, capsys)
    assert line.startswith("training will take about 8 min 20 s on this machine")  # 1,000 more steps


def test_a_resumed_run_counts_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = said(1.0, 1109, capsys, first=1000)
    assert line.startswith("training will take about 1 min 40 s")


@pytest.mark.parametrize("steps", [3, 20])
def test_what_is_soon_over_needs_no_forecast(steps: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(0.1, steps, capsys) == []
