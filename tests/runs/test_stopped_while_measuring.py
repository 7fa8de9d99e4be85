"""A signal while metrics or pictures are made: the step is kept, and measured when the run goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gantk_basics.metrics.ring_modes import RingModes

import gantk
from gantk.errors import Interrupted
from gantk.reporting.snapshots import Pictures
from gantk.runs.setup import Parts
from gantk.training.checkpoint import read_checkpoint

KEPT = {
    "train.steps": 12,
    "train.checkpoint_every": None,
    "train.sample_every": 4,
    "train.keep_best": {"metric": "ring_modes.modes_covered"},
    "evaluate": [{"use": "basics/ring_modes", "samples": 40, "every": 4}],
}


def struck(own: Callable[..., Any], number: int, seconds: float) -> Callable[..., Any]:
    """`own`, which at its call `number` gets a SIGTERM while it works."""
    calls: list[int] = []

    def call(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(seconds)
        return own(*given, **named)

    return call


def record_of(run: gantk.Run) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in run.folder.lines()]


@pytest.mark.parametrize(("owner", "name"), [(RingModes, "compute"), (Pictures, "of_step")], ids=["metric", "picture"])
@pytest.mark.parametrize("number", [1, 2])
def test_the_step_is_kept_and_the_resumed_run_is_the_one_that_never_stopped(
    owner: type, name: str, number: int, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gantk.run(tiny, KEPT, out="whole", quiet=True)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, struck(getattr(owner, name), number, seconds=0.2))
        with pytest.raises(Interrupted) as caught:
            gantk.run(tiny, KEPT, out="stopped", quiet=True)
    assert caught.value.exit_code == 143
    stopped = gantk.Run("stopped")
    assert [path.name for path in stopped.folder.checkpoints()] == [f"step-{4 * number}.h5"]
    gantk.resume("stopped", quiet=True)
    assert_same(stopped, whole)


def test_one_that_is_killed_after_it_caught_up_knows_its_best(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gantk.run(tiny, KEPT, out="whole", quiet=True)
    with monkeypatch.context() as patch:
        patch.setattr(RingModes, "compute", struck(RingModes.compute, 1, seconds=0.2))
        with pytest.raises(Interrupted):
            gantk.run(tiny, KEPT, out="stopped", quiet=True)
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "train", lambda _: iter(()))  # it comes no further than that
        gantk.resume("stopped", quiet=True)
    stopped = gantk.Run("stopped")
    assert [path.name for path in stopped.folder.checkpoints()] == ["step-4.h5"]
    assert any(line.get("split") == "validation" for line in stopped.folder.lines())
    gantk.resume("stopped", quiet=True)
    assert_same(stopped, whole)


@pytest.mark.parametrize("metric", ["ring_modes.high_quality", None])
def test_values_of_two_metrics_are_not_compared(metric: str | None, tiny: Path) -> None:
    run = gantk.run(tiny, {**KEPT, "train.keep": 9}, out="run", quiet=True)
    assert (run.path / "checkpoints/best.h5").exists()
    kept = None if metric is None else {"metric": metric}
    gantk.resume("run", {"train.steps": 20, "train.keep_best": kept}, quiet=True)
    folder = gantk.Run("run").folder
    assert (run.path / "checkpoints/aside-best.h5").exists()
    best = read_checkpoint(folder.last_checkpoint()).best
    if metric is None:
        assert best == {}
        assert not folder.best_checkpoint.exists()
    else:
        assert best["metric"] == metric
        assert best["step"] > 12
        assert read_checkpoint(folder.best_checkpoint).best == best


def assert_same(stopped: gantk.Run, whole: gantk.Run) -> None:
    assert record_of(stopped) == record_of(whole)
    for path in ("checkpoints/step-12.h5", "checkpoints/best.h5"):
        one, other = read_checkpoint(whole.path / path), read_checkpoint(stopped.path / path)
        assert (one.step, one.best) == (other.step, other.best)
        for net, tensors in one.tensors.items():
            assert all((tensors[key] == other.tensors[net][key]).all() for key in tensors)


def test_a_metric_that_takes_longer_than_a_cluster_waits_is_not_waited_for(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RingModes, "compute", struck(RingModes.compute, 1, seconds=60))
    started = time.monotonic()
    with pytest.raises(Interrupted, match="while it was measured"):
        gantk.run(tiny, KEPT, out="stopped", quiet=True)
    assert time.monotonic() - started < 20
    assert gantk.Run("stopped").folder.last_checkpoint().name == "step-4.h5"
