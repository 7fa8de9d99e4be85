"""The warning of a critic that wins: its two numbers against plain versions, and when it speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from gantk.interfaces import Samples
from gantk.reporting.winning_critic import PICTURES, WinningCritic, energy_distance, overlap
from gantk.spec import DataSpec

SPEC = DataSpec((2,), ("coordinate",), range=None)
RNG = torch.Generator().manual_seed(0)


def test_the_overlap_of_scores_is_the_area_beside_the_roc_curve_of_the_worst_unit() -> None:
    real, made = torch.randn(40, 3, generator=RNG) + 1, torch.randn(30, 3, generator=RNG)
    real[:5, 0] = made[:5, 0]  # equal scores
    truth = [1] * 40 + [0] * 30
    areas = [roc_auc_score(truth, torch.cat([real[:, unit], made[:, unit]]).numpy()) for unit in range(3)]
    assert overlap(real, made) == pytest.approx(1 - max(areas))


def test_energy_distance_is_that_of_a_plain_loop() -> None:
    x, y = torch.randn(6, 2, 2, generator=RNG), torch.randn(5, 2, 2, generator=RNG) + 2

    def mean(pairs: Any) -> float:
        far = [float((a - b).norm()) for a, b in pairs]
        return sum(far) / len(far)

    across = mean((a, b) for a in x for b in y)
    within = [mean((s[i], s[j]) for i in range(len(s)) for j in range(i)) for s in (x, y)]
    assert energy_distance(x, y) == pytest.approx(2 * across - sum(within), rel=1e-5)


class First(nn.Module):
    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        return samples[:, 0]


def looked(distances: list[float], sign: int = 1, steps: int = 10, loss: dict[str, str] | None = None) -> list[float]:
    """Whether it warns at each of ten pictures, of samples that lie so far below the real ones."""
    real = Samples(torch.randn(20, 2, generator=torch.Generator().manual_seed(1)), spec=SPEC)
    watch, found = WinningCritic(steps, loss or {"use": "basics/gan"}), []
    for step, far in enumerate(distances, 1):
        made = Samples(real.samples - torch.tensor([far * sign, 0.0]), spec=SPEC)
        found.append(watch.look(First(), real, made, step, torch.device("cpu"))["critic_warning"])
    return found


def test_it_warns_where_scores_part_and_samples_come_no_nearer(capsys: pytest.CaptureFixture[str]) -> None:
    assert looked([9.0] * 10) == [0.0] * PICTURES + [1.0] * (10 - PICTURES)
    told = capsys.readouterr().err
    assert told.count("is the critic winning?") == 1 and "wrap the loss in basics/augmented" in " ".join(told.split())


def test_who_has_wrapped_the_loss_is_not_told_to(capsys: pytest.CaptureFixture[str]) -> None:
    looked([9.0] * 10, loss={"use": "basics/augmented"})
    told = capsys.readouterr().err
    assert "fewer steps" in told and "wrap" not in told


@pytest.mark.parametrize(
    ("distances", "sign"),
    [
        ([19.0 - step for step in range(10)], 1),  # the samples improve
        ([0.1] * 10, 1),  # the scores overlap
        ([9.0] * 10, -1),  # the generated ones score higher
    ],
)
def test_it_is_silent_otherwise(distances: list[float], sign: int) -> None:
    assert not any(looked(distances, sign))


def test_a_resumed_run_remembers_what_was_seen() -> None:
    watch = WinningCritic(10, {"use": "basics/gan"})
    for step in range(1, 4):
        watch.remember({"step": step, "score_overlap": 0.0, "sample_distance": 5.0, "critic_warning": 0.0})
    real = Samples(torch.randn(20, 2, generator=RNG), spec=SPEC)
    made = Samples(real.samples - 9, spec=SPEC)
    assert watch.look(First(), real, made, 4, torch.device("cpu"))["critic_warning"] == 1.0


def test_a_run_whose_generator_stands_still_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gantk

    still = {"train.ema": 0.0, "play.generator_optimizer": {"use": "basics/sgd", "lr": 1e-30}}
    data = {"data.radius": 1000.0, "evaluate": [], "train.steps": 40, "train.sample_every": 5}
    run = gantk.run("ring_gan", {**data, **still}, out=tmp_path / "run")
    assert any(line.get("critic_warning") for line in run.metrics)
    assert "is the critic winning?" in capsys.readouterr().err
    assert "The critic seemed to win" in (tmp_path / "run" / "report.html").read_text()
