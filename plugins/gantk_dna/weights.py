"""How often sequences count: numbers of observations, as whole copies. A set that was counted is a set with repeats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST_COPIES = 2_000_000
"""Copies of all sequences together at most; of more, all are scaled down by one factor."""

FINE = 10
"""Copies a sequence, on average, that stand for weights that are no whole numbers."""

COLUMN = "weight"
"""The column of a file that says how often its sequences count."""


def copies_of(weights: ArrayLike, most: int = MOST_COPIES) -> NDArray[np.int64]:
    """Whole copies in proportion to weights, one of each at least: (N,).

    Counts stay as they are, unless their sum is above `most`. Other weights, and such counts, are multiplied by one
    factor and rounded.

    Args:
        weights: (N,) finite and above 0.
        most: of all copies together.
    """
    given = np.asarray(weights, np.float64)
    total = given.sum()
    whole = (given == np.round(given)).all()
    if whole and total <= most:
        return given.astype(np.int64)
    wanted = most if whole else min(most, FINE * len(given))
    return np.maximum(np.round(given * (wanted / total)), 1).astype(np.int64)
