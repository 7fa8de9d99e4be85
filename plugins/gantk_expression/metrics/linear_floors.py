"""What predictions of genes are compared with: the mean, nearest neighbours, and ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ALPHAS = tuple(float(10 ** (power / 2)) for power in range(-2, 11))  # .1 … 100,000
NEIGHBOURS = (1, 2, 3, 5, 8, 12, 20, 30)
FOLDS = 5
MOST = 2000  # training samples on which α and k are chosen, at most


def mean_absolute_error(predicted: Array, truth: Array) -> float:
    """Mean of |y - ŷ| over samples and genes."""
    return float(np.abs(predicted - truth).mean())


@dataclass(frozen=True)
class Floors:
    """Predictions for held-out samples, (N, T) each, and what was chosen for them.

    Args:
        mean: of each gene over the training samples.
        neighbours: mean of the nearest training samples.
        ridge: of ridge regression.
        k: how many neighbours.
        alpha: α of ridge regression, the weight of ‖W‖² beside the summed squared error.
    """

    mean: Array
    neighbours: Array
    ridge: Array
    k: int
    alpha: float


def fit_floors(
    condition: Array, samples: Array, held_out: Array, rng: np.random.Generator, groups: Sequence[Any] | None = None
) -> Floors:
    """Predicts held-out samples from their condition by the mean, nearest neighbours and ridge regression.

    α and k are those with the least mean absolute error in five folds of the training samples, by scikit-learn; samples
    of one group (wells of one compound) stand in one fold.

    Args:
        condition: of the training samples, (M, L); standardised here.
        samples: what is predicted, (M, T).
        held_out: condition of the samples to predict for, (N, L).
        rng: divides the training samples into folds.
        groups: of each training sample; None: each is its own.
    """
    centre, scale = condition.mean(0), condition.std(0)
    scale[scale < 1e-12] = 1.0
    x, wanted = (condition - centre) / scale, (held_out - centre) / scale
    folds = _folds(len(x), rng, groups)
    alpha = ALPHAS[int(np.argmin(_errors(x, samples, folds, "ridge")))]
    counts = [k for k in NEIGHBOURS if k < len(x) * (FOLDS - 1) // FOLDS] or [1]
    k = counts[int(np.argmin(_errors(x, samples, folds, "neighbours", counts)))]
    return Floors(
        np.broadcast_to(samples.mean(0), (len(wanted), samples.shape[1])),
        _predict("neighbours", k, x, samples, wanted),
        _predict("ridge", alpha, x, samples, wanted),
        k,
        alpha,
    )


def _folds(count: int, rng: np.random.Generator, groups: Sequence[Any] | None) -> list[tuple[Any, Any]]:
    """Training and held-out rows of each fold, of at most `MOST` samples."""
    names = np.arange(count) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    kinds = rng.permutation(int(names.max()) + 1)
    number = min(FOLDS, len(kinds))
    fold_of = np.empty(len(kinds), np.int64)
    fold_of[kinds] = np.arange(len(kinds)) % number
    rows = np.sort(rng.permutation(count)[:MOST])
    found = fold_of[names[rows]]
    return [(rows[found != each], rows[found == each]) for each in range(number) if (found == each).any()]


def _errors(
    x: Array, y: Array, folds: Sequence[tuple[Any, Any]], method: str, choices: Sequence[float] = ALPHAS
) -> list[float]:
    """Mean absolute error over all folds of each choice."""
    return [
        float(
            np.mean(
                [
                    mean_absolute_error(_predict(method, choice, x[left], y[left], x[out]), y[out])
                    for left, out in folds
                    if len(left)
                ]
                or [0.0]
            )
        )
        for choice in choices
    ]


def _predict(method: str, choice: float, x: Array, y: Array, wanted: Array) -> Array:
    if method == "ridge":
        from sklearn.linear_model import Ridge

        model: Any = Ridge(alpha=choice)
    else:
        from sklearn.neighbors import KNeighborsRegressor

        model = KNeighborsRegressor(n_neighbors=min(int(choice), len(x)))
    return np.asarray(model.fit(x, y).predict(wanted)).reshape(len(wanted), -1)
