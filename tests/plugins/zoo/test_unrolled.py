"""Unrolled GAN: k differentiable updates beside a plain loop, the critic put back, k = 0, resume, and the ring."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_basics.optimizers import adam, adamw, rmsprop, sgd
from gantk_zoo.games.optimizer_steps import Steps, root
from gantk_zoo.games.unrolled import Unrolled
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Play
from gantk.spec import DataSpec
from tests.helpers.basics_toys import POINTS, critic_of, make_play
from tests.helpers.published import Scene, assert_resumed_exactly, missed

OPTIMIZERS = {
    "adam": lambda weights: adam(weights, lr=0.02, betas=(0.5, 0.9), weight_decay=0.1),
    "amsgrad": lambda weights: torch.optim.Adam(weights, lr=0.02, betas=(0.5, 0.9), amsgrad=True),
    "adamw": lambda weights: adamw(weights, lr=0.02, betas=(0.0, 0.9), weight_decay=0.1),
    "rmsprop": lambda weights: rmsprop(weights, lr=0.01, weight_decay=0.1),
    "rmsprop_momentum": lambda weights: rmsprop(weights, lr=0.01, momentum=0.7),
    "sgd": lambda weights: sgd(weights, lr=0.1, weight_decay=0.1),
    "sgd_momentum": lambda weights: sgd(weights, lr=0.1, momentum=0.8),
}


def small_generator() -> MlpGenerator:
    torch.manual_seed(1)
    return MlpGenerator(POINTS, latent=5, hidden=(4,), activation="tanh").double()


def a_step(play: Play, optimizer: torch.optim.Optimizer) -> None:
    """One usual update of the critic, in place."""
    optimizer.zero_grad()
    terms = Gan().critic_loss(play)
    torch.stack(tuple(terms.values())).sum().backward()
    optimizer.step()


def situation(name: str, steps: int = 2) -> tuple[nn.Module, MlpGenerator, torch.optim.Optimizer]:
    """A critic whose optimiser has moments, and a generator."""
    critic, generator = critic_of(), small_generator()
    optimizer = OPTIMIZERS[name](list(critic.parameters()))
    for _ in range(steps):
        a_step(make_play(critic, generator=generator), optimizer)
    critic.zero_grad(set_to_none=True)
    return critic, generator, optimizer


def update(critic: nn.Module, generator: nn.Module, optimizer: torch.optim.Optimizer | None) -> Play:
    play = make_play(critic, side="generator", generator=generator)
    play.critic_optimizer = optimizer
    return play


def plain_loop(critic: nn.Module, generator: nn.Module, optimizer: torch.optim.Optimizer, k: int) -> float:
    """The generator's loss under a copy of the critic that a copy of its optimiser has really stepped k times."""
    copied = deepcopy(critic).requires_grad_(True)
    other = type(optimizer)(list(copied.parameters()), lr=1.0)
    other.load_state_dict(deepcopy(optimizer.state_dict()))
    for _ in range(k):
        a_step(make_play(copied, generator=generator, side="critic"), other)
    with torch.no_grad():
        return float(Gan().generator_loss(make_play(copied, side="generator", generator=generator))["generator"])


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("before", [0, 3])
def test_steps_are_those_of_torch(name: str, before: int) -> None:
    torch.manual_seed(0)
    weights = [torch.randn(3, 2, dtype=torch.float64).requires_grad_(), torch.randn(2).double().requires_grad_()]
    optimizer = OPTIMIZERS[name](weights)

    def gradients(of: list[Tensor]) -> list[Tensor]:
        return list(torch.autograd.grad(sum((each**4 + each).sum() for each in of), of))

    def real_step() -> None:
        for weight, gradient in zip(weights, gradients(weights), strict=True):
            weight.grad = gradient
        optimizer.step()

    for _ in range(before):
        real_step()
    steps, ahead = Steps(optimizer, weights), [weight.detach().clone().requires_grad_() for weight in weights]
    for _ in range(4):
        ahead = steps(ahead, gradients(ahead))
    for _ in range(4):
        real_step()
    for one, other in zip(ahead, weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd_momentum"])
def test_value_and_gradient_are_those_of_a_plain_loop(name: str, k: int) -> None:
    critic, generator, optimizer = situation(name)
    critic.requires_grad_(False)  # as in the generator's updates
    loss = Unrolled(updates=k).generator_loss(update(critic, generator, optimizer))["generator"]
    assert loss.item() == pytest.approx(plain_loop(critic, generator, optimizer, k), rel=1e-11)

    weights = list(generator.parameters())
    found = torch.autograd.grad(loss, weights)
    through_the_end_alone = torch.autograd.grad(
        Gan().generator_loss(update(critic, generator, optimizer))["generator"], weights
    )
    rng, epsilon, seen = torch.Generator().manual_seed(0), 1e-5, 0.0
    for weight, slope, first_order in zip(weights, found, through_the_end_alone, strict=True):
        for number in torch.randperm(weight.numel(), generator=rng)[:3].tolist():
            flat = weight.data.view(-1)
            sides = []
            for moved in (epsilon, -epsilon):
                flat[number] += moved
                sides.append(plain_loop(critic, generator, optimizer, k))
                flat[number] -= moved
            by_differences = (sides[0] - sides[1]) / (2 * epsilon)
            assert slope.view(-1)[number].item() == pytest.approx(by_differences, rel=1e-5, abs=1e-9)
            seen = max(seen, abs(by_differences - first_order.view(-1)[number].item()))
    assert seen > 1e-3  # the way through the critic's updates matters


def test_nothing_of_the_critic_or_its_optimiser_changes() -> None:
    critic, generator, optimizer = situation("adam")
    normalised = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.LeakyReLU(0.2), nn.Linear(4, 1), nn.Flatten(0))
    trained = adam(normalised.double().parameters())
    a_step(make_play(normalised, generator=generator), trained)
    for net, of in ((critic, optimizer), (normalised, trained)):
        net.requires_grad_(False)
        net.zero_grad(set_to_none=True)
        before = deepcopy((net.state_dict(), of.state_dict()))
        terms = Unrolled(updates=5).generator_loss(update(net, generator, of))
        terms["generator"].backward(inputs=list(generator.parameters()))
        torch.testing.assert_close((net.state_dict(), of.state_dict()), before, rtol=0, atol=0)
        assert all(weight.grad is None and not weight.requires_grad for weight in net.parameters())


def test_no_update_is_the_plain_gan_bit_for_bit() -> None:
    small = ("train.batch=16", "data.samples=200")
    plain, unrolled = Scene("ring_gan", *small, whole=4), Scene("zoo/ring_unrolled", "loss.updates=0", *small, whole=4)
    assert plain.train(4) == unrolled.train(4)
    one, other = plain.tensors(), unrolled.tensors()
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    ahead = Scene("zoo/ring_unrolled", "loss.updates=1", *small, whole=4)
    assert ahead.train(4) != plain.train(4)


def test_weights_that_never_had_a_gradient_make_no_nans() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.unused = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))

        def forward(self, samples: Tensor) -> Tensor:
            return samples @ self.weight + samples @ (self.unused * 0)

    generator, critic = small_generator(), Unused().double()
    terms = Unrolled(updates=3).generator_loss(update(critic, generator, adam(critic.parameters())))
    slopes = torch.autograd.grad(terms["generator"], list(generator.parameters()))
    assert all(bool(each.isfinite().all()) for each in slopes)
    values = torch.tensor([0.0, 4.0], requires_grad=True)
    root(values).sum().backward()
    assert values.grad is not None and values.grad.tolist() == [0.0, 0.25]


def test_what_cannot_be_unrolled_is_refused() -> None:
    critic, generator, _ = situation("sgd", 0)
    loss = Unrolled(updates=1)
    with pytest.raises(DoesNotFit, match="those of Adagrad"):
        loss.generator_loss(update(critic, generator, torch.optim.Adagrad(critic.parameters())))
    with pytest.raises(DoesNotFit, match="those of SGD with these settings"):
        nesterov = torch.optim.SGD(critic.parameters(), lr=0.1, momentum=0.5, nesterov=True)
        loss.generator_loss(update(critic, generator, nesterov))
    with pytest.raises(DoesNotFit, match=r"machine\.engine=eager"):
        loss.generator_loss(update(critic, generator, None))

    class Once(MlpCritic):
        second_order = False

    spec = DataSpec((3,), ("coordinate",), range=None)
    with pytest.raises(DoesNotFit, match=r"loss\.updates=0"):
        loss.prepare(generator, Once(spec), spec)
    assert Unrolled(updates=0).prepare(generator, Once(spec), spec)[0] is generator


def test_resumed_exactly(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/ring_unrolled", tmp_path, "data.samples=200", "loss.updates=2")


@pytest.mark.long
def test_the_recipe_reaches_its_bar(tmp_path: Path) -> None:
    assert missed("zoo/ring_unrolled", tmp_path / "run") == []


@pytest.mark.long
def test_without_looking_ahead_it_misses_it(tmp_path: Path) -> None:
    assert missed("zoo/ring_unrolled", tmp_path / "run", ["loss.updates=0"]) != []
