"""Metrics against plain or trusted implementations: scipy, scikit-learn, double loops."""

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from gantk_basics.data.ring import Ring
from gantk_basics.metrics import distances
from gantk_basics.metrics.distances import apart_from_others, nearest
from gantk_basics.metrics.distribution_distances import (
    Frechet,
    SlicedWasserstein,
    frechet,
    frechet_of_parts,
    parts_of,
    sliced_wasserstein,
)
from gantk_basics.metrics.features import Rows, rows
from gantk_basics.metrics.neighbours import Diversity, Memorisation, PrecisionRecall, manifold_overlap, mean_distance
from gantk_basics.metrics.ring_modes import RingModes, near_modes
from gantk_basics.nets.mlp import MlpCritic
from scipy.linalg import sqrtm
from scipy.spatial.distance import pdist
from scipy.stats import wasserstein_distance
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from gantk.data import Resident, generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples
from gantk.spec import DataSpec

SPEC = DataSpec((3, 2), ("channel", "x"), range=None)


def normal(count: int, *shape: int, seed: int = 0, shift: float = 0.0) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed)) + shift


def data(count: int, seed: int, shift: float = 0.0, spec: DataSpec = SPEC) -> Resident:
    return Resident(spec, normal(count, *spec.shape, seed=seed, shift=shift))


def alone(values: Tensor) -> Rows:
    """Rows that have no other version."""
    return Rows((values,))


def compute(metric: Metric, made: Samples, train: Resident, test: Resident, seed: int = 0) -> dict:
    return metric.compute(MetricInput(made, train, test, rng=torch.Generator().manual_seed(seed), nets={}))


def test_sliced_wasserstein_is_scipys_on_each_projection() -> None:
    first, second = normal(40, 5), normal(40, 5, seed=1, shift=0.5)
    directions = normal(5, 8, seed=3)  # the draws of the stream that is given below
    directions = directions / directions.norm(dim=0)
    for other in (second, second[:17]):
        expected = np.mean([wasserstein_distance(first @ way, other @ way) for way in directions.T])
        found = sliced_wasserstein(first, other, 8, torch.Generator().manual_seed(3))
        assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("count", "other", "width"), [(60, 50, 4), (10, 12, 30), (20, 60, 25)])
def test_frechet_is_the_formula_with_a_matrix_root(count: int, other: int, width: int) -> None:
    mixing = normal(width, width, seed=9)
    first, second = normal(count, width).double(), (normal(other, width, seed=1, shift=0.3) @ mixing).double()
    covariances = [np.cov(values.numpy(), rowvar=False) for values in (first, second)]
    root = sqrtm(covariances[0] @ covariances[1] + 1e-12 * np.eye(width))
    expected = (first.mean(0) - second.mean(0)).square().sum().item() + np.trace(
        covariances[0] + covariances[1] - 2 * np.real(root)
    )
    assert frechet(first, second) == pytest.approx(expected, rel=1e-4)
    assert frechet(first, first) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("flips", [(), ("x",), ("y", "x")])
def test_frechet_of_parts_is_that_of_all_versions(flips: tuple[str, ...]) -> None:
    spec = DataSpec((2, 3, 4), ("channel", "y", "x"), range=None)
    like = Resident(spec, normal(1, *spec.shape), flips=flips)
    first, second = (Rows((normal(count, *spec.shape, seed=count),), like) for count in (9, 30))
    parts = [parts_of(each) for each in (first, second)]
    assert len(parts[0]) == 2 ** len(flips)
    assert frechet_of_parts(*parts) == pytest.approx(frechet(first.every, second.every), rel=1e-6)


def test_versions_that_do_not_undo_themselves_are_taken_as_they_are() -> None:
    class Rolled(Resident):
        def variants(self, samples: Tensor) -> list[Tensor]:
            return [samples.roll(by, -1) for by in range(3)]

    spec = DataSpec((2, 3), ("channel", "x"), range=None)
    rows = Rows((normal(4, 2, 3),), Rolled(spec, normal(1, 2, 3)))
    assert [part.shape for part in parts_of(rows)] == [(12, 6)]


@pytest.mark.parametrize("width", [2, 90], ids=["few numbers", "many numbers"])
def test_neighbours_are_those_of_scikit_learn(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "CHUNK", 7)
    values, others = normal(30, width), normal(25, width, seed=1)
    from_others = apart_from_others(alone(values))
    fitted = NearestNeighbors(n_neighbors=4).fit(values.numpy())
    assert np.allclose(from_others.kthvalue(3).values, fitted.kneighbors(values.numpy())[0][:, 3], rtol=1e-4)
    fitted = NearestNeighbors(n_neighbors=1).fit(others.numpy())
    parts = [alone(part) for part in others.split(10)]
    assert np.allclose(nearest(alone(values), parts), fitted.kneighbors(values.numpy())[0][:, 0], rtol=1e-5)
    assert nearest(alone(others[:5]), parts).max() == 0
    assert mean_distance(from_others) == pytest.approx(pdist(values.numpy()).mean(), rel=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_recall_density_coverage_are_their_definitions(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "CHUNK", 7)
    real, made = normal(20, 2), normal(30, 2, seed=1, shift=0.7)

    def apart(one: Tensor, other: Tensor) -> float:
        return (one - other).norm().item()

    def radius(values: Tensor, index: int) -> float:
        return sorted(apart(values[index], other) for at, other in enumerate(values) if at != index)[k - 1]

    in_real = [[apart(x, y) <= radius(real, i) for i, x in enumerate(real)] for y in made]
    in_made = [[apart(x, y) <= radius(made, j) for j, y in enumerate(made)] for x in real]
    expected = {
        "precision": np.mean([any(line) for line in in_real]),
        "recall": np.mean([any(line) for line in in_made]),
        "density": np.sum(in_real) / (k * len(made)),
        "coverage": np.mean(np.any(in_real, axis=0)),
    }
    found = manifold_overlap(alone(real), alone(made), k)
    assert {name: each.mean().item() for name, each in found.items()} == pytest.approx(expected)


METRICS = [SlicedWasserstein(samples=80), Frechet(samples=80), PrecisionRecall(samples=80), Diversity(samples=80)]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)
def test_the_reference_is_what_real_data_get(metric: Metric) -> None:
    train, test = data(300, 1), data(200, 2)
    same = compute(metric, generated(normal(80, 3, 2, seed=5), SPEC), train, test)
    other = compute(metric, generated(normal(80, 3, 2, seed=5) * 0.02 + 3, SPEC), train, test)
    assert compute(metric, generated(normal(80, 3, 2, seed=5), SPEC), train, test) == same
    for name, value in same.items():
        close = abs(value.value - value.reference)
        assert close < 0.5 * max(abs(value.reference), 0.1), name
        assert abs(other[name].value - other[name].reference) > 2 * close, name


def test_memorisation_tells_copies_from_new_samples() -> None:
    train, test = data(400, 1), data(200, 2)
    new = compute(Memorisation(samples=150), generated(normal(150, 3, 2, seed=5), SPEC), train, test)
    assert new["nearer"].value == pytest.approx(0.5, abs=0.1)
    assert new["copies"].value < 0.05
    copies = compute(Memorisation(samples=150), take(train, 150), train, test)
    assert copies["nearest_training"].value == 0
    assert copies["nearer"].value == copies["copies"].value == 1
    assert "100.0% suspiciously near" in Memorisation().summary(copies)
    assert Memorisation().summary(copies).startswith("too few training samples, or trained too long: it repeats them")
    blurred = take(train, 150)
    blurred.samples = blurred.samples + 1e-3
    nearly = Memorisation().summary(compute(Memorisation(samples=150), blurred, train, test))
    assert nearly.startswith("too few training samples, or trained too long: it repeats them, or nearly: ")
    assert "too few training" not in Memorisation().summary(new)


def test_features_are_the_critics() -> None:
    critic = MlpCritic(SPEC, hidden=[4])
    samples = normal(6, 3, 2)
    assert torch.equal(rows(samples, "features", {"critic": critic}), critic.features(samples).detach())
    assert critic.training
    with pytest.raises(DoesNotFit, match="on: samples"):
        rows(samples, "features", {})


RING = {"samples": 500}


@pytest.mark.parametrize(
    ("points_of", "modes", "quality", "evenness"),
    [
        (lambda centres: centres.repeat(100, 1), 8, 1.0, 1.0),
        (lambda centres: centres[:1].repeat(800, 1), 1, 1.0, 0.0),
        (lambda centres: centres[:2].repeat(400, 1), 2, 1.0, log(2) / log(8)),
        (lambda centres: torch.cat([centres[:1], centres + 0.06 / 2**0.5 + 0.001]), 1, 1 / 9, 0.0),
        (lambda centres: torch.zeros(10, 2), 0, 0.0, 0.0),
    ],
    ids=["all modes", "one mode", "two modes", "just outside", "nothing"],
)
def test_ring_modes(points_of: Callable, modes: int, quality: float, evenness: float) -> None:
    train, test = Ring("train", **RING), Ring("test", **RING)
    centres = torch.tensor(train.spec.attributes["centres"])
    values = compute(RingModes(), generated(points_of(centres), train.spec), train, test)
    assert values["modes_covered"].value == modes
    assert values["high_quality"].value == pytest.approx(quality)
    assert values["evenness"].value == pytest.approx(evenness, abs=1e-6)
    assert values["modes_covered"].reference == 8
    assert f"{modes} of 8 modes covered" in RingModes().summary(values)


def test_three_sigma_hold_the_share_that_a_normal_distribution_says() -> None:
    ring = Ring("train", samples=40000)
    counts = near_modes(ring.stored, torch.tensor(ring.spec.attributes["centres"]), 0.02)
    assert counts.sum().item() / 40000 == pytest.approx(1 - np.exp(-4.5), abs=0.002)
    assert counts.min() > 0.9 * 40000 / 8


def test_ring_modes_needs_known_modes() -> None:
    with pytest.raises(DoesNotFit, match="basics/ring"):
        compute(RingModes(), generated(normal(9, 3, 2), SPEC), data(9, 1), data(9, 2))


@pytest.mark.parametrize("metric", [Diversity(), PrecisionRecall()])
@pytest.mark.parametrize(("made", "held_out"), [(5, 1), (1, 5), (1, 1)])
def test_one_sample_has_no_other_to_be_compared_with(metric: Metric, made: int, held_out: int) -> None:
    train, test = data(20, 0), data(held_out, 1)
    with pytest.raises(DoesNotFit, match=f"{made} generated and {held_out} held-out"):
        compute(metric, generated(normal(made, *SPEC.shape), SPEC), train, test)
    two = compute(metric, generated(normal(2, *SPEC.shape), SPEC), train, data(2, 1))
    assert all(value.value == value.value for value in two.values())
