"""The residual nets: sizes, blocks beside plain versions of their equations, how they start."""

from math import sqrt
from typing import Any

import pytest
import torch
from gantk_basics.nets.residual import ResidualCritic, ResidualGenerator
from gantk_basics.nets.residual_blocks import R3ganBlock, SnganBlock, enlarge, shrink, smooth
from torch import nn
from torch.nn import functional as F

from gantk.autograd import leaf
from gantk.errors import DoesNotFit
from gantk.interfaces import has_batch_statistics
from gantk.spec import DataSpec

SHAPES = [(1, 8, 8), (1, 28, 28), (2, 48, 80), (5, 33, 50), (1, 5, 7), (3, 32, 32)]


def images(*shape: int) -> DataSpec:
    return DataSpec(shape, ("channel", "y", "x"))


def values(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("block", ["sngan", "r3gan"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_of_any_size(shape: tuple[int, ...], block: Any) -> None:
    spec = images(*shape)
    generator = ResidualGenerator(spec, latent=7, width=4, widest=8, block=block, blocks=2, group=3)
    critic = ResidualCritic(spec, width=4, widest=8, block=block, blocks=2, group=3)
    made = generator(torch.randn(4, 7))
    assert made.shape == (4, *shape) and made.abs().max() <= 1
    features, scores = critic.eval().features(made), critic(made)
    assert features.dim() == 2 and torch.equal(critic.head(features).squeeze(-1), scores)
    scores.square().sum().backward()
    for net in (generator, critic):
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())
    assert not has_batch_statistics(critic)
    with torch.device("meta"):
        assert all(weight.is_meta for weight in ResidualGenerator(spec, block=block).parameters())


@pytest.mark.parametrize("side", [4, 7])
def test_resampling_is_1_2_1_behind_or_before_pairs(side: int) -> None:
    """[1, 2, 1] * [1, 1] = [1, 3, 3, 1] / 8: enlarging is bilinear interpolation, away from the edges of odd sizes."""
    picture = values(2, 3, side, side)
    bilinear = F.interpolate(picture, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(enlarge(picture, (2 * side, 2 * side), True), bilinear)
    kernel = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8
    plain = F.conv2d(picture.reshape(6, 1, side, side), torch.outer(kernel, kernel)[None, None], stride=2)
    size = side // 2
    if side % 2 == 0:
        inside = shrink(picture, (size, size), True)[:, :, :, :].reshape(6, 1, size, size)
        padded = F.pad(picture, (1, 1, 1, 1), mode="replicate").reshape(6, 1, side + 2, side + 2)
        torch.testing.assert_close(inside, F.conv2d(padded, torch.outer(kernel, kernel)[None, None], stride=2))
        assert plain.shape[-1] == size - 1
    assert shrink(picture, (size, size), True).shape[-1] == size
    assert enlarge(picture, (2 * side + 1, 2 * side + 1), True).shape[-1] == 2 * side + 1
    torch.testing.assert_close(smooth(torch.ones(1, 1, side, side)), torch.ones(1, 1, side, side))  # no dark edges


def test_a_block_of_r3gan_is_its_equation() -> None:
    torch.manual_seed(0)
    block = R3ganBlock(6, 4, blocks=5).double()
    picture = values(2, 6, 5, 5)
    assert torch.equal(block(picture), picture)  # Fix-up: it starts as the identity
    assert block.middle.groups == 3 and block.middle.weight.shape == (12, 4, 3, 3)
    gain = sqrt(2 / 1.04) * 5**-0.25
    assert block.middle.weight.std().item() == pytest.approx(gain / sqrt(4 * 9), rel=0.1)
    for weight in block.parameters():
        nn.init.normal_(weight)
    hidden = torch.einsum("oi,bihw->bohw", block.first.weight[:, :, 0, 0], picture)
    hidden = F.leaky_relu(hidden + block.first_bias.view(1, -1, 1, 1), 0.2)
    groups = [
        F.conv2d(part, weight, padding=1)
        for part, weight in zip(hidden.split(4, 1), block.middle.weight.split(4), strict=True)
    ]
    hidden = F.leaky_relu(torch.cat(groups, 1) + block.middle_bias.view(1, -1, 1, 1), 0.2)
    expected = picture + torch.einsum("oi,bihw->bohw", block.last.weight[:, :, 0, 0], hidden)
    torch.testing.assert_close(block(picture), expected)


@pytest.mark.parametrize("up", [False, True])
def test_a_block_of_sngan_is_its_equation(up: bool) -> None:
    torch.manual_seed(0)
    size = (8, 8) if up else (2, 2)
    block = SnganBlock(3, 5, size, up=up, normalised=up).double().eval()
    picture = values(2, 3, 4, 4)
    if up:
        layers = [each for part in (block.before, block.between) for each in part if isinstance(each, nn.BatchNorm2d)]
        for layer in layers:
            nn.init.normal_(layer.weight)
        first, second = (lambda x, layer=layer: F.relu(layer(x)) for layer in layers)
        large = F.interpolate(first(picture), scale_factor=2)
        hidden = block.second(second(block.first(large)))
        beside = block.shortcut(F.interpolate(picture, scale_factor=2))
    else:
        hidden = F.avg_pool2d(block.second(F.relu(block.first(F.relu(picture)))), 2)
        beside = F.avg_pool2d(block.shortcut(picture), 2)
    torch.testing.assert_close(block(picture), hidden + beside)


@pytest.mark.parametrize("block", ["sngan", "r3gan"])
def test_scores_have_a_second_derivative(block: Any) -> None:
    critic = ResidualCritic(images(1, 9, 7), width=4, block=block).double().eval()
    for weight in critic.parameters():
        nn.init.normal_(weight, std=0.3)
    point = leaf(values(2, 1, 9, 7))
    (gradient,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    gradient.square().sum().backward()
    touched = [weight.grad is not None and bool(weight.grad.any()) for weight in critic.parameters()]
    assert sum(touched) >= len(touched) // 2


def test_what_cannot_be_made_is_refused() -> None:
    points = DataSpec((2,), ("coordinate",))
    with pytest.raises(DoesNotFit, match="basics/residual makes and scores single images"):
        ResidualGenerator(points)
    with pytest.raises(DoesNotFit, match="give basics/residual `stages: 3`"):
        ResidualCritic(images(1, 8, 8), stages=4)


@pytest.mark.parametrize("block", ["sngan", "r3gan"])
def test_patches_are_places_of_the_largest_stage(block: Any) -> None:
    """A pixel reaches the first block through the 3 x 3 patches around it, and a place draws its own patch."""
    spec = images(2, 12, 20)
    critic = ResidualCritic(spec, width=4, block=block, patch=2, spectral=False).double().eval()
    generator = ResidualGenerator(spec, latent=7, width=4, block=block, patch=2).double().eval()
    drawn = generator(values(3, 7))
    assert drawn.shape == (3, 2, 12, 20) and critic(drawn).shape == (3,)
    seen: list[torch.Tensor] = []
    critic.blocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    critic(drawn)
    expected = drawn.unflatten(3, (10, 2)).unflatten(2, (6, 2)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
    torch.testing.assert_close(seen[0], expected)  # channel, y and x in the patch
    last: list[torch.Tensor] = []
    generator.last[-1].register_forward_hook(lambda _, given, made: last.append(made))
    drawn = generator(values(3, 7))
    rows = last[0].tanh().unflatten(1, (2, 2, 2)).permute(0, 1, 4, 2, 5, 3)
    torch.testing.assert_close(drawn, rows.reshape(3, 2, 12, 20))
    first = next(layer for layer in critic.modules() if isinstance(layer, nn.Conv2d))
    assert first.in_channels == 8 and first.kernel_size == (3, 3)


def test_without_patches_pixels_are_places_as_in_the_paper() -> None:
    generator = ResidualGenerator(images(2, 8, 8), width=4, block="r3gan")
    critic = ResidualCritic(images(2, 8, 8), width=4, block="r3gan")
    drawn, seen = (next(layer.parameters()) for layer in (generator.last[-1], critic.blocks[0]))
    assert drawn.shape == (2, 4, 1, 1) and seen.shape == (4, 2, 1, 1)


def test_patches_that_do_not_fit_are_refused() -> None:
    for net in (ResidualGenerator, ResidualCritic):
        with pytest.raises(
            DoesNotFit, match="9 x 8 do not divide into patches of 2 x 2: give basics/residual `patch: 1`"
        ):
            net(images(1, 9, 8), patch=2)


@pytest.mark.parametrize("block", ["sngan", "r3gan"])
def test_clipped_ends_are_free_in_training_and_in_range_when_drawn(block: Any) -> None:
    spec = DataSpec((1, 8, 8), ("channel", "y", "x"), range=(0.0, 1.0))
    generator = ResidualGenerator(spec, latent=7, width=4, block=block, end="clip").double()
    latent = values(20, 7) * 9
    free = generator(latent)
    assert free.min() < 0 and free.max() > 1
    for layer in generator.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # its statistics are those of this batch, but for n / (n - 1)
    generator(latent)
    drawn = generator.eval()(latent)
    assert drawn.min() == 0 and drawn.max() == 1
    inside = (drawn > 0) & (drawn < 1)
    torch.testing.assert_close(drawn[inside], free[inside], rtol=0.1, atol=0.1)
    (gradient,) = torch.autograd.grad(free.sum(), next(generator.last[-1].parameters()))
    assert gradient.abs().min() > 0
