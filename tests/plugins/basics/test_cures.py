"""Relativistic pairing, DRAGAN, WGAN-LP, WGAN-div and packing against their equations, values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from gantk_basics.losses.dragan import Dragan
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.relativistic import Relativistic
from gantk_basics.losses.wasserstein import WganDiv, WganGp
from gantk_basics.nets.mlp import MlpCritic
from gantk_basics.nets.packed import Packed
from torch import Tensor, nn

from gantk.components import build, installed_registry
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.recipe.recipe import recipe_from_text
from gantk.spec import DataSpec
from gantk.training import datasets, initial_state
from tests.helpers.basics_toys import BATCH, POINTS, TOWERS, Slope, critic_of, make_play

SPECS = pytest.mark.parametrize("spec", [POINTS, TOWERS], ids=["one unit", "four units"])


def norm_of(play: Play, samples: Tensor, sample: int, unit: tuple[int, ...]) -> Tensor:
    """The gradient norm of one unit of one sample, by a critic that sees this sample alone."""
    one = samples[sample : sample + 1].detach().requires_grad_()
    (gradient,) = torch.autograd.grad(play.score(one)[(0, *unit)], one, create_graph=True)
    return gradient[(0, *unit)].square().sum().sqrt()


def units_of(spec: DataSpec) -> list[tuple[int, ...]]:
    return [*product(*map(range, spec.units))]


def each_unit(spec: DataSpec, value: Callable[[int, tuple[int, ...]], Tensor]) -> Tensor:
    """The mean over the batch and the sum over units, a sample and a unit at a time."""
    return torch.stack([value(sample, unit) for sample in range(BATCH) for unit in units_of(spec)]).sum() / BATCH


def demand_equal(play: Play, found: dict[str, Tensor], expected: dict[str, Tensor], net: nn.Module) -> None:
    """The same terms, and the same gradients of their sum in the weights of the net."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-10), name
    weights = [*net.parameters()]
    one, other = (torch.autograd.grad(sum(terms.values()), weights, retain_graph=True) for terms in (found, expected))  # type: ignore[arg-type]
    for mine, right in zip(one, other, strict=True):
        torch.testing.assert_close(mine, right, rtol=1e-8, atol=1e-12)


def log_sigmoid(score: Tensor) -> Tensor:
    return -(1 + (-score).exp()).log()


@SPECS
@pytest.mark.parametrize("gamma", [0.7, 0.0])
def test_relativistic_pairing_with_r1_and_r2(spec: DataSpec, gamma: float) -> None:
    play = make_play(critic_of(spec), spec)
    real, fake = play.score(play.real), play.score(play.fake)
    expected = {"critic": each_unit(spec, lambda n, u: -log_sigmoid(real[(n, *u)] - fake[(n, *u)]))}
    if gamma:
        for name, samples in (("r1", play.real), ("r2", play.fake)):
            expected[name] = (
                gamma / 2 * each_unit(spec, lambda n, u, samples=samples: norm_of(play, samples, n, u) ** 2)
            )
    demand_equal(play, Relativistic(gamma=gamma).critic_loss(play), expected, play.critic)

    play = make_play(critic_of(spec), spec, side="generator")
    real, fake = play.score(play.real), play.score(play.fake)
    told = {"generator": each_unit(spec, lambda n, u: -log_sigmoid(fake[(n, *u)] - real[(n, *u)]))}
    demand_equal(play, Relativistic(gamma=gamma).generator_loss(play), told, play.generator)


@pytest.mark.parametrize("step", range(5))
def test_lazy_penalties_of_pairing_are_those_of_every_step_on_average(step: int) -> None:
    play = make_play(critic_of(TOWERS), TOWERS, step=step)
    always, lazy = (Relativistic(gamma=0.7, gamma_every=every).critic_loss(play) for every in (1, 3))
    assert always["r1"].item() > 0 and always["r2"].item() > 0
    expected = {name: value * (3 if step % 3 == 0 else 0) for name, value in always.items() if name != "critic"}
    demand_equal(play, lazy, {"critic": always["critic"], **expected}, play.critic)


@SPECS
@pytest.mark.parametrize(("neighbours", "distance"), [("uniform", 0.5), ("normal", 1.3)])
def test_dragan(spec: DataSpec, neighbours: Any, distance: float) -> None:
    play = make_play(critic_of(spec), spec)
    real, fake = play.score(play.real), play.score(play.fake)
    near = play.real.clone()
    if neighbours == "normal":
        near += distance * play.normal(*near.shape, purpose="neighbours").double()
    else:
        towards = play.uniform(*near.shape, purpose="neighbours").double()
        share = play.uniform(*near.shape[: 1 + spec.unit_axes], purpose="how far").double()
        for unit in units_of(spec):
            wide = play.real[(slice(None), *unit)].std(correction=0)
            for sample in range(BATCH):
                near[(sample, *unit)] += share[(sample, *unit)] * distance * wide * towards[(sample, *unit)]
    expected = {
        "critic_real": each_unit(spec, lambda n, u: -log_sigmoid(real[(n, *u)])),
        "critic_fake": each_unit(spec, lambda n, u: -log_sigmoid(-fake[(n, *u)])),
        "penalty": 3 * each_unit(spec, lambda n, u: (norm_of(play, near, n, u) - 0.4) ** 2),
    }
    loss = Dragan(penalty=3, norm=0.4, neighbours=neighbours, distance=distance)
    demand_equal(play, loss.critic_loss(play), expected, play.critic)
    plain = Dragan(penalty=0).critic_loss(play)
    assert {name: value.item() for name, value in plain.items()} == pytest.approx(
        {name: value.item() for name, value in Gan().critic_loss(play).items()}
    )
    play = make_play(critic_of(spec), spec, side="generator")
    assert torch.equal(loss.generator_loss(play)["generator"], Gan().generator_loss(play)["generator"])


@SPECS
@pytest.mark.parametrize(
    ("loss", "price"),
    [
        (WganGp(penalty=3, one_sided=True), lambda norm: 3 * (norm - 1).clamp(min=0) ** 2),
        (WganGp(penalty=3), lambda norm: 3 * (norm - 1) ** 2),
        (WganDiv(penalty=2, power=6), lambda norm: 2 * norm**6),
        (WganDiv(penalty=0.5, power=3), lambda norm: 0.5 * norm**3),
    ],
    ids=["one-sided", "two-sided", "div 6", "div 3"],
)
def test_penalties_between_real_and_fake(spec: DataSpec, loss: WganGp, price: Callable[[Tensor], Tensor]) -> None:
    critic = critic_of(spec)
    with torch.no_grad():
        for weight in critic.parameters():
            weight.mul_(2.5)  # slopes on both sides of 1
    play = make_play(critic, spec)
    share = play.uniform(*play.real.shape[: 1 + spec.unit_axes], purpose="interpolation").double().unsqueeze(-1)
    between = share * play.real + (1 - share) * play.fake
    norms = [norm_of(play, between, n, u).item() for n in range(BATCH) for u in units_of(spec)]
    assert min(norms) < 0.9 and max(norms) > 1.1
    expected = {
        "critic_real": -each_unit(spec, lambda n, u: play.score(play.real)[(n, *u)]),
        "critic_fake": each_unit(spec, lambda n, u: play.score(play.fake)[(n, *u)]),
        "penalty": each_unit(spec, lambda n, u: price(norm_of(play, between, n, u))),
    }
    demand_equal(play, loss.critic_loss(play), expected, critic)


@pytest.mark.parametrize("weight", [[0.3, 0.4, 0.0], [0.0, 0.0, 0.0]])
def test_slopes_below_1_cost_a_one_sided_penalty_nothing(weight: list[float]) -> None:
    play = make_play(Slope(torch.tensor(weight)))
    assert WganGp(one_sided=True).critic_loss(play)["penalty"].item() == 0
    assert WganGp().critic_loss(play)["penalty"].item() > 0
    critic = play.critic
    WganDiv().critic_loss(play)["penalty"].backward()
    assert critic.weight.grad.isfinite().all()


@pytest.mark.parametrize("loss", [Relativistic(), Dragan(), WganDiv(), WganGp(one_sided=True)])
def test_penalties_refuse_critics_that_see_the_batch(loss: Loss) -> None:
    critic = Packed(POINTS, critic=MlpCritic(Packed.inner_spec(POINTS, samples=2)))
    with pytest.raises(DoesNotFit, match="depends on the whole batch"):
        loss.prepare(None, critic, POINTS)


IMAGES = DataSpec((2, 1, 4, 4), ("protein", "channel", "y", "x"), unit_axes=1)


@pytest.mark.parametrize("spec", [POINTS, TOWERS, IMAGES], ids=["points", "towers", "images with units"])
@pytest.mark.parametrize(("samples", "batch"), [(2, 6), (3, 7), (4, 1)])
def test_packs_are_samples_side_by_side(spec: DataSpec, samples: int, batch: int) -> None:
    inner = MlpCritic(Packed.inner_spec(spec, samples=samples), hidden=(4,))
    critic = Packed(spec, critic=inner, samples=samples)
    drawn = torch.randn(batch, *spec.shape)
    scores = critic(drawn)
    assert scores.shape == (batch, *spec.units)
    for start in range(0, batch, samples):
        places = [place if place < batch else (place - batch) % batch for place in range(start, start + samples)]
        pack = [drawn[place] for place in places]
        side_by_side = torch.cat(pack, dim=spec.unit_axes).unsqueeze(0)  # (1, *units, m·C, …)
        for number in range(start, min(start + samples, batch)):
            torch.testing.assert_close(scores[number : number + 1], inner(side_by_side))


@SPECS
def test_a_loss_on_packs_is_the_loss_of_half_as_many(spec: DataSpec) -> None:
    """Algorithm 1 of the paper: means are over packs."""
    torch.manual_seed(0)
    inner = MlpCritic(Packed.inner_spec(spec, samples=2), hidden=(8,)).double()
    play = make_play(Packed(spec, critic=inner), spec)
    cut = [each.reshape(BATCH // 2, 2, *spec.shape).movedim(1, 1 + spec.unit_axes) for each in (play.real, play.fake)]
    real, fake = (inner(each.flatten(-2)) for each in cut)
    expected = {"critic_real": -log_sigmoid(real), "critic_fake": -log_sigmoid(-fake)}
    summed = {name: value.sum() / (BATCH // 2) for name, value in expected.items()}
    demand_equal(play, Gan().critic_loss(play), summed, inner)


TEXT = """
data: {use: basics/ring, samples: 100}
generator: {use: basics/mlp, latent: 4, hidden: [8]}
critic: {use: basics/packed, samples: 3, critic: {use: basics/mlp, hidden: [8]}}
loss: {use: basics/gan}
train: {steps: 4, batch: 6}
"""


def test_recipes_pack_any_critic() -> None:
    values = recipe_from_text(TEXT).values
    spec = datasets(values)["train"].spec
    state = initial_state(values, spec, "cpu")
    assert state.critic.critic.layers[0].weight.shape == (8, 6)
    packed = installed_registry().find("critic", "basics/packed")
    images = DataSpec((1, 8, 8), ("channel", "y", "x"))
    net = build(packed, {"critic": {"use": "basics/dcgan", "width": 4, "normalisation": "none"}}, spec=images)
    assert net(torch.randn(4, 1, 8, 8)).shape == (4,)
