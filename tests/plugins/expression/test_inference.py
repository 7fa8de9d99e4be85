"""The metric `inference`: floors beside scikit-learn, likeness beside plain sums, and predictions of files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gantk_expression.metrics.inference import Inference, SquaredError
from gantk_expression.metrics.likeness import gamma, spectrum, spectrum_distance, variance_share
from gantk_expression.metrics.linear_floors import ALPHAS, FOLDS, NEIGHBOURS, fit_floors
from gantk_expression.nets.ggan import GganGenerator
from scipy.stats import pearsonr
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsRegressor
from torch import Tensor, nn

from gantk.data import Resident, generated
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput
from gantk.spec import DataSpec

RNG = np.random.default_rng(4)
X = RNG.normal(size=(90, 6))
WEIGHTS = RNG.normal(size=(6, 5))
Y = X @ WEIGHTS + RNG.normal(size=(90, 5)) + np.abs(X[:, :1])
SPEC = DataSpec((5,), ("gene",), range=None, condition_shape=(6,))
TRAIN, TEST = slice(0, 60), slice(60, 90)


class Pairs(Resident):
    """Rows of X and Y, six of a group."""

    def __init__(self, rows: slice, *, grouped: bool = True):
        groups = {"group": torch.arange(90)[rows] // 6} if grouped else {}
        tensors = (torch.from_numpy(each[rows]).float() for each in (Y, X))
        samples, condition = tensors
        super().__init__(SPEC, samples, condition=condition, truth=groups)

    def sample_names(self, indices: Tensor) -> list[str]:
        return [f"sample {at}" for at in indices.tolist()]


class Known(nn.Module):
    """Predicts as linear regression by the true weights does."""

    latent_shape = None

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(WEIGHTS).float())

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        return condition @ self.weight


def inputs(generator: nn.Module | None = None, seed: int = 0, **more: Any) -> MetricInput:
    given = {"generated": generated(torch.zeros(1, 5), SPEC), **more}
    nets = {} if generator is None else {"generator": generator}
    return MetricInput(
        train=Pairs(TRAIN), test=Pairs(TEST), rng=torch.Generator().manual_seed(seed), nets=nets, **given
    )


def test_floors_are_those_of_scikit_learn() -> None:
    """α and k are the best of five folds by group, by scikit-learn's own folds of the same groups."""
    groups = np.arange(60) // 12  # five groups: each is a fold, however they are drawn
    found = fit_floors(X[TRAIN], Y[TRAIN], X[TEST], np.random.default_rng(0), groups)
    x, new = ((each - X[TRAIN].mean(0)) / X[TRAIN].std(0) for each in (X[TRAIN], X[TEST]))

    def error(model: Any) -> float:
        parts = GroupKFold(FOLDS).split(x, Y[TRAIN], groups)
        return float(np.mean([np.abs(model.fit(x[a], Y[a]).predict(x[b]) - Y[b]).mean() for a, b in parts]))

    alpha = min(ALPHAS, key=lambda each: error(Ridge(alpha=each)))
    k = min((each for each in NEIGHBOURS if each < 48), key=lambda each: error(KNeighborsRegressor(each)))
    assert (found.alpha, found.k) == (alpha, k)
    np.testing.assert_allclose(found.ridge, Ridge(alpha=alpha).fit(x, Y[TRAIN]).predict(new))
    np.testing.assert_allclose(found.neighbours, KNeighborsRegressor(k).fit(x, Y[TRAIN]).predict(new))
    np.testing.assert_allclose(found.mean, np.tile(Y[TRAIN].mean(0), (30, 1)))


def test_likeness_beside_plain_sums() -> None:
    made, real = Y[:30] * 0.5, Y[30:60]
    variances = [sum(np.var([row[g] for row in each]) for g in range(5)) for each in (made, real)]
    assert variance_share(made, real) == pytest.approx(variances[0] / variances[1])
    covariance = np.cov(real, rowvar=False, bias=True)
    np.testing.assert_allclose(spectrum(real), np.sort(np.linalg.eigvalsh(covariance))[::-1])
    assert spectrum_distance(real, real) == 0
    assert spectrum_distance(real * 0, real) == pytest.approx(1)
    assert spectrum_distance(real * 0.5, real) == pytest.approx(0.75)
    pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    apart = [[1 - pearsonr(each[:, i], each[:, j])[0] for i, j in pairs] for each in (made, real)]
    assert gamma(made, real) == pytest.approx(pearsonr(*apart)[0])
    constant = real.copy()
    constant[:, 2] = 1.0
    without = [g for g in range(5) if g != 2]
    assert gamma(constant, real) == pytest.approx(gamma(real[:, without], real[:, without]))


def test_errors_are_in_standard_deviations_of_the_training_samples() -> None:
    found = Inference().compute(inputs(Known()))
    scale = Y[TRAIN].astype(np.float32).std(0)
    plain = np.mean([np.abs((Y[row] - X[row] @ WEIGHTS) / scale).mean() for row in range(60, 90)])
    assert found["mae"].value == pytest.approx(plain, rel=1e-5)
    assert found["mae"].reference == found["mae_ridge"].value
    assert found["over_ridge"].value == pytest.approx(100 * (plain / found["mae_ridge"].value - 1), rel=1e-4)
    low, high = found["over_ridge"].low, found["over_ridge"].high
    assert low is not None and high is not None and low < found["over_ridge"].value < high
    assert found["mae_mean"].value > found["mae_neighbours"].value > found["mae_ridge"].value


def test_the_interval_is_over_groups() -> None:
    """Copies of a sample in one group say no more than the sample; counted each on its own they would."""
    rows = torch.arange(30)

    def width(groups: Tensor | None) -> float:
        test = Pairs(TEST)
        test.stored, test.condition = (each[rows // 6 * 6] for each in (test.stored, test.condition))  # type: ignore[index]
        test.truth = {} if groups is None else {"group": groups}
        given = inputs(Known())
        found = Inference().compute(MetricInput(given.generated, given.train, test, given.rng, given.nets))
        return found["over_ridge"].high - found["over_ridge"].low  # type: ignore[operator]

    assert width(rows // 6) > 1.5 * width(None)


def test_the_same_net_on_squared_error_alone_comes_near_to_ridge() -> None:
    torch.manual_seed(0)
    net = GganGenerator(SPEC, hidden=(), linear=False)
    before = [each.clone() for each in net.parameters()]
    metric = Inference(squared_error=SquaredError(steps=150, lr=0.05))
    found = metric.compute(inputs(net))
    assert found["mae_squared_error"].value == pytest.approx(found["mae_ridge"].value, rel=0.1)
    assert found["mae"].value > 1.5 * found["mae_squared_error"].value
    assert all(torch.equal(one, other) for one, other in zip(before, net.parameters(), strict=True))
    assert metric.compute(inputs(net)) == found  # what is fitted once is the same


def test_predictions_of_a_file_are_found_by_name() -> None:
    made = generated(torch.from_numpy(X[60:90] @ WEIGHTS).float(), SPEC)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    made.names = [f"sample {at}" for at in range(30)]
    alone, shuffled = (Inference().compute(inputs(generated=each)) for each in (made, made[order]))
    with_net = Inference().compute(inputs(Known()))
    assert alone["mae"].value == pytest.approx(with_net["mae"].value, rel=1e-6)
    assert shuffled["mae"].value == alone["mae"].value
    with pytest.raises(DoesNotFit, match="29 held-out samples were not predicted, among them sample"):
        Inference().compute(inputs(generated=made[:1]))


def test_what_it_cannot_measure() -> None:
    with pytest.raises(DoesNotFit, match="needs a generator that takes a condition, or predictions"):
        Inference().compute(inputs())
    plain = Resident(DataSpec((5,), ("gene",), range=None), torch.zeros(4, 5))
    with pytest.raises(DoesNotFit, match="these data have none"):
        Inference().compute(MetricInput(generated(torch.zeros(1, 5), plain.spec), plain, plain, torch.Generator()))
