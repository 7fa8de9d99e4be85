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
