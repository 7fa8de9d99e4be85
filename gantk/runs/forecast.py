"""How long training will take on this machine, told once, from its first steps."""

from __future__ import annotations

import time
from collections.abc import Callable

from gantk import console
from gantk.messages import duration

FORECAST_STEPS = 8  # lazy penalties come every fourth or eighth step
WORTH_SAYING = 20.0  # seconds of training below which nobody needs to know


class Forecast:
    """Says once, after a few steps, how long training will take on this machine.

    Args:
        steps: at how many steps training ends.
        clock: seconds that only grow.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic):
        self.steps = steps
        self.clock = clock
        self._times: list[float] = []

    def step_done(self, step: int) -> None:
        """Takes note of a step; the first is left out, as it sets things up."""
        if len(self._times) > FORECAST_STEPS:
            return
        self._times.append(self.clock())
        if len(self._times) > FORECAST_STEPS:
            seconds = (self._times[-1] - self._times[0]) / FORECAST_STEPS
            left = seconds * (self.steps - step)
            if left >= WORTH_SAYING:
                console.say(
                    f"training will take about {duration(left)} on this machine as it is now; pictures and evaluation "
                    "come on top"
                )
