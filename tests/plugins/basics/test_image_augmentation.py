"""Augmentation of images: each kind against a plain reference, drawn from `rng` alone, and told to metrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.data.augmented import AugmentedImages
from gantk_basics.image_augmentation import Augmentation, quarter_turns, resampled, shifted
from gantk_cells.data.simulated import Simulated
from scipy import ndimage

from gantk.data import Resident, units_apart, variants
from gantk.errors import DoesNotFit
from gantk.spec import DataSpec

IMAGES = torch.rand(6, 2, 9, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1
EVERYTHING = {"flips": "both", "shift": 0.2, "zoom": 0.3, "brightness": 0.4, "noise": 0.1}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spec(shape: tuple[int, ...], units: int = 0) -> DataSpec:
    axes = ("protein", "channel", "y", "x")[-len(shape) :]
    return DataSpec(shape, axes, unit_axes=units)


@pytest.mark.parametrize("outside", ["mirror", "dark"])
@pytest.mark.parametrize("seed", range(3))
def test_turned_scaled_and_moved_is_scipys_affine_transform(outside: str, seed: int) -> None:
    draw = np.random.default_rng(seed)
    angle, zoom = draw.uniform(-np.pi, np.pi, 6), draw.uniform(0.7, 1.4, 6)
    shift = draw.uniform(-0.3, 0.3, (6, 2))
    found = resampled(IMAGES, *(torch.from_numpy(each) for each in (angle, zoom, shift)), -1.0, outside)
    size = np.array(IMAGES.shape[-2:])
    for image, made, a, z, move in zip(IMAGES, found, angle, zoom, shift, strict=True):
        back = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) / z  # of (y, x): where a pixel comes from
        offset = (size - 1) / 2 - back @ ((size - 1) / 2 + move * size)
        mode = {"mirror": "reflect", "dark": "grid-constant"}[outside]
        for plane, one in zip(image, made, strict=True):
            truth = ndimage.affine_transform(plane.double().numpy(), back, offset, order=1, mode=mode, cval=-1.0)
            assert np.abs(one.numpy() - truth).max() < 1e-4


@pytest.mark.parametrize("outside", ["mirror", "dark"])
def test_moved_by_whole_pixels_is_scipys_shift(outside: str) -> None:
    moves = torch.tensor([[0, 0], [1, -2], [-3, 4], [4, 6], [-4, -6], [2, 0]])
    found = shifted(IMAGES, moves / torch.tensor(IMAGES.shape[-2:]), -1.0, outside)
    mode = {"mirror": "reflect", "dark": "constant"}[outside]
    for image, made, move in zip(IMAGES, found, moves.tolist(), strict=True):
        for plane, one in zip(image, made, strict=True):
            assert np.array_equal(one.numpy(), ndimage.shift(plane.numpy(), move, order=0, mode=mode, cval=-1.0))


def test_right_angles() -> None:
    square = IMAGES[..., :9]
    found = quarter_turns(square, torch.tensor([0, 1, 2, 3, 0, 1]))
    for image, made, turns in zip(square, found, (0, 1, 2, 3, 0, 1), strict=True):
        assert np.array_equal(made, np.rot90(image, turns, (-2, -1)))
    with pytest.raises(DoesNotFit, match=r"9 × 12: write `any`"):
        AugmentedImages(spec((2, 9, 12)), IMAGES, augment=Augmentation(rotations=90))


def test_light_is_multiplied_and_noise_is_added_and_both_are_clipped() -> None:
    grey = torch.full((400, 1, 4, 4), -0.5)  # a quarter of the light
    made = Augmentation(brightness=0.5).apply(grey, (-1, 1), rng())
    light = (made + 1).flatten(1) / 0.5
    assert torch.allclose(light, light[:, :1].expand_as(light)) and light.min() >= 1 / 1.5 and light.max() <= 1.5
    assert abs(light.log().mean()) < 0.05  # as often darker as brighter
    noisy = Augmentation(noise=0.05).apply(torch.zeros(400, 1, 4, 4), (-1, 1), rng())
    assert abs(noisy.std() - 0.1) < 0.005 and abs(noisy.mean()) < 0.005
    white = Augmentation(brightness=1, noise=0.1).apply(torch.ones(9, 1, 4, 4), (-1, 1), rng())
    assert white.max() <= 1 and white.min() >= -1


def test_draws_come_from_the_generator_that_is_given_and_each_image_has_its_own() -> None:
    data = AugmentedImages(spec((2, 9, 12)), IMAGES[:1].repeat(6, 1, 1, 1), augment=Augmentation(**EVERYTHING))
    before = torch.get_rng_state()
    one, two, other = (data.batch(torch.arange(6), rng(seed)).samples for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert len({each.numpy().tobytes() for each in one}) == 6
    plain = data.batch(torch.arange(6), None).samples  # what metrics and pictures see
    assert torch.equal(plain, IMAGES[:1].repeat(6, 1, 1, 1))


def test_without_augment_a_run_draws_what_it_drew_before() -> None:
    stored = (IMAGES * 127 + 128).to(torch.uint8)
    for augment in (None, Augmentation()):
        data = AugmentedImages(spec((2, 9, 12)), stored, flips=("y", "x"), augment=augment)
        plain = Resident(spec((2, 9, 12)), stored, flips=("y", "x"))
        for seed in range(3):
            samples = (each.batch(torch.arange(6), rng(seed)).samples for each in (data, plain))
            assert torch.equal(*samples)


def test_units_are_changed_each_on_its_own() -> None:
    stored = IMAGES[:1, None].repeat(5, 3, 1, 1, 1)  # three equal units
    data = AugmentedImages(spec((3, 2, 9, 12), 1), stored, augment=Augmentation(shift=0.3))
    assert units_apart(data)
    made = data.batch(torch.arange(5), rng()).samples
    assert made.shape == stored.shape and len({each.numpy().tobytes() for each in made.flatten(0, 1)}) > 10


@pytest.mark.parametrize("layout", ["pairs", "per_class", "composite"])
def test_cells_are_augmented_by_the_same_names(layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    made = {"cells": 12, "test_cells": 4, "proteins": ["Arp3", "Tea1"], "height": 16, "width": 24, "layout": layout}
    usual, none = Simulated("train", **made), Simulated("train", **made, augment=Augmentation(flips="none"))
    some = Simulated("train", **made, augment=Augmentation(rotations="any", noise=0.05))
    rows = torch.arange(len(usual))
    if layout != "per_class":  # whose partners are drawn
        assert torch.equal(none.batch(rows, rng()).samples, usual.batch(rows, None).samples)
    assert usual.flips == some.flips == ("y", "x") and none.flips == ()
    one = usual.batch(rows[:1], None).samples
    part = one[:, 0] if layout == "per_class" else one
    assert [len(variants(data, part)) for data in (usual, none, some)] == [4, 1, 4]
    changed = some.batch(rows, rng()).samples
    assert changed.shape == usual.batch(rows, None).samples.shape and changed.min() >= -1 and changed.max() <= 1
