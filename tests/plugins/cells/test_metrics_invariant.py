"""Metrics are invariant under what their data set treats as the same: turning cells over, other partners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.metrics.c2st import C2st
from gantk_basics.metrics.critic_test import CriticTest
from gantk_basics.metrics.distribution_distances import Frechet, SlicedWasserstein
from gantk_basics.metrics.feature_space.kernel_distance import Kid
from gantk_basics.metrics.neighbours import Diversity, Memorisation, PrecisionRecall
from gantk_cells.data.layouts import CellImages
from gantk_cells.data.stacks import Stacks
from gantk_cells.metrics.dependence import Dependence
from gantk_cells.metrics.probe import Probe
from gantk_cells.nets.starshaped import PerClassCritic

from gantk.data import any_version, take, units_apart
from gantk.interfaces import MetricInput, Samples

SIZE = (12, 16)
CRITIC = {"use": "basics/mlp", "hidden": [8]}


def pictures(count: int, seed: int) -> np.ndarray:
    """Two blurred spots a channel on a dark ground, uint8, (N, 2, H, W)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    found = np.zeros((count, 2, *SIZE))
    for spots in range(2):
        at = rng.uniform(2, 10, (count, 2, 2, 1, 1))
        found += (200 - 80 * spots) * np.exp(-((y - at[:, :, 0]) ** 2 + (x - at[:, :, 1]) ** 2) / 6)
    return (found + rng.uniform(0, 20, found.shape)).clip(0, 255).astype(np.uint8)


def cells(layout: Any, counts: tuple[int, int], seed: int) -> CellImages:
    classes = [
        ClassImages(name, [f"{k}" for k in range(count)], pictures(count, seed + at))
        for at, (name, count) in enumerate(zip(("Arp3", "Tea1"), counts, strict=True))
    ]
    return CellImages(classes, layout, ("red", "green"), "real", None)


LAYOUTS = ("pairs", "per_class")
METRICS: dict[str, Callable[[], Any]] = {
    "memorisation": Memorisation,
    "precision_recall": lambda: PrecisionRecall(k=3),
    "diversity": Diversity,
    "frechet": Frechet,
    "sliced_wasserstein": lambda: SlicedWasserstein(projections=16),
    "c2st": lambda: C2st(steps=5, critic=CRITIC),
    "c2st by neighbours": lambda: C2st(by="neighbours"),
    "critic_test": lambda: CriticTest(steps=3, splits=1, critic=CRITIC, anchors="none"),
    "probe": lambda: Probe(steps=5, width=4),
    "dependence": Dependence,
    "memorisation on features": lambda: Memorisation(on="features"),
    "precision_recall on features": lambda: PrecisionRecall(k=3, on="features"),
    "frechet on features": lambda: Frechet(on="features"),
    "kid": lambda: Kid(subset=8, subsets=3),
    "kid on features": lambda: Kid(subset=8, subsets=3, on="features"),
}


def compute(metric: Any, made: Samples, train: Any, test: Any, nets: Any = {}) -> dict[str, Any]:  # noqa: B006
    return metric.compute(MetricInput(made, train, test, rng=torch.Generator().manual_seed(0), nets=nets))


def numbers(values: dict[str, Any]) -> dict[str, float]:
    return {name: value.value for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "layout"),
    [(name, layout) for name in METRICS for layout in LAYOUTS if "features" not in name or layout == "per_class"],
)
def test_turning_generated_samples_changes_no_number(name: str, layout: str) -> None:
    train, test = cells(layout, (60, 40), 0), cells(layout, (30, 26), 10)
    made = take(cells(layout, (24, 24), 20), 24)
    turned = replace(made, samples=any_version(train, made.samples, torch.Generator().manual_seed(1)))
    assert not torch.equal(made.samples, turned.samples)
    nets = {"critic": PerClassCritic(train.spec, width=4)} if "features" in name else {}
    metric = METRICS[name]()
    plain = numbers(compute(metric, made, train, test, nets))
    assert numbers(compute(metric, turned, train, test, nets)) == pytest.approx(plain, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", ["memorisation", "precision_recall", "diversity", "frechet", "sliced_wasserstein"])
def test_other_partners_change_no_number(name: str) -> None:
    train, test = cells("per_class", (60, 40), 0), cells("per_class", (30, 26), 10)
    made = take(cells("per_class", (24, 24), 20), 24)
    others = torch.stack([made.samples[:, 0], made.samples[:, 1].roll(5, 0)], 1)
    plain = numbers(compute(METRICS[name](), made, train, test))
    mixed = numbers(compute(METRICS[name](), replace(made, samples=others), train, test))
    assert mixed == pytest.approx(plain, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_turned_copies_with_other_partners_are_copies(layout: str) -> None:
    train, test = cells(layout, (60, 40), 0), cells(layout, (30, 26), 10)
    shown = train.batch(torch.arange(30), torch.Generator().manual_seed(4))  # as training shows them
    copies = Samples(samples=shown.samples, labels=shown.labels, spec=train.spec)
    values = compute(Memorisation(), copies, train, test)
    assert values["nearest_training"].value == 0
    assert values["nearer"].value == values["copies"].value == 1
    assert "it repeats them as they are" in Memorisation().summary(values)
    new = take(cells(layout, (30, 30), 40), 30)
    assert compute(Memorisation(), new, train, test)["copies"].value < 0.2


def test_pairs_of_one_cell_are_turned_together(tmp_path: Path) -> None:
    for number, pixels in enumerate(np.concatenate([pictures(40, 1), pictures(40, 2)[:, :1]], axis=1)):
        tifffile.imwrite(tmp_path / f"{number:02}.tif", pixels, photometric="minisblack", metadata={"axes": "CYX"})
    train, test = (Stacks(split, root=tmp_path, layout="per_class") for split in ("train", "test"))
    assert not units_apart(train)
    whole = take(train, 8)
    values = compute(Memorisation(), replace(whole, samples=whole.samples.flip(-1)), train, test)
    assert values["nearest_training"].value == 0
    torn = torch.cat([whole.samples[:, :1], whole.samples[:, 1:].flip(-1)], 1)  # no cell looks like that
    assert compute(Memorisation(), replace(whole, samples=torn), train, test)["nearest_training"].value > 0.1


def test_more_of_them_are_compared_than_are_held_out() -> None:
    """n of both sides is told; the generated are not cut down to the held-out ones."""
    train, test = cells("pairs", (60, 40), 0), cells("pairs", (3, 3), 10)
    made = take(cells("pairs", (45, 45), 20), 90)
    for name in ("memorisation", "precision_recall", "frechet", "sliced_wasserstein"):
        value = next(iter(compute(METRICS[name](), made, train, test).values()))
        assert (value.n, value.n_reference) == (90, 6), name
    distance = compute(Diversity(), made, train, test)["distance"]
    assert (distance.n, distance.n_reference) == (90, 6)


@pytest.mark.parametrize(
    "metric", [Memorisation(), PrecisionRecall(), Diversity()], ids=lambda each: type(each).__name__
)
def test_every_verdict_needs_enough_held_out_samples(metric: Any) -> None:
    train = cells("pairs", (60, 60), 0)
    made = take(cells("pairs", (30, 30), 20), 60)
    few, enough = (cells("pairs", (n, n), 10) for n in (10, 40))
    assert "cannot be" in metric.summary(compute(metric, made, train, few))
    assert "cannot be" not in metric.summary(compute(metric, made, train, enough))


def test_six_pictures_made_over_and_over_are_a_partial_collapse() -> None:
    train, test = cells("pairs", (60, 60), 0), cells("pairs", (40, 40), 10)
    six = take(train, 6)
    made = replace(six, samples=six.samples.repeat(50, 1, 1, 1), labels=six.labels.repeat(50))
    assert compute(Diversity(samples=300), made, train, test)["distinct"].value == pytest.approx(6 / 300)
    few = compute(Diversity(samples=300), made, train, cells("pairs", (3, 3), 10))
    assert "partial collapse, only 2.0%" in Diversity().summary(few)  # said however few are held out
    for metric in (PrecisionRecall(), Diversity()):
        assert "partial collapse" in metric.summary(compute(metric, made, train, test))
        good = take(cells("pairs", (60, 60), 20), 120)
        assert "collapse, " not in metric.summary(compute(metric, good, train, test))
