"""How long training will take is said once, from a few steps behind the first."""

from __future__ import annotations

import pytest

from gantk.runs.forecast import FORECAST_STEPS, Forecast


def said(seconds: float, steps: int, capsys: pytest.CaptureFixture[str], first: int = 0) -> list[str]:
    now = [100.0]
    forecast = Forecast(steps, clock=lambda: now[0], work=lambda: (None, 0.0))
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


def on_a_machine(
    others: float, own: float, threads: int, capsys: pytest.CaptureFixture[str], known: bool = True
) -> str:
    """What is said where others use so many cores, and this process so many."""
    now = [100.0]

    def work() -> tuple[float | None, float]:
        return (others + own) * now[0] if known else None, own * now[0]

    forecast = Forecast(1009, threads, clock=lambda: now[0], work=work)
    for step in range(3 * FORECAST_STEPS):
        forecast.step_done(step + 1)
        forecast.step_begins()
        now[0] += 0.5
    return capsys.readouterr().err


def test_a_busy_machine_and_what_one_thread_would_give(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    said = " ".join(on_a_machine(1.2, 0.6, 2, capsys).split())
    assert "other processes use about 1.2 of 2 cores" in said
    assert "With machine.threads=1 training would take about 5 min 0 s" in said  # 8 min 20 s * .6
    assert "note" not in on_a_machine(0.2, 1.8, 2, capsys)  # quiet
    assert "note" not in on_a_machine(1.2, 0.6, 1, capsys)  # one thread already
    assert "note" not in on_a_machine(1.0, 1.0, 2, capsys)  # one thread would take as long
    assert "note" not in on_a_machine(1.2, 0.6, 2, capsys, known=False)
