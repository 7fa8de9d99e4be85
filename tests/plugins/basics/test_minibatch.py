"""Minibatch discrimination against a plain double loop, and against the loss it wraps."""

from collections.abc import Callable
from math import exp

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.minibatch_discrimination import MinibatchCritic, MinibatchDiscrimination, closeness
from gantk_basics.losses.wasserstein import Wgan
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, has_batch_statistics
from gantk.interfaces.play import may_share_forward
from gantk.recipe.recipe import load
from gantk.spec import DataSpec
from tests.helpers.basics_toys import BATCH, POINTS, TOWERS, Fixed, critic_of, make_play

KERNELS, DIMS = 3, 2


@pytest.mark.parametrize("units", [(), (2,), (2, 2)])
def test_closeness_is_the_double_loop_of_the_paper(units: tuple[int, ...]) -> None:
    vectors = torch.randn(5, *units, KERNELS * DIMS, dtype=torch.float64)
    found = closeness(vectors, KERNELS)
    assert found.shape == (5, *units, KERNELS)
    plain = vectors.reshape(5, -1, KERNELS, DIMS)
    for unit in range(plain.shape[1]):
        for i in range(5):
            for kernel in range(KERNELS):
                expected = sum(
                    exp(-(plain[i, unit, kernel] - plain[j, unit, kernel]).abs().sum().item()) for j in range(5)
                )
                assert found.reshape(5, -1, KERNELS)[i, unit, kernel].item() == pytest.approx(expected)


def test_closeness_has_first_and_second_derivatives() -> None:
    def gradients_of_gradients(function: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        vectors = torch.randn(4, KERNELS * DIMS, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        vectors.requires_grad_()
        (first,) = torch.autograd.grad(function(vectors).square().sum(), vectors, create_graph=True)
        return first, torch.autograd.grad(first.square().sum(), vectors)[0]

    def plain(vectors: Tensor) -> Tensor:
        rows = [row.reshape(KERNELS, DIMS) for row in vectors]
        return torch.stack([sum((-(one - other).abs().sum(1)).exp() for other in rows) for one in rows])

    for found, expected in zip(
        gradients_of_gradients(lambda vectors: closeness(vectors, KERNELS)), gradients_of_gradients(plain), strict=True
    ):
        assert torch.allclose(found, expected)


@pytest.mark.parametrize("spec", [POINTS, TOWERS], ids=["one unit", "four units"])
def test_wrapped_critic(spec: DataSpec) -> None:
    inner = critic_of(spec)
    critic = MinibatchCritic(inner, spec, KERNELS, DIMS).double()
    samples = torch.randn(BATCH, *spec.shape, dtype=torch.float64)
    assert critic(samples).shape == (BATCH, *spec.units)
    features = critic.features(samples)
    assert features.shape == (BATCH, *spec.units, 6 + KERNELS)
    assert torch.equal(features[..., :6], inner.features(samples))
    assert torch.equal(critic.head(features), critic(samples))
    critic(samples).sum().backward()
    assert all(weight.grad is not None for weight in critic.parameters())  # no weights that nothing trains


@pytest.mark.parametrize("inner", [Gan(), Wgan(warmup=True)], ids=["gan", "wgan"])
def test_everything_else_is_the_wrapped_loss(inner: Loss) -> None:
    loss = MinibatchDiscrimination(loss=inner, kernels=KERNELS, dims=DIMS)
    _, critic = loss.prepare(None, critic_of(), POINTS)
    assert loss.critic_loss(make_play(critic, generator=Fixed())) == inner.critic_loss(
        make_play(critic, generator=Fixed())
    )
    side = {"side": "generator", "generator": Fixed()}
    assert loss.generator_loss(make_play(critic, **side)) == inner.generator_loss(make_play(critic, **side))
    assert loss.critic_steps(3, 1) == inner.critic_steps(3, 1)
    loss.after_critic_step(make_play(critic))
    clipped = all(weight.abs().max() <= 0.01 for weight in critic.parameters())
    assert clipped == isinstance(inner, Wgan)


def test_real_and_fake_never_meet() -> None:
    loss = MinibatchDiscrimination(loss=Gan())
    _, critic = loss.prepare(None, critic_of(), POINTS)
    assert has_batch_statistics(critic)
    assert not may_share_forward(critic, loss.cross_sample)


def test_defaults_are_those_of_the_wrapped_loss() -> None:
    inner = {"use": "basics/wgan", "clip": 0.02}
    recipe = load("ring_gan", {"loss": {"use": "basics/minibatch_discrimination", "loss": inner}})
    assert recipe.values["play"]["critic_steps"] == Wgan.play_defaults()["critic_steps"] == 5
    assert recipe.values["play"]["critic_optimizer"]["use"] == "basics/rmsprop"


def test_a_loss_that_trains_something_of_its_own_still_does() -> None:
    class WithEncoder(Gan):
        def __init__(self) -> None:
            super().__init__()
            self.with_generator = nn.Linear(2, 2)

    loss = MinibatchDiscrimination(loss=WithEncoder())
    loss.prepare(None, critic_of(), POINTS)
    assert loss.with_generator is loss.loss.with_generator
    assert not hasattr(loss, "with_critic")


def test_a_critic_without_features_is_refused() -> None:
    with pytest.raises(DoesNotFit, match="features"):
        MinibatchDiscrimination(loss=Gan()).prepare(None, nn.Linear(3, 1), POINTS)
