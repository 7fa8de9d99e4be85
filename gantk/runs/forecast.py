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
        self._begun: float | None = None  # when the step that is under way began; None: the first one, or said
        self._spent: list[float] = []

    def step_begins(self) -> None:
        """A step begins; what lies between two steps, pictures and the like, does not count."""
        self._begun = self.clock() if len(self._spent) < FORECAST_STEPS else None

    def step_done(self, step: int) -> None:
        """A step is done; the first is left out, as it sets things up."""
        if self._begun is None:
            return
        self._spent.append(self.clock() - self._begun)
        if len(self._spent) == FORECAST_STEPS:
            left = sum(self._spent) / FORECAST_STEPS * (self.steps - step)
            if left >= WORTH_SAYING:
                console.say(
                    f"training will take about {duration(left)} on this machine as it is now; pictures and evaluation "
                    "come on top"
                )
