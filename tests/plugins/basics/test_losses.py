"""Every loss against the equation of its paper, written out plainly for one unit of one sample after another."""

from collections.abc import Callable
from math import exp, log

import pytest
import torch
from gantk_basics.losses.gan import Gan, Hinge, LeastSquares
from gantk_basics.losses.wasserstein import Wgan, WganGp
from gantk_basics.nets.layers import UnitLinear
from gantk_basics.nets.mlp import MlpGenerator
from torch import Tensor, nn

from gantk.interfaces import Loss
from gantk.spec import DataSpec
from tests.helpers.basics_toys import BATCH, POINTS, TOWERS, Fixed, Slope, critic_of, make_play


def sigmoid(score: float) -> float:
    return 1 / (1 + exp(-score))


PAPERS: list[tuple[str, Loss, Callable, Callable]] = [
    (
        "Goodfellow 2014",
        Gan(),
        lambda real, fake: -log(sigmoid(real)) - log(1 - sigmoid(fake)),
        lambda fake: -log(sigmoid(fake)),
    ),
    (
        "Goodfellow 2014, minimax",
        Gan(minimax=True),
        lambda real, fake: -log(sigmoid(real)) - log(1 - sigmoid(fake)),
        lambda fake: log(1 - sigmoid(fake)),
    ),
    (
        "Salimans 2016, one-sided smoothing",
        Gan(label_smoothing=0.1),
        lambda real, fake: -0.9 * log(sigmoid(real)) - 0.1 * log(1 - sigmoid(real)) - log(1 - sigmoid(fake)),
        lambda fake: -log(sigmoid(fake)),
    ),
    (
        "Mao 2017",
        LeastSquares(),
        lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * fake**2,
        lambda fake: 0.5 * (fake - 1) ** 2,
    ),
    (
        "Mao 2017, Pearson",
        LeastSquares(fake=-1, real=1, passing=0),
        lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * (fake + 1) ** 2,
        lambda fake: 0.5 * fake**2,
    ),
    ("Lim 2017", Hinge(), lambda real, fake: max(0, 1 - real) + max(0, 1 + fake), lambda fake: -fake),
    ("Arjovsky 2017", Wgan(), lambda real, fake: fake - real, lambda fake: -fake),
    ("Gulrajani 2017 without penalty", WganGp(penalty=0), lambda real, fake: fake - real, lambda fake: -fake),
]


@pytest.mark.parametrize("spec", [POINTS, TOWERS], ids=["one unit", "four units"])
@pytest.mark.parametrize(("name", "loss", "of_critic", "of_generator"), PAPERS, ids=[paper[0] for paper in PAPERS])
def test_equation(name: str, loss: Loss, of_critic: Callable, of_generator: Callable, spec: DataSpec) -> None:
    critic = critic_of(spec)
    play = make_play(critic, spec)
    real, fake = critic(play.real).flatten().tolist(), critic(play.fake).flatten().tolist()
    expected = sum(map(of_critic, real, fake)) / BATCH  # mean over the batch, sum over units
    assert sum(loss.critic_loss(play).values()).item() == pytest.approx(expected, rel=1e-9)
    play = make_play(critic, spec, side="generator", generator=play.generator)
    expected = sum(map(of_generator, critic(play.fake).flatten().tolist())) / BATCH
    assert sum(loss.generator_loss(play).values()).item() == pytest.approx(expected, rel=1e-9)


LOSSES = [Gan(r1=2.0), Gan(minimax=True), LeastSquares(), Hinge(), Wgan(), WganGp()]
NAMES = ["gan+r1", "minimax", "lsgan", "hinge", "wgan", "wgan_gp"]


@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
def test_towers_train_as_they_would_alone(loss: Loss) -> None:
    critic, play_of_all = critic_of(TOWERS), None
    play_of_all = make_play(critic, TOWERS)
    whole = loss.critic_loss(play_of_all)
    mixing = play_of_all.uniform(BATCH, 4, purpose="interpolation")
    parts = []
    for unit in range(4):
        alone = critic_of(POINTS)
        for one, all_ in zip(alone.modules(), critic.modules(), strict=True):
            if isinstance(all_, UnitLinear) and isinstance(one, nn.Linear) and all_.bias is not None:
                one.weight.data, one.bias.data = all_.weight.data[unit].T.clone(), all_.bias.data[unit, 0].clone()
        play = make_play(alone, POINTS, real=play_of_all.real[:, unit])
        play.fake = play_of_all.fake[:, unit]
        play.uniform = lambda *shape, purpose, unit=unit: mixing[:, unit]  # type: ignore[method-assign]
        parts.append(sum(loss.critic_loss(play).values()))
    assert sum(whole.values()).item() == pytest.approx(sum(parts).item(), rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
@pytest.mark.parametrize("side", ["critic", "generator"])
def test_gradients_agree_with_finite_differences(loss: Loss, side: str) -> None:
    critic = critic_of()
    generator = MlpGenerator(POINTS, latent=5, hidden=(8,), activation="tanh").double()
    net = critic if side == "critic" else generator

    def value() -> Tensor:
        play = make_play(critic, side=side, generator=generator)
        return sum((loss.critic_loss if side == "critic" else loss.generator_loss)(play).values(), torch.zeros(()))

    gradients = torch.autograd.grad(value(), list(net.parameters()))
    for weight, gradient in zip(net.parameters(), gradients, strict=True):
        index = tuple(size // 2 for size in weight.shape)
        kept, step = weight.data[index].item(), 1e-6
        weight.data[index] = kept + step
        above = value().item()
        weight.data[index] = kept - step
        below = value().item()
        weight.data[index] = kept
        assert gradient[index].item() == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("loss", LOSSES, ids=NAMES)
def test_each_side_pushes_its_own_way(loss: Loss) -> None:
    critic = Slope(torch.zeros(3))
    play = make_play(critic, real=torch.ones(BATCH, 3), generator=MlpGenerator(POINTS, latent=5, hidden=(8,)))
    play.fake = -torch.ones(BATCH, 3, dtype=torch.float64)
    sum(loss.critic_loss(play).values(), torch.zeros(())).backward()
    assert (critic.weight.grad < 0).all()  # descending raises the score where the real samples are
    scores = torch.zeros(BATCH, dtype=torch.float64, requires_grad=True)
    play = make_play(critic, side="generator")
    play.score = lambda samples: scores  # type: ignore[method-assign]
    sum(loss.generator_loss(play).values(), torch.zeros(())).backward()
    assert (scores.grad < 0).all()  # descending raises the score of fakes


def test_minimax_is_flat_where_the_critic_wins_and_the_other_is_not() -> None:
    gradients = {}
    for minimax in (False, True):
        scores = torch.full((BATCH,), -200.0, requires_grad=True)
        play = make_play(critic_of(), side="generator")
        play.score = lambda samples, scores=scores: scores  # type: ignore[method-assign]
        value = sum(Gan(minimax=minimax).generator_loss(play).values(), torch.zeros(()))
        value.backward()
        assert value.isfinite()
        gradients[minimax] = scores.grad.sum().item()
    assert gradients[False] == pytest.approx(-1)
    assert gradients[True] == pytest.approx(0)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.5])
def test_label_noise_lies_as_often_as_asked(noise: float) -> None:
    play = make_play(Slope(torch.tensor([4.0, 0, 0])), batch=20000, real=torch.ones(20000, 3))
    terms = Gan(label_noise=noise).critic_loss(play)
    expected = (1 - noise) * log(1 + exp(-4)) + noise * log(1 + exp(4))
    assert terms["critic_real"].item() == pytest.approx(expected, abs=0.05)


def test_label_noise_of_patches_lies_about_whole_units() -> None:
    play = make_play(nn.Identity(), real=torch.full((BATCH, 3), 5.0))  # three patches a sample
    play.fake = torch.full((BATCH, 3), -5.0, dtype=torch.float64)
    loss = Gan(label_noise=0.4)
    rate = (play.uniform(BATCH, purpose="label noise, real") < 0.4).double().mean().item()
    expected = rate * log(1 + exp(5)) + (1 - rate) * log(1 + exp(-5))
    assert loss.critic_loss(play)["critic_real"].item() == pytest.approx(expected)


def test_losses_are_seeded() -> None:
    for loss in (Gan(label_noise=0.3), WganGp()):
        first, second = (loss.critic_loss(make_play(critic_of(), generator=Fixed())) for _ in range(2))
        assert {name: value.item() for name, value in first.items()} == {
            name: value.item() for name, value in second.items()
        }


@pytest.mark.parametrize(
    ("loss", "critic_steps", "rates"),
    [
        (Gan, 1, {"lr": 2e-4, "betas": [0.5, 0.999]}),
        (LeastSquares, 1, {"lr": 2e-4, "betas": [0.5, 0.999]}),
        (Hinge, 1, {"lr": 2e-4, "betas": [0.0, 0.9]}),
        (Wgan, 5, {"lr": 5e-5}),
        (WganGp, 5, {"lr": 1e-4, "betas": [0.0, 0.9]}),
    ],
)
def test_defaults_are_the_papers(loss: type[Loss], critic_steps: int, rates: dict) -> None:
    play = loss.play_defaults()
    assert play["critic_steps"] == critic_steps
    for side in ("generator_optimizer", "critic_optimizer"):
        assert {key: value for key, value in play[side].items() if key != "use"} == rates
