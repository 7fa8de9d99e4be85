"""Mixtures of known density: the points, the density by scipy, and what the metric and its pictures say of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.data.mixture import Mixture, log_density
from gantk_basics.data.ring import Ring
from gantk_basics.metrics.mixture_density import MixtureDensity
from gantk_basics.views.points import Points
from scipy.stats import multivariate_normal, norm

from gantk.data import take
from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import MetricInput, Value


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at pictures with axes."""


PLANE: dict[str, Any] = {"means": [[-1, 0], [1, 0], [0, 1.5]], "sigmas": [0.4, 0.3, 0.3], "weights": [2, 1, 1]}


def judged(made: torch.Tensor, **parameters: Any) -> tuple[dict[str, Value], MixtureDensity, MetricInput]:
    train, test = (Mixture(split, samples=5000, **parameters) for split in ("train", "test"))
    generated = replace(take(test, 1), samples=made, labels=None)
    given = MetricInput(generated, train, test, torch.Generator().manual_seed(0))
    metric = MixtureDensity(samples=1000)
    return metric.compute(given), metric, given


def test_points_are_drawn_from_the_density_that_is_told() -> None:
    data = Mixture("train", **PLANE)
    assert data.labels is not None and data.spec.shape == (2,)
    shares = torch.bincount(data.labels) / len(data)
    assert shares.tolist() == pytest.approx([0.5, 0.25, 0.25], abs=0.02)
    for label, (mean, sigma) in enumerate(zip(PLANE["means"], PLANE["sigmas"], strict=True)):
        points = data.stored[data.labels == label]
        assert points.mean(0).tolist() == pytest.approx(mean, abs=0.03)
        assert points.std(0).tolist() == pytest.approx([sigma] * 2, rel=0.05)
    assert not torch.equal(data.stored[:50], Mixture("test", **PLANE).stored[:50])


def test_the_density_is_that_of_scipy() -> None:
    points = torch.randn(40, 2, dtype=torch.float64)
    known = Mixture("test", **PLANE).spec.attributes
    parts = [
        share * multivariate_normal(mean, sigma**2).pdf(points.numpy())
        for share, mean, sigma in zip([0.5, 0.25, 0.25], PLANE["means"], PLANE["sigmas"], strict=True)
    ]
    np.testing.assert_allclose(log_density(points, known).numpy(), np.log(sum(parts)), rtol=1e-6)
    on_a_line = {"means": [[1.0]], "sigmas": [2.0], "weights": [1.0]}
    np.testing.assert_allclose(log_density(points[:, :1], on_a_line), norm(1, 2).logpdf(points[:, 0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"means": [[0], [1, 2]]}, "all have one number"),
        ({"means": [[0], [1], [2]], "sigmas": [1, 2]}, "3 means, but 2 sigmas"),
        ({"weights": [1]}, "1 weights"),
    ],
)
def test_lists_that_do_not_go_together_are_refused(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told):
        Mixture("train", **parameters)


def test_the_divergence_of_one_gaussian_from_another_is_found() -> None:
    # KL(N(0, 1)‖N(.5, 1)) = .5² / 2, and the same the other way round
    made = torch.randn(1000, 1, generator=torch.Generator().manual_seed(1)) + 0.5
    found, _, _ = judged(made, means=[[0.0]], sigmas=[1.0])
    blurred = 1 + 1000 ** (-2 / 5)  # both are blurred by the kernel, which makes them a little more alike
    assert found["kl"].value == pytest.approx(0.125 / blurred, abs=0.03)
    assert found["reverse_kl"].value == pytest.approx(0.125 / blurred, abs=0.03)
    assert found["kl"].reference is not None and found["kl"].reference < 0.02


def test_what_is_missed_and_what_is_made_up_cost_in_one_number_each() -> None:
    data = Mixture("train", samples=20000)
    assert data.labels is not None
    one = data.stored[data.labels == 0][:1000]
    missed, _, _ = judged(one)
    assert missed["kl"].value > 1 and missed["reverse_kl"].value == pytest.approx(np.log(2), abs=0.1)
    between = torch.cat([data.stored[:900], torch.zeros(100, 1) + 0.05 * torch.randn(100, 1)])
    made_up, _, _ = judged(between)
    assert made_up["reverse_kl"].value > 0.15 and made_up["kl"].value < missed["kl"].value / 5


@pytest.mark.parametrize("parameters", [{}, PLANE], ids=["line", "plane"])
def test_pictures_and_panels(parameters: dict[str, Any]) -> None:
    data = Mixture("train", samples=2000, **parameters)
    made = take(data, 500)
    _, metric, given = judged(made.samples, **parameters)
    assert metric.pictures(given)["density"].size == (480, 480)
    view = Points(data.spec)
    assert view.draw(made, real=made).size == (480, 480) and view.draw(take(data, 1)).size == (480, 480)
    assert set(view.panels(made, made)) == {"many", "coordinates"}


def test_data_of_unknown_density_and_too_narrow_gaussians_are_refused() -> None:
    ring = Ring("train", samples=50)
    given = MetricInput(take(ring, 20), ring, ring, torch.Generator())
    with pytest.raises(DoesNotFit, match="basics/mixture"):
        MixtureDensity().compute(given)
    with pytest.raises(DoesNotFit, match="wider sigmas"):
        judged(torch.randn(20, 1), means=[[-9.0], [9.0]], sigmas=[0.01])
