"""Schedules of the learning rates: functions of the step alone."""

from __future__ import annotations

import math


def rate_factor(schedule: str, step: int, steps: int) -> float:
    """What the learning rates are multiplied with at `step` of `steps`: 1 at the start, towards 0 unless constant.

    "tail" stays at 1 for the first half of the run and then falls linearly.
    """
    done = step / steps
    if schedule == "linear":
        return 1 - done
    if schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if schedule == "tail":
        return min(1.0, 2 * (1 - done))
    return 1.0
