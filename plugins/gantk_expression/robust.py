"""Robust z values: how far each number is from the median of the controls, in units of their median deviation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALE = 1.4826  # median absolute deviation to standard deviation, of a normal distribution


def robust_scale(controls: NDArray[Any], least: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The median of each gene, and its scaled median absolute deviation, (G,) each.

    Args:
        controls: (C, G).
        least: a smaller deviation counts as this one.
    """
    middle = np.median(controls, 0)
    deviation = SCALE * np.median(np.abs(controls - middle), 0)
    return middle, np.maximum(deviation, least)
