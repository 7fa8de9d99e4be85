"""Tiles of any picture: together they are the net's answer to the whole one, and no more is read than a strip."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.nets.resnet import ResnetGenerator
from gantk_basics.nets.unet import UnetGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk.translation.pictures import InMemory
from gantk.translation.tiles import filled, full_overlap, sums, tiles_along
from gantk.translation.translator import PictureTranslator, Plan

RNG = np.random.default_rng(0)
CPU = torch.device("cpu")
SIDES = [{"name": "a", "low": 100.0, "high": 300.0}, {"name": "b", "low": 0.0, "high": 50.0}]
WANTED = [{"name": "dapi", "low": 1000.0, "high": 5000.0}]
SPEC = DataSpec(
    (1, 32, 32),
    ("channel", "y", "x"),
    condition_shape=(2, 32, 32),
    attributes={"normalisation": {"condition": SIDES, "target": WANTED}},
)
DOMAINS = DataSpec(
    (2, 1, 32, 32),
    ("domain", "channel", "y", "x"),
    1,
    names={"domain": ("he", "ihc")},
    condition_shape=(2, 1, 32, 32),
    attributes={"normalisation": {"he": [{"name": "he", "low": 0, "high": 255}], "ihc": WANTED}},
)


def loud(net: nn.Module) -> nn.Module:
    """Untrained, with weights so large that what a pixel sees shows in it, and statistics unlike a batch's."""
    torch.manual_seed(0)
    for each in net.modules():
        if isinstance(each, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(each.weight, 0.2)
        if isinstance(each, nn.BatchNorm2d):
            each.running_mean = torch.randn_like(each.running_mean) / 4  # type: ignore[arg-type]
            each.running_var = torch.rand_like(each.running_var) + 0.5  # type: ignore[arg-type]
    return net


def unet(depth: int = 2, **more: Any) -> nn.Module:
    return loud(UnetGenerator(SPEC, width=3, depth=depth, **more))


def picture(height: int, width: int, channels: int = 2) -> NDArray[np.float64]:
    return RNG.uniform(0, 300, (channels, height, width))


def plainly(net: nn.Module, values: NDArray[Any], step: int) -> NDArray[Any]:
    """The whole picture at once, scaled by hand, continued by its edge."""
    low, high = (np.array([each[end] for each in SIDES])[:, None, None] for end in ("low", "high"))
    scaled = torch.from_numpy((values - low) / (high - low) * 2 - 1).float()
    height, width = scaled.shape[1:]
    missing = [filled(side, step) - side for side in (width, height)]
    net.eval()
    with torch.no_grad():
        made = net(None, nn.functional.pad(scaled[None], (0, missing[0], 0, missing[1]), mode="replicate"))
    return 1000 + (made[0, :, :height, :width].numpy() + 1) / 2 * 4000


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 8), st.integers(0, 12), st.sampled_from([1, 2, 4]))
def test_tiles_cover_an_axis_and_leave_out_what_no_net_could_know(
    blocks: int, core: int, overlap: int, reach: int, step: int
) -> None:
    length = blocks * step
    found = tiles_along(length, core * step, overlap * step, reach)
    assert (sums(found, length) > 0).all()
    assert found[0].start == 0 and found[-1].stop == length
    for each in found:
        assert each.start % step == 0 and each.stop % step == 0
        if overlap * step >= reach:
            assert not each.start or not each.weights[:reach].any()
            assert each.stop == length or not each.weights[len(each.weights) - reach :].any()


@pytest.mark.parametrize(("height", "width"), [(61, 83), (8, 130), (1, 5), (64, 64)])
@pytest.mark.parametrize("core", [8, 20])
def test_tiles_with_full_overlap_are_the_whole_picture(height: int, width: int, core: int) -> None:
    net = unet()
    values = picture(height, width)
    right = plainly(net, values, 4)
    made, spread = PictureTranslator(net, SPEC, CPU, tile=core).translate(values)
    assert made.shape == (1, height, width) and spread is None
    assert np.ptp(right) > 400 or height == 1
    assert np.abs(made - right).max() / 4000 <= 1e-4


def test_a_residual_net_with_stored_statistics_is_the_same_in_tiles() -> None:
    net = loud(ResnetGenerator(SPEC, width=3, blocks=1, halvings=1, normalisation="batch"))
    values = picture(70, 46)
    right = plainly(net, values, 2)
    assert np.abs(PictureTranslator(net, SPEC, CPU, tile=16).translate(values)[0] - right).max() / 4000 <= 1e-4


def test_what_less_overlap_costs_is_measured_and_falls_with_it() -> None:
    net = unet(3)
    values = picture(96, 96)
    right = plainly(net, values, 8)
    found = {}
    for overlap in (0, 8, 16, 24):
        translator = PictureTranslator(net, SPEC, CPU, tile=32, overlap=overlap)
        plan = translator.plan(96, 96)
        assert plan.exact == (overlap >= net.receptive_field // 2)  # type: ignore[operator]
        found[overlap] = np.abs(translator.translate(values)[0] - right).max() / 4000
        measured = translator.difference(InMemory(values), plan)
        assert measured <= found[overlap] + 1e-4 or overlap == 0
        assert (measured > 1e-4) == (not plan.exact)
    sys.stdout.write(f"greatest difference by overlap, shares of the range: {found}\n")  # pytest -s shows it
    assert found[0] > found[16] > 1e-4 > found[24]


def test_strips_come_in_order_and_no_more_is_read_than_a_row_of_tiles() -> None:
    class Counted(InMemory):
        most = 0

        def read(self, top: int, bottom: int) -> NDArray[Any]:
            Counted.most = max(Counted.most, bottom - top)
            return super().read(top, bottom)

    net = unet()
    values = picture(400, 16)
    translator = PictureTranslator(net, SPEC, CPU, tile=16)
    strips = list(translator.strips(Counted(values)))
    assert len(strips) > 10 and max(each.shape[1] for each, _ in strips) <= 16 + translator.full  # type: ignore[operator]
    assert Counted.most <= 16 + 2 * translator.full  # type: ignore[operator]
    assert np.abs(np.concatenate([each for each, _ in strips], 1) - plainly(net, values, 4)).max() / 4000 <= 1e-4


def test_tiles_are_chosen_by_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    net = unet()
    roomy = PictureTranslator(net, SPEC, CPU).plan(4000, 4000)
    assert roomy.core == 1024 and roomy.overlap == full_overlap(net.receptive_field, 4)  # type: ignore[arg-type]
    narrow = PictureTranslator(net, SPEC, CPU)
    per_pixel = narrow._bytes_per_pixel()
    monkeypatch.setattr("gantk.translation.translator.memory_limit", lambda device: int(per_pixel * 32**2 * 8))
    plan = narrow.plan(4000, 4000)
    assert plan.core + 2 * plan.overlap <= 32 and plan.overlap < narrow.full and not plan.exact  # type: ignore[operator]


def test_mean_and_spread_of_draws() -> None:
    net = unet(3, drop="channels")
    values = picture(96, 40)
    with torch.no_grad():
        one = [PictureTranslator(Noisy(net, seed), SPEC, CPU).translate(values)[0] for seed in (5, 6, 7)]
    mean, spread = PictureTranslator(net, SPEC, CPU, tile=16, draws=3, seed=5).translate(values)
    assert spread is not None and spread.max() > 4  # a thousandth of the range
    assert np.abs(mean - np.mean(one, 0)).max() / 4000 <= 1e-4
    assert np.abs(spread - np.std(one, 0, ddof=1)).max() / 4000 <= 1e-4


class Noisy(nn.Module):
    """A net with one draw of its noise for good.

    Args:
        net: of `basics/unet`.
        seed: of the draw.
    """

    latent_shape = None
    size_step = 8
    receptive_field = 99

    def __init__(self, net: nn.Module, seed: int):
        super().__init__()
        self.net, self.seed = net, seed

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        return self.net(None, condition, noise=self.seed)  # type: ignore[no-any-return]


def test_of_two_domains_either_is_made() -> None:
    net = loud(UnetGenerator(DOMAINS, width=3, depth=2))
    values = picture(40, 24, 1)
    scaled = torch.from_numpy(values.clip(0, 255) / 255 * 2 - 1).float()[None]
    net.eval()
    with torch.no_grad():
        right = 1000 + (net.translate(scaled, 1)[0].numpy() + 1) / 2 * 4000  # type: ignore[operator]
    for to in ("ihc", None):
        made, _ = PictureTranslator(net, DOMAINS, CPU, to=to, tile=8).translate(values)
        assert np.abs(made - right).max() / 4000 <= 1e-4
    back, _ = PictureTranslator(net, DOMAINS, CPU, to="he").translate(values)
    assert back.min() >= 0 and back.max() <= 255


def test_a_net_that_takes_statistics_of_a_picture_sees_it_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    net = unet(2, normalisation="instance")
    values = picture(40, 24)
    made, _ = PictureTranslator(net, SPEC, CPU).translate(values)
    assert np.abs(made - plainly(net, values, 4)).max() / 4000 <= 1e-4
    with pytest.raises(DoesNotFit, match="every tile would get a scale of its own"):
        PictureTranslator(net, SPEC, CPU, tile=8)
    monkeypatch.setattr("gantk.translation.translator.MOST_BYTES", 2**12)
    with pytest.raises(DoesNotFit, match=r"40 x 24 pixels are too many.*generator.normalisation=batch"):
        PictureTranslator(net, SPEC, CPU).translate(values)


def test_without_known_units_numbers_are_those_of_the_net() -> None:
    spec = DataSpec(SPEC.shape, SPEC.axes, condition_shape=SPEC.condition_shape)
    net = unet()
    values = RNG.uniform(-1, 1, (2, 16, 16)).astype(np.float32)
    net.eval()
    with torch.no_grad():
        right = net(None, torch.from_numpy(values)[None])[0].numpy()
    assert np.allclose(PictureTranslator(net, spec, CPU).translate(values)[0], right, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "values", "message"),
    [
        ({"tile": 10}, None, "multiples of 4 pixels in this net: take 8"),
        ({"overlap": 3}, None, "multiple of 4 pixels"),
        ({"to": "dapi"}, None, "one direction"),
        ({"draws": 0}, None, "from 1"),
        ({}, np.zeros((3, 8, 8)), r"given 2 channels \(a, b\), and the picture has 3"),
        ({}, np.zeros((2, 8)), "given 2 channels"),
        ({}, np.zeros((1, 2, 8, 8)), "not one of shape"),
        ({}, np.zeros((2, 0, 8)), "0 x 8 pixels"),
        ({}, np.full((2, 8, 8), np.nan), "not numbers"),
    ],
)
def test_what_does_not_fit_is_told(options: Mapping[str, Any], values: NDArray[Any] | None, message: str) -> None:
    with pytest.raises(DoesNotFit, match=message):
        PictureTranslator(unet(), SPEC, CPU, **options).translate(picture(8, 8) if values is None else values)


def test_other_nets_are_refused() -> None:
    class Fixed(nn.Module):
        latent_shape = None

        def forward(self, latent: None, condition: Tensor) -> Tensor:
            return condition[:, :1]

    with pytest.raises(DoesNotFit, match=r"32 x 32 pixels alone"):
        PictureTranslator(Fixed(), SPEC, CPU)
    with pytest.raises(DoesNotFit, match="takes none as a condition"):
        PictureTranslator(nn.Linear(2, 2), SPEC, CPU)
    with pytest.raises(DoesNotFit, match="no noise"):
        PictureTranslator(loud(ResnetGenerator(SPEC, width=3, blocks=1, halvings=1)), SPEC, CPU, draws=2)
    with pytest.raises(DoesNotFit, match="without dropout"):
        PictureTranslator(unet(dropout=0.0), SPEC, CPU, draws=2).translate(picture(8, 8))
    with pytest.raises(DoesNotFit, match="he and to ihc"):
        PictureTranslator(loud(UnetGenerator(DOMAINS, width=3, depth=2)), DOMAINS, CPU, to="h&e")


def test_a_plan_of_one_tile_is_exact() -> None:
    assert Plan(64, 0, 1, None).exact
