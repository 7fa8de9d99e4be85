"""Nets from picture to picture: any size once built, what a pixel depends on, noise on demand, patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from gantk_basics.nets.patch import PatchCritic
from gantk_basics.nets.resnet import ResnetGenerator
from gantk_basics.nets.unet import UnetGenerator
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import member
from gantk.spec import DataSpec


def pair(height: int = 64, width: int = 64, given: int = 3, made: int = 2) -> DataSpec:
    return DataSpec((made, height, width), ("channel", "y", "x"), condition_shape=(given, height, width))


def two(side: int = 32) -> DataSpec:
    shape = (2, 1, side, side)
    return DataSpec(shape, ("domain", "channel", "y", "x"), unit_axes=1, condition_shape=shape)


def farthest(net: nn.Module, size_step: int, given: int, at: int = 48, side: int = 96) -> int:
    """How far from a pixel its condition matters, looked for by gradients at every phase of the pattern."""
    found = 0
    for pixel in range(at, at + size_step):
        condition = torch.randn(1, given, side, side, dtype=torch.float64, requires_grad=True)
        net(None, condition)[0, :, pixel, pixel].sum().backward()
        assert condition.grad is not None
        found = max(found, int((condition.grad[0].abs().sum(0).nonzero() - pixel).abs().max()))
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda spec: UnetGenerator(spec, width=2, depth=1, normalisation="none"),
        lambda spec: UnetGenerator(spec, width=2, depth=3),
        lambda spec: ResnetGenerator(spec, width=2, blocks=0, halvings=0, normalisation="none"),
        lambda spec: ResnetGenerator(spec, width=2, blocks=2, normalisation="batch"),
    ],
    ids=["unet 1", "unet 3", "resnet 0", "resnet 2"],
)
def test_the_receptive_field_is_what_gradients_say(make: Callable[[DataSpec], Any]) -> None:
    torch.manual_seed(0)
    net = make(pair()).double().eval()
    assert net.receptive_field == 2 * farthest(net, net.size_step, 3) + 1


@pytest.mark.parametrize("kind", [UnetGenerator, ResnetGenerator])
def test_once_built_it_takes_any_size_and_makes_what_a_part_alone_makes(kind: Any) -> None:
    torch.manual_seed(0)
    net = kind(pair(), width=2, normalisation="batch", **({"depth": 3} if kind is UnetGenerator else {"blocks": 1}))
    net = net.double().eval()
    step, margin = net.size_step, net.receptive_field // 2
    condition = torch.randn(1, 3, 200, 120, dtype=torch.float64)
    whole = net(None, condition)
    assert whole.shape == (1, 2, 200, 120)
    first = -(-margin // step) * step
    part = net(None, condition[:, :, first - first : 200 - first, : 120 - step])
    inside = (slice(None), slice(None), slice(first, 200 - first - margin), slice(first, 120 - step - margin))
    torch.testing.assert_close(part[inside], whole[inside], rtol=0, atol=1e-12)


def test_instance_normalisation_looks_at_all_of_a_picture() -> None:
    net = UnetGenerator(pair(), width=2, depth=3, normalisation="instance")
    assert member(net, "receptive_field") is None and member(net, "size_step") == 8
    assert member(nn.Identity(), "receptive_field") is None and member(nn.Identity(), "size_step") is None


def test_noise_is_dropout_on_demand_and_the_same_for_the_same_number() -> None:
    torch.manual_seed(0)
    net = UnetGenerator(pair(), width=4, depth=4).eval()
    condition = torch.randn(2, 3, 64, 64)
    plain = net(None, condition)
    assert torch.equal(plain, net(None, condition)) and torch.equal(plain, net(None, condition, noise=None))
    one, other = net(None, condition, noise=1), net(None, condition, noise=2)
    assert torch.equal(one, net(None, condition, noise=1))
    assert not torch.equal(one, other) and not torch.equal(one, plain)
    torch.testing.assert_close(one[1:], net(None, condition[1:], noise=1), rtol=1e-4, atol=1e-5)  # whatever is beside
    net.train()
    assert not torch.equal(net(None, condition), net(None, condition))  # in training it is always there
    assert not UnetGenerator(pair(), depth=1, width=4).noisy and net.noisy


def test_noise_of_whole_channels_is_the_same_in_a_part() -> None:
    torch.manual_seed(0)
    net = UnetGenerator(pair(), width=4, depth=2, drop="channels", normalisation="none").double().eval()
    condition = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    whole, part = net(None, condition, noise=5), net(None, condition[:, :, :, :48], noise=5)
    torch.testing.assert_close(part[..., :32], whole[..., :32], rtol=0, atol=1e-12)
    assert not torch.equal(whole, net(None, condition))


def test_dropout_of_a_draw_has_the_mean_of_none() -> None:
    """E over draws of a linear function of dropped features is that of the features."""
    torch.manual_seed(0)
    net = UnetGenerator(pair(8, 8), width=4, depth=2, normalisation="none").double().eval()
    features = torch.rand(1, 6, 3, 3, dtype=torch.float64)
    inner: Any = net.ways[0]
    draws = torch.stack([inner._dropped(features, torch.Generator().manual_seed(k)) for k in range(1000)])
    assert set((draws / features).unique().tolist()) == {0.0, 2.0}
    torch.testing.assert_close(draws.mean(0), features, rtol=0.15, atol=0)


def test_the_layers_are_those_of_the_paper() -> None:
    """Isola et al. 2017, section 6.1.1: C64-C128-C256-C512 x 5 down; up with twice the channels, by the skips."""
    with torch.device("meta"):
        net: Any = UnetGenerator(pair(256, 256, 3, 3), depth=8)
    down = [layer[0].out_channels for layer in net.ways[0].down]
    up = [(layer[0].in_channels, layer[0].out_channels) for layer in net.ways[0].up]
    assert down == [64, 128, 256, 512, 512, 512, 512, 512]
    assert up == [(512, 512)] + [(1024, 512)] * 3 + [(1024, 256), (512, 128), (256, 64), (128, 3)]
    assert net.ways[0].dropped == 3
    for kind, blocks in ((128, 6), (256, 9)):
        resnet: Any = ResnetGenerator(pair(kind, kind), width=2)
        assert sum(type(layer).__name__ == "ResidualBlock" for layer in resnet.ways[0].layers) == blocks
    sides = ((256, 256), (48, 80), (64, 64), (128, 128), (2, 2))
    assert [UnetGenerator(pair(*each), width=1).size_step for each in sides] == [32, 8, 16, 32, 2]


@pytest.mark.parametrize("patch", [1, 16, 34, 70])
def test_a_score_sees_a_patch_and_the_condition(patch: Any) -> None:
    torch.manual_seed(0)
    spec = pair(128, 128, 2, 1)
    critic = PatchCritic(spec, patch=patch, width=2, normalisation="none").double()
    sample, condition = (torch.randn(1, c, 128, 128, dtype=torch.float64, requires_grad=True) for c in (1, 2))
    scores = critic(sample, condition)
    scores[0, scores.shape[1] // 2, scores.shape[2] // 2].backward()
    for seen in (sample, condition):
        assert seen.grad is not None
        place = seen.grad[0].abs().sum(0).nonzero()
        assert (place.amax(0) - place.amin(0) + 1).tolist() == [patch, patch]


def test_the_patch_goes_by_the_tile() -> None:
    sides = {32: 16, 64: 34, 100: 34, 128: 70, 512: 70}
    assert {side: PatchCritic(pair(side, side), width=1).patch for side in sides} == sides


def test_of_two_domains_there_is_a_net_each_way_and_a_critic_each() -> None:
    torch.manual_seed(0)
    for net in (UnetGenerator(two(), width=2).double().eval(), ResnetGenerator(two(), width=2, blocks=1).double()):
        pictures = torch.randn(2, 2, 1, 32, 32, dtype=torch.float64)
        x, y = pictures.unbind(1)
        made = net(None, pictures)
        assert torch.equal(made[:, 0], net.translate(y, 0)) and torch.equal(made[:, 1], net.translate(x, 1))
    critic = PatchCritic(two(), width=2, normalisation="none").double()
    assert critic.given == 0
    scores: Tensor = critic(pictures, condition=pictures)
    beside = torch.cat([pictures[:, :1], torch.zeros_like(pictures[:, 1:])], 1)
    assert torch.equal(critic(beside)[:, 0], scores[:, 0]) and not torch.equal(critic(beside)[:, 1], scores[:, 1])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: UnetGenerator(DataSpec((1, 8, 8), ("channel", "y", "x"))), "cells/paired"),
        (lambda: UnetGenerator(pair(24, 20), depth=3), "multiples of 8, not 24 x 20"),
        (lambda: ResnetGenerator(pair(30, 32)), "multiples of 4"),
        (lambda: ResnetGenerator(pair(4, 4)), "too few"),
        (lambda: PatchCritic(pair(16, 16), patch=70), "choose 1, 16, 34"),
        (lambda: PatchCritic(two(), conditional=True), "leave `conditional` out"),
        (lambda: PatchCritic(DataSpec((3,), ("coordinate",))), "basics/mlp"),
    ],
    ids=["no condition", "size", "resnet size", "resnet small", "patch", "no condition beside", "points"],
)
def test_what_does_not_fit_is_refused(make: Callable[[], object], told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        make()
