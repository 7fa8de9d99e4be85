"""`basics/equilibrium`: trend and scatter of losses whose trend and noise are known, and of a short run."""

from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.losses.gan import Gan, Hinge, LeastSquares
from gantk_basics.losses.minibatch_discrimination import MinibatchDiscrimination
from gantk_basics.losses.wasserstein import Wgan, WganGp
from gantk_basics.metrics.equilibrium import Equilibrium, flatness
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

import gantk
from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, MetricInput, TrainingLog
from gantk.training.training_log import read_log
from tests.helpers.basics_toys import TOWERS, make_play

STEPS = 4000


def noise(seed: int, count: int = STEPS) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, count)


def measured(critic: np.ndarray, generator: np.ndarray, share: float = 0.5, right: float | None = None) -> dict:
    """The metric's values where these are the losses."""
    from gantk_basics.data.ring import Ring

    terms = {"critic_real": critic.tolist(), "r1": noise(9, len(critic)).tolist()}
    levels = {} if right is None else {"critic_real": right}
    seen = TrainingLog(range(1, len(critic) + 1), terms, {"generator": generator.tolist()}, levels)
    ring = Ring("train", samples=20)
    inputs = MetricInput(take(ring, 0), ring, ring, torch.Generator(), log=lambda: seen)
    return {name: value.value for name, value in Equilibrium(share=share).compute(inputs).items()}


def test_noise_has_no_trend_and_scatters_by_itself() -> None:
    each = [flatness(noise(seed, 500)) for seed in range(200)]
    assert np.std([one.trend for one in each]) == pytest.approx(sqrt(12 / 500), rel=0.15)
    assert np.mean([one.scatter for one in each]) == pytest.approx(1, abs=0.01)
    assert flatness(7 + 1000 * noise(1)).trend == pytest.approx(flatness(noise(1)).trend)  # no unit, no level


@pytest.mark.parametrize("rise", [-6.0, 0.3, 30.0])
def test_a_known_trend_is_found_in_units_of_the_noise(rise: float) -> None:
    line = np.linspace(2, 2 + rise * 0.3, STEPS)
    found = flatness(line + noise(2))
    assert found.trend == pytest.approx(rise, rel=0.05, abs=4 * sqrt(12 / STEPS))
    assert found.scatter == pytest.approx(1, abs=0.05)
    assert found.line == (pytest.approx(2, abs=0.05), pytest.approx(line[-1], abs=0.05))


def test_a_slow_swing_is_scatter_and_no_trend() -> None:
    swing = 3 * 0.3 * np.sin(np.linspace(0, 40 * np.pi, STEPS))
    found = flatness(swing + noise(3))
    assert found.scatter == pytest.approx(sqrt(1 + 9 / 2), rel=0.05)
    assert abs(found.trend) < 0.5


@pytest.mark.parametrize("series", [np.full(50, 3.0), np.linspace(0, 1, 50), np.zeros(50)])
def test_series_without_noise_give_finite_numbers(series: np.ndarray) -> None:
    found = flatness(series)
    assert np.isfinite([found.trend, found.scatter]).all()
    assert (abs(found.trend) > 1e6) == (series[0] != series[-1])


def test_the_last_part_is_looked_at_and_the_worse_side_is_the_drift() -> None:
    early = np.concatenate([np.linspace(9, 0, STEPS // 2), np.zeros(STEPS // 2)]) + noise(4)
    rising = np.concatenate([np.zeros(STEPS // 2), np.linspace(0, -1.5, STEPS // 2)]) + noise(5)
    found = measured(early, rising)
    assert found["generator_trend"] == pytest.approx(-5, abs=0.4)
    assert abs(found["critic_trend"]) < 0.4
    assert found["drift"] == abs(found["generator_trend"])
    assert abs(measured(early, rising, share=1)["critic_trend"]) > 20
    assert "critic_right" not in found


def test_updates_in_which_the_critic_is_right_are_counted() -> None:
    losses = np.where(np.arange(STEPS) % 4 == 0, 1.5, 1.2)  # above the level in one of four
    assert measured(losses + 0.01 * noise(6), noise(7), right=2 * log(2))["critic_right"] == 0.75


class Constant(nn.Module):
    """A critic that gives everything the same score."""

    def __init__(self, score: float):
        super().__init__()
        self.score = nn.Parameter(torch.tensor(score))

    def forward(self, samples: Tensor) -> Tensor:
        return self.score + 0 * samples.sum(-1)


@pytest.mark.parametrize(
    "loss",
    [
        Gan(),
        Gan(label_smoothing=0.3),
        Gan(label_noise=0.2, label_smoothing=0.1),
        LeastSquares(),
        LeastSquares(fake=-1, real=1.5, passing=0),
        Hinge(),
        Wgan(),
        WganGp(),
        MinibatchDiscrimination(loss=Gan(r1=1)),
    ],
)
def test_a_critic_that_tells_nothing_reaches_what_the_loss_says(loss: Loss) -> None:
    """The least sum over all constant scores, of four units; label noise by its mean over many samples."""
    levels = loss.indifferent()

    def at(score: float) -> float:
        play = make_play(Constant(score), TOWERS, batch=20_000 if getattr(loss, "label_noise", 0) else 8)
        terms = loss.critic_loss(play)
        assert levels.keys() <= terms.keys()
        return sum(terms[name].item() for name in levels) / 4

    least = minimize_scalar(at, bounds=(-3, 3), method="bounded").fun
    assert sum(levels.values()) == pytest.approx(least, abs=2e-3 if getattr(loss, "label_noise", 0) else 1e-6)


def test_terms_are_told_by_the_norms_behind_them() -> None:
    lines = [
        {
            "step": 1,
            "seconds": 0.1,
            "real": 1.0,
            "fake": 2.0,
            "critic_grad_norm": 9.0,
            "g": 3.0,
            "generator_grad_norm": 8,
        },
        {"step": 1, "split": "validation", "frechet.distance": 5.0},
        {
            "step": 2,
            "seconds": 0.2,
            "real": 1.5,
            "fake": 2.5,
            "critic_grad_norm": 9.0,
            "g": 3.5,
            "generator_grad_norm": 8,
        },
    ]
    found = read_log(lines, {"real": 0.0})
    assert list(found.steps) == [1, 2]
    assert {name: list(row) for name, row in found.critic.items()} == {"real": [1, 1.5], "fake": [2, 2.5]}
    assert {name: list(row) for name, row in found.generator.items()} == {"g": [3, 3.5]}


ENTRY = {"use": "basics/equilibrium", "every": 50}


def test_a_short_run_gives_the_numbers_of_its_own_log(tiny: Path) -> None:
    run = gantk.run(tiny, {"train.steps": 100, "train.checkpoint_every": 50, "evaluate": [ENTRY]}, out="run")
    values = run.evaluation["equilibrium"]
    generator = run.series("generator")[1][50:]
    critic = np.add(run.series("critic_real")[1], run.series("critic_fake")[1])[50:]
    assert values["generator_trend"].value == flatness(generator).trend
    assert values["critic_scatter"].value == flatness(critic).scatter
    assert values["critic_right"].value == np.mean(critic < 2 * log(2))
    assert run.evaluate("equilibrium")["equilibrium"] == values  # afterwards, of the run folder
    steps, early = run.series("equilibrium.generator_trend")
    assert steps == [50, 100]  # along the run, each of what was known then
    assert early[0] == flatness(run.series("generator")[1][25:50]).trend
    checkpoint = gantk.load(run.path / "checkpoints" / "step-50.h5")
    assert checkpoint.evaluate("equilibrium")["equilibrium"]["generator_trend"].value == early[0]
    assert "trend of the losses" in run.report.read_text()


def test_the_picture_shows_both_losses(tiny: Path) -> None:
    seen = TrainingLog(range(1, 401), {"critic": noise(1, 400).tolist()}, {"generator": noise(2, 400).tolist()})
    run = gantk.run(tiny, {"evaluate": []}, out="run")
    data = run.model.data["train"]
    picture = Equilibrium().pictures(MetricInput(take(data, 0), data, data, torch.Generator(), log=lambda: seen))
    assert list(picture) == ["equilibrium"]
    assert picture["equilibrium"].width > 1.8 * picture["equilibrium"].height


def test_without_a_run_and_after_too_few_steps_it_is_refused(tiny: Path) -> None:
    run = gantk.run(tiny, {"evaluate": []}, out="run")
    with pytest.raises(DoesNotFit, match="needs 20 steps or more, and finds 10: train longer"):
        run.evaluate("equilibrium")
    (run.path / "checkpoints" / "step-20.h5").rename("alone.h5")
    with pytest.raises(DoesNotFit, match="reads the losses of a run; here is none"):
        gantk.load("alone.h5").evaluate("equilibrium")
