"""A run that diverges stops with its cause, or goes back with a lower rate, the same way every time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import gantk
from gantk.errors import Diverged, Interrupted
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback
from gantk.runs.metrics_log import cause
from gantk.training import checkpoint
from gantk.training.loop import gradient_norm

WILD = {
    "train.steps": 40,
    "evaluate": [],
    "train.samples": 4,
    "loss.use": "basics/lsgan",
    "play.generator_optimizer": {"use": "basics/sgd", "lr": 3.0},
    "play.critic_optimizer": {"use": "basics/sgd", "lr": 3.0},
}
RESTORE = WILD | {"train.on_divergence": "restore", "train.restore_rate": 0.1}


def bits(folder: RunFolder) -> dict[str, bytes]:
    found = checkpoint.read_checkpoint(folder.last_checkpoint())
    return {
        f"{group}.{name}": array.tobytes() for group, named in found.tensors.items() for name, array in named.items()
    }


def numbers(folder: RunFolder) -> list[dict]:
    return [{name: value for name, value in line.items() if name != "seconds"} for line in folder.lines()]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"real": 1.0, "fake": math.nan, "critic_grad_norm": math.nan, "generator": math.nan},
            "in the update of the critic: loss term fake is nan, the norm of its gradients is nan "
            "(at the step before: 2e+20, 3e+30)",
        ),
        ({"real": 1.0, "critic_grad_norm": 1.0, "generator": math.inf, "generator_grad_norm": 1.0},
         "in the update of the generator: loss term generator is inf (at the step before: 7)"),
    ],
    ids=["critic", "generator"],
)  # fmt: skip
def test_the_first_side_that_fails_is_the_cause(values: dict, expected: str) -> None:
    assert cause(values, {"real": 1.0, "fake": 2e20, "critic_grad_norm": 3e30, "generator": 7.0}) == expected


def test_it_stops_and_names_step_side_and_term(tiny: Path) -> None:
    pattern = r"(?s)diverged at step \d+ in the update of the (critic|generator): .* is (nan|inf|-inf)"
    with pytest.raises(Diverged, match=pattern + r".*gantk resume wild.*on_divergence=restore") as caught:
        gantk.run(tiny, WILD, out="wild")
    lines = [line for line in RunFolder(Path("wild")).lines() if "seconds" in line]
    assert caught.value.step == lines[-1]["step"] + 1
    assert all(math.isfinite(value) for value in lines[-1].values())


def test_it_is_restored_with_a_lower_rate_and_repeats(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gantk.run(tiny, RESTORE)
    last = checkpoint.read_checkpoint(run.folder.last_checkpoint())
    assert last.step == 40
    assert last.restorations
    assert [line["rate"] for line in last.restorations] == pytest.approx(
        [0.1 ** (n + 1) for n in range(len(last.restorations))]
    )
    lines = numbers(run.folder)
    assert [line for line in lines if "diverged_at" in line] == last.restorations
    assert [line["step"] for line in lines if "critic_grad_norm" in line] == list(range(1, 41))
    assert "Going back to step" in capsys.readouterr().err
    assert bits(gantk.run(tiny, RESTORE).folder) == bits(run.folder)


@pytest.mark.parametrize("at", [4, 12], ids=["before", "after"])
def test_interrupted_and_resumed_it_is_the_same(tiny: Path, at: int) -> None:
    import os
    import signal

    class Stop(Callback):
        def __init__(self) -> None:
            self.logged = 0

        def on_log(self, step: int, values: Any) -> None:
            self.logged += 1
            if self.logged == at:
                os.kill(os.getpid(), signal.SIGINT)

    whole = gantk.run(tiny, RESTORE)
    with pytest.raises(Interrupted):
        gantk.run(tiny, RESTORE, out="stopped", callbacks=[Stop()])
    resumed = gantk.resume("stopped")
    assert bits(resumed.folder) == bits(whole.folder)
    assert numbers(resumed.folder) == numbers(whole.folder)


def test_a_run_that_diverged_can_be_resumed_with_restoring(tiny: Path) -> None:
    with pytest.raises(Diverged):
        gantk.run(tiny, WILD, out="wild")
    resumed = gantk.resume("wild", {"train.on_divergence": "restore", "train.restore_rate": 0.1})
    assert bits(resumed.folder) == bits(gantk.run(tiny, RESTORE).folder)


def test_it_is_not_restored_for_ever(tiny: Path) -> None:
    with pytest.raises(Diverged, match="after 2 restorations"):
        gantk.run(tiny, RESTORE | {"train.restore_rate": 0.999, "train.restore_times": 2})


def test_norm_of_gradients_and_clipping() -> None:
    net = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    net(torch.randn(7, 5)).square().sum().backward()
    net[1].bias.grad = None  # one that had no part
    parameters = list(net.parameters())
    whole = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]).norm()
    torch.testing.assert_close(gradient_norm(parameters), whole)
    torch.testing.assert_close(gradient_norm(parameters, 0.5), whole)
    torch.testing.assert_close(gradient_norm(parameters), torch.tensor(0.5), rtol=1e-4, atol=0)
    torch.testing.assert_close(gradient_norm(parameters, 9.0), torch.tensor(0.5), rtol=1e-4, atol=0)
    parameters[0].grad.fill_(math.inf)
    assert not gradient_norm(parameters, 0.5).isfinite()


def test_clipping_is_felt_and_recorded(tiny: Path) -> None:
    sgd = {
        "play.generator_optimizer": {"use": "basics/sgd", "lr": 1.0},
        "play.critic_optimizer": {"use": "basics/sgd", "lr": 1.0},
    }
    base = {"evaluate": [], "train.steps": 1, "train.samples": 4, "seed": 3, **sgd}
    plain, clipped = gantk.run(tiny, base), gantk.run(tiny, base | {"play.clip_gradients": 1e-6})
    for run in (plain, clipped):
        line = next(line for line in run.metrics if "seconds" in line)
        assert line["critic_grad_norm"] > 1e-3  # what it was before clipping
        assert line["generator_grad_norm"] > 0
    first = checkpoint.read_checkpoint(plain.folder.last_checkpoint()).tensors["critic"]
    second = checkpoint.read_checkpoint(clipped.folder.last_checkpoint()).tensors["critic"]
    assert any((first[name] != second[name]).any() for name in first)
