"""Metrics on cells: against numpy by hand, and against what the simulator knows."""

import numpy as np
import pytest
import torch
from gantk_cells.data.simulated import Simulated
from gantk_cells.data.simulation import RED_STATES as KNOWN_STATES
from gantk_cells.data.simulation import SimulatedCells, simulate
from gantk_cells.metrics.dependence import Dependence, correlation
from gantk_cells.metrics.probe import Probe
from gantk_cells.segmentation import RED_STATES, inside, red_state, zones
from scipy import ndimage

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Samples
from gantk.spec import DataSpec

SMALL = {"cells": 150, "test_cells": 40, "proteins": ["Cki2", "Tea1"]}


@pytest.fixture(scope="module")
def cells() -> SimulatedCells:
    return simulate(60, seed=11)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_inside_is_one_filled_region(cells: SimulatedCells) -> None:
    images = cells.images[::9] / 255
    mask = inside(images)
    for image, cell in zip(images, mask, strict=True):
        region, count = ndimage.label(image.max(axis=0) > 0.1)
        largest = region == 1 + np.argmax([(region == k + 1).sum() for k in range(count)])
        assert np.array_equal(cell, ndimage.binary_fill_holes(largest))
    assert 0.15 < mask.mean() < 0.36


def test_inside_of_nothing_is_nothing() -> None:
    images = np.zeros((3, 2, 8, 12))
    images[1, 0, 2:6, 3:9] = 1
    images[1, :, 3, 4] = 0  # a hole
    images[1, 0, 0, 0] = 1  # a smaller region
    assert inside(images).sum(axis=(1, 2)).tolist() == [0, 24, 0]
    assert (zones(images[:, 0], inside(images))[[0, 2]] == 0).all()
    assert red_state(images[:, 0], inside(images)).tolist()[0] == 0


def test_red_state_agrees_with_the_truth(cells: SimulatedCells) -> None:
    assert RED_STATES == KNOWN_STATES
    images = cells.images / 255
    for turned in (images, images[..., ::-1], images[..., ::-1, :]):
        assert (red_state(turned[:, 0], inside(turned)) == cells.red_state).mean() >= 0.95
    noisy = (images + np.random.default_rng(0).normal(0, 0.03, images.shape)).clip(0, 1)
    assert (red_state(noisy[:, 0], inside(noisy)) == cells.red_state).mean() >= 0.9


def test_correlation_is_numpys(cells: SimulatedCells) -> None:
    images = cells.images[::20] / 255
    mask = inside(images)
    expected = [np.corrcoef(i[0][m], i[1][m])[0, 1] for i, m in zip(images, mask, strict=True)]
    np.testing.assert_allclose(correlation(images[:, 0], images[:, 1], mask), expected, atol=1e-9)
    flat = np.ones((1, 4, 4))
    assert np.isnan(correlation(flat, flat, np.ones((1, 4, 4), bool))).all()


@pytest.mark.parametrize("layout", ["pairs", "per_class"])
def test_dependence(layout: str) -> None:
    train, test = (Simulated(split, layout=layout, **SMALL) for split in ("train", "test"))
    metric = Dependence(samples=10)
    same = metric.compute(MetricInput(take(test, len(test)), train, test, rng=rng(), nets={}))
    assert same["correlation_difference"].value == 0 and same["state_ratio"].value == 1
    images = test.stored.numpy() / 255
    mask = inside(images)
    by_hand = [np.corrcoef(i[0][m], i[1][m])[0, 1] for i, m in zip(images, mask, strict=True)]
    tea1 = np.mean([by_hand[i] for i in (range(1, 80, 2) if layout == "pairs" else range(40, 80))])
    assert same["correlation_Tea1"].value == pytest.approx(tea1, abs=1e-5)
    truth = torch.bincount(test.truth["red_state"], minlength=3) / 80
    assert same["share_band"].reference == pytest.approx(truth[2].item(), abs=0.03)

    mixed = take(test, len(test))  # green of another cell
    mixed.samples[..., 1, :, :] = mixed.samples[..., 1, :, :].roll(2, 0)
    assert metric.compute(MetricInput(mixed, train, test, rng=rng(), nets={}))["correlation_difference"].value > 0.1


def test_dependence_where_states_or_labels_are_missing() -> None:
    train, test = (Simulated(split, **SMALL) for split in ("train", "test"))
    samples = take(test, 80)
    one_end = samples[samples.truth["red_state"] == 0]
    values = Dependence().compute(MetricInput(one_end, train, test, rng=rng(), nets={}))
    assert values["share_band"].value == 0 and 2 < values["state_ratio"].value < 1e3
    samples.labels = None
    values = Dependence().compute(MetricInput(samples, train, test, rng=rng(), nets={}))
    assert values["correlation_all"].value == pytest.approx(values["correlation_all"].reference)
    dark = Samples(samples=torch.full((4, 2, 48, 80), -1.0), spec=test.spec)
    assert np.isfinite(
        [v.value for v in Dependence().compute(MetricInput(dark, train, test, rng=rng(), nets={})).values()]
    ).all()
    spec = DataSpec(shape=(3, 8, 8), axes=("channel", "y", "x"))
    with pytest.raises(DoesNotFit, match=r"3 channels.*data.channels=\[0, 1\]"):
        Dependence().compute(
            MetricInput(Samples(samples=torch.zeros(2, 3, 8, 8), spec=spec), train, test, rng=rng(), nets={})
        )


@pytest.mark.parametrize("layout", ["pairs", "per_class"])
def test_probe(layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = (Simulated(split, layout=layout, **SMALL) for split in ("train", "test"))
    probe = Probe(samples=10, steps=60, width=8, confusion=True)
    good = probe.compute(MetricInput(take(test, len(test)), train, test, rng=rng(), nets={}))
    assert next(iter(good)) == "accuracy"
    assert good["accuracy"].value == good["accuracy"].reference > 0.9
    assert good["accuracy_Tea1"].value + good["Tea1_taken_for_Cki2"].value == pytest.approx(1)
    monkeypatch.setattr("gantk_cells.metrics.probe.Classifier.learn", None)  # trained once: not again for other samples

    wrong = take(test, len(test))
    if layout == "pairs":
        wrong.labels = 1 - wrong.labels
    else:
        wrong.samples = wrong.samples.flip(1)
    again = Probe(steps=60, width=8).compute(MetricInput(wrong, train, test, rng=rng(), nets={}))
    assert again["accuracy"].value == pytest.approx(1 - good["accuracy"].value)
    assert again["accuracy"].reference == good["accuracy"].reference


def test_probe_does_not_depend_on_chance() -> None:
    values = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        train, test = (Simulated(split, **SMALL) for split in ("train", "test"))
        values.append(Probe(steps=3, width=4).compute(MetricInput(take(test, 80), train, test, rng=rng(), nets={})))
    assert values[0] == values[1]


def test_probe_without_labels() -> None:
    train, test = (Simulated(split, **SMALL) for split in ("train", "test"))
    samples = take(test, 60)
    samples.labels = None
    values = Probe(steps=3, width=4).compute(MetricInput(samples, train, test, rng=rng(), nets={}))
    assert list(values) == ["share_difference", "share_Cki2", "share_Tea1"]
    assert values["share_Cki2"].value + values["share_Tea1"].value == pytest.approx(1)
    moved = abs(values["share_Tea1"].value - values["share_Tea1"].reference)
    assert values["share_difference"].value == pytest.approx(moved)  # of two shares, one gains what the other loses
    train.labels = None
    with pytest.raises(DoesNotFit, match="no labels or units"):
        Probe(steps=2, width=4).compute(MetricInput(samples, train, test, rng=rng(), nets={}))
