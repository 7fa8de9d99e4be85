"""The other models of the paper: nets against plain ones in float64, composites against a search by hand."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from gantk_basics.files.images import cache
from gantk_basics.metrics.critic_test import CriticTest
from gantk_cells.data.nearest_red import borrowed, nearest_red
from gantk_cells.data.simulated import Simulated
from gantk_cells.nets.independent import IndependentGenerator, IndependentSeparableGenerator
from gantk_cells.nets.multichannel import MultichannelGenerator
from gantk_cells.nets.separable import SeparableGenerator
from gantk_cells.segmentation import inside
from gantk_cells.stack import stack, stack_spec, unstacked
from torch import Tensor, nn

from gantk.data import generated
from gantk.errors import DataError, DoesNotFit
from gantk.evaluation.evaluate import evaluate
from gantk.evaluation.results import Entry
from gantk.interfaces import MetricInput
from gantk.spec import DataSpec

PER_CLASS = DataSpec((3, 2, 16, 24), ("protein", "channel", "y", "x"), unit_axes=1)
STACKS = stack_spec(PER_CLASS)
SMALL = {"cells": 20, "test_cells": 6, "proteins": ["Arp3", "Tea1"], "height": 16, "width": 24}


def double(net: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(7)
    for weight in net.double().parameters():
        weight.data += 0.2 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return net


def plain(net: nn.Module, number: int, latent: Tensor) -> Tensor:
    """What tower `number` of a trained-mode IndependentGenerator draws, by torch's own layers one after another."""
    body = net.net
    size = int(np.prod(body.start))
    red = latent[:, : body.latent[0]] @ body.first_red[number * size : (number + 1) * size].T
    features = red.unflatten(1, body.start)
    for norm, layer in zip(body.norms, body.layers, strict=True):
        channels = features.shape[1]
        own = slice(number * channels, (number + 1) * channels)
        alone = nn.BatchNorm2d(channels).double()
        alone.weight.data, alone.bias.data = norm.weight[own].detach(), norm.bias[own].detach()
        features = nn.functional.conv_transpose2d(
            alone(features).relu(), layer.from_red[number].detach(), stride=2, padding=1
        )
    return features.tanh()


@pytest.mark.parametrize("fused", [True, False])
def test_independent_nets_are_plain_dcgans(fused: bool) -> None:
    net = double(IndependentGenerator(PER_CLASS, latent=5, width=3, fused=fused))
    latent = torch.randn(4, 5, dtype=torch.float64)
    drawn = net(latent)
    assert drawn.shape == (4, 3, 2, 16, 24)
    for number in range(3):
        torch.testing.assert_close(drawn[:, number], plain(net, number, latent))


@pytest.mark.parametrize("kind", [IndependentGenerator, IndependentSeparableGenerator])
def test_fused_nets_are_nets_one_after_another(kind: type[nn.Module]) -> None:
    options = {"latent": 6, "width": 4, "bias": True, "smooth": True}
    fused, looped = (double(kind(PER_CLASS, fused=fused, **options)) for fused in (True, False))
    looped.load_state_dict(fused.state_dict())
    latent = torch.randn(4, 6, dtype=torch.float64)
    for net in (fused, looped):
        net(latent).square().sum().backward()
    torch.testing.assert_close(fused(latent), looped(latent))
    for one, other in zip(fused.parameters(), looped.parameters(), strict=True):
        assert one.grad is not None
        assert one.grad.abs().max() > 0
        torch.testing.assert_close(one.grad, other.grad)


def test_a_separable_net_is_two_plain_nets_where_green_sees_red() -> None:
    net = double(IndependentSeparableGenerator(PER_CLASS, latent=6, width=4, red_portion=0.5))
    for layer, (inputs, outputs) in zip(net.net.layers, pairwise([8, 4, 2]), strict=True):
        weight = layer.weight()  # (K, r + g, r' + g', 4, 4)
        assert weight.shape[1:3] == (inputs, outputs)
        red, red_out = layer.from_red.shape[1], outputs // 2
        assert (weight[:, red:, :red_out] == 0).all()
        assert (weight[:, red:, red_out:] != 0).all()


@pytest.mark.parametrize("kind", [IndependentSeparableGenerator, SeparableGenerator])
def test_red_depends_on_the_red_part_of_the_latent_alone(kind: type[nn.Module]) -> None:
    net = kind(
        PER_CLASS if kind is IndependentSeparableGenerator else STACKS, latent=8, width=6, red_portion=0.4
    ).eval()
    assert [list(range(8))[part] for part in net.latent_parts.values()] == [[0, 1, 2], [3, 4, 5, 6, 7]]
    latent = torch.randn(2, 8)
    other = latent.clone()
    other[:, net.latent_parts["green"]] = 9.0

    def red_and_green(latent: Tensor) -> tuple[Tensor, Tensor]:
        drawn = net(latent)
        return (drawn[:, :, 0], drawn[:, :, 1]) if drawn.dim() == 5 else (drawn[:, 0], drawn[:, 1:])

    (red, green), (same, changed) = red_and_green(latent), red_and_green(other)
    assert torch.equal(red, same)
    assert not torch.allclose(green, changed)


@pytest.mark.parametrize("kind", [MultichannelGenerator, SeparableGenerator])
def test_multichannel_nets_draw_stacks_and_take_no_units(kind: type[nn.Module]) -> None:
    assert kind(STACKS, latent=14, width=14)(torch.randn(3, 14)).shape == (3, 4, 16, 24)
    with pytest.raises(DoesNotFit):
        kind(PER_CLASS, latent=14, width=14)


def test_the_multichannel_net_says_which_layout_it_needs() -> None:
    with pytest.raises(DoesNotFit, match="layout: composite"):
        MultichannelGenerator(PER_CLASS, latent=14, width=14)


def test_nearest_red_is_the_nearest() -> None:
    red = torch.randint(0, 256, (30, 4, 5), dtype=torch.uint8)
    red[12] = red[3]  # an equal one elsewhere in its class
    counts = torch.tensor([15, 5, 10])
    lenders = nearest_red(red, counts)
    starts = [0, 15, 20]
    for row in range(30):
        for number, (start, count) in enumerate(zip(starts, counts.tolist(), strict=True)):
            apart = (red[start : start + count].double() - red[row].double()).square().sum((1, 2))
            if start <= row < start + count:
                assert lenders[row, number] == row
            else:
                assert apart[lenders[row, number] - start] == apart.min()


def test_composites_borrow_what_is_missing_cut_to_the_cell() -> None:
    data, pairs = Simulated("test", layout="composite", **SMALL), Simulated("test", layout="per_class", **SMALL)
    assert len(data) == 12
    assert data.spec.shape == (3, 16, 24)
    assert data.spec.names["channel"] == ("Bgs4", "Arp3", "Tea1")
    stored = pairs.stored  # Arp3's six, then Tea1's six
    cells = data.batch(torch.arange(12), None)
    for position, sample in enumerate((cells.samples + 1) * 127.5):
        number, own = divmod(position, 2)[0], position % 2  # the classes in turn
        row = own * 6 + number
        lender = nearest_red(stored[:, 0], torch.tensor([6, 6]))[row, 1 - own]
        mask = torch.from_numpy(inside(stored[row : row + 1].numpy() / 255))[0]
        torch.testing.assert_close(sample[:1], stored[row, :1].float(), atol=1e-3, rtol=0)
        torch.testing.assert_close(sample[1 + own], stored[row, 1].float(), atol=1e-3, rtol=0)
        torch.testing.assert_close(sample[2 - own], stored[lender, 1] * mask.float(), atol=1e-3, rtol=0)
    assert cells.truth["phase"].shape == (12,)


def test_borrowing_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Simulated("test", layout="composite", **SMALL)
    monkeypatch.setattr("gantk_cells.data.nearest_red.nearest_red", lambda *_: pytest.fail("searched again"))
    again = Simulated("test", layout="composite", **SMALL)
    assert torch.equal(first.borrowed.lenders, again.borrowed.lenders)
    assert cache.folder().exists()
    with pytest.raises(DataError, match=r"data\.channels=\[0, 1\]"):
        borrowed(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.tensor([2, 2]))


def test_stacks_are_judged_as_pairs_whatever_the_metric() -> None:
    splits = {split: Simulated(split, layout="composite", **SMALL) for split in ("train", "test")}
    net = MultichannelGenerator(splits["train"].spec, latent=4, width=2)
    stacks = net(torch.randn(3, 4)).detach()
    pairs = splits["train"].as_judged(stacks)
    assert torch.equal(pairs, unstacked(stacks))
    assert torch.equal(stack(generated(pairs, splits["train"].judged.spec)).samples, stacks)  # each the other's inverse
    seen = {}

    class Look:
        samples = 5

        def compute(self, inputs: MetricInput):
            seen["inputs"] = inputs
            return {}

    critic_test = CriticTest(steps=2, splits=2, batch=4, critic={"use": "basics/mlp", "hidden": [4]}, anchors="all")
    entries = [Entry("look", Look(), None), Entry("critic_test", critic_test, None)]
    values = evaluate(entries, net, nn.Identity(), splits["train"], splits["test"], seed=0, device="cpu")
    inputs = seen["inputs"]
    assert inputs.generated.samples.shape == (5, 2, 2, 16, 24)
    assert inputs.generated.spec == inputs.test.spec == inputs.train.spec
    assert inputs.test.spec.units == (2,)
    assert set(inputs.nets) == {"generator"}
    assert set(values["critic_test"]) == {"score", "std", "score_Arp3", "score_Tea1", "real_Arp3_Tea1"}
    assert net.training
