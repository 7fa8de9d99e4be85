"""What a translator must beat: ridge regression on local filters of all planes, and the best single plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude, gaussian_laplace

from gantk_cells.data.paired import Paired

SCALES = (1.0, 2.0, 4.0, 8.0)
"""Sigmas of the filters, pixels."""

MOST = 100_000  # pixels that are learnt from
RIDGE = 1.0  # weight of the penalty, of standardised features of that many pixels

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Rivals:
    """Both, as they were fitted to the training regions.

    Args:
        mean: of the features, (F,).
        spread: their standard deviation, (F,).
        weights: of the standardised features, (F, C').
        offset: (C',).
        plane: of each wanted channel the plane that correlates best with it.
        line: of each wanted channel slope and offset from that plane, (C', 2).
    """

    mean: Array
    spread: Array
    weights: Array
    offset: Array
    plane: tuple[int, ...]
    line: Array

    def ridge(self, condition: Array) -> Array:
        """(C, H, W) to what the regression makes of it, (C', H, W), within [-1, 1]."""
        features = local_features(condition)
        found = (features.reshape(len(features), -1).T - self.mean) / self.spread @ self.weights + self.offset
        return np.clip(found.T.reshape(-1, *condition.shape[1:]), -1, 1)

    def single(self, condition: Array) -> Array:
        """(C, H, W) to the best planes, by a line, (C', H, W)."""
        return np.stack([a * condition[k] + b for k, (a, b) in zip(self.plane, self.line, strict=True)])


def local_features(planes: Array) -> Array:
    """The planes, and of each at every scale: Gaussian, Laplacian, gradient, local standard deviation. (F, H, W)"""
    found = [planes]
    for sigma in SCALES:
        for plane in planes.astype(np.float32):
            smooth = gaussian_filter(plane, sigma)
            variance = gaussian_filter(plane**2, sigma) - smooth**2
            found.append(
                np.stack(
                    [
                        smooth,
                        gaussian_laplace(plane, sigma),
                        gaussian_gradient_magnitude(plane, sigma),
                        np.sqrt(np.maximum(variance, 0)),
                    ]
                )
            )
    return np.concatenate(found)


def fit(conditions: Sequence[Array], targets: Sequence[Array], measured: Sequence[NDArray[np.bool_]]) -> Rivals:
    """Fits both to regions.

    Args:
        conditions: (C, H, W) each.
        targets: (C', H, W) each.
        measured: which channels of a target there are, (C',) each.
    """
    rng = np.random.default_rng(0)
    total = sum(each[0].size for each in conditions)
    features, planes, values, known = [], [], [], []
    for condition, target, there in zip(conditions, targets, measured, strict=True):
        count = condition[0].size
        chosen = rng.permutation(count)[: max(1, round(min(1.0, MOST / total) * count))]
        features.append(local_features(condition).reshape(-1, count)[:, chosen].T)
        planes.append(condition.reshape(len(condition), -1)[:, chosen].T)
        values.append(target.reshape(len(target), -1)[:, chosen].T)
        known.append(np.repeat(there[None], len(chosen), 0))
    x, raw, y, use = (np.concatenate(each).astype(np.float64) for each in (features, planes, values, known))
    mean, spread = x.mean(0), np.maximum(x.std(0), 1e-9)
    x = (x - mean) / spread
    weights, offset, best, line = [], [], [], []
    for channel in range(y.shape[1]):
        rows = use[:, channel] > 0
        inputs, wanted = x[rows], y[rows, channel]
        centre = inputs.mean(0)
        level = wanted.mean()
        square = (inputs - centre).T @ (inputs - centre) + RIDGE * np.eye(x.shape[1])
        weight = np.linalg.solve(square, (inputs - centre).T @ (wanted - level))
        weights.append(weight)
        offset.append(level - centre @ weight)
        fits = [np.polyfit(raw[rows, k], wanted, 1) for k in range(raw.shape[1])]
        errors = [np.square(np.polyval(each, raw[rows, k]) - wanted).mean() for k, each in enumerate(fits)]
        best.append(int(np.argmin(errors)))
        line.append(fits[best[-1]])
    return Rivals(mean, spread, np.stack(weights, 1), np.array(offset), tuple(best), np.stack(line))


_KNOWN: WeakKeyDictionary[Paired, Rivals] = WeakKeyDictionary()


def rivals_of(train: Paired) -> Rivals:
    """The rivals, fitted to the training regions of a data set; once for each data set."""
    if train not in _KNOWN:
        regions = train.regions()
        inner = [each.condition[:, each.inside[0], each.inside[1]].numpy() for each in regions]
        _KNOWN[train] = fit(
            inner, [each.target.numpy() for each in regions], [each.measured.numpy() for each in regions]
        )
    return _KNOWN[train]
