"""How long training will take on this machine, told once, from its first steps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from gantk import console
from gantk.machine import own_cpu_seconds, total_cpu_seconds
from gantk.messages import duration

FORECAST_STEPS = 8  # lazy penalties come every fourth or eighth step
BUSY = 0.5  # cores that are asked for beyond those there are, from which on the machine is busy
WORTH_TELLING = 0.9  # share of the time that one thread must save
WORTH_SAYING = 20.0  # seconds of training below which nobody needs to know


class Forecast:
    """Says once, after a few steps, how long training will take on this machine.

    Args:
        steps: at how many steps training ends.
        threads: that compute a step together and wait for each other; 1: none does, as on a GPU.
        clock: seconds that only grow.
        work: what processors have done: seconds for all processes (None where that is not known) and for this one.
    """

    def __init__(
        self,
        steps: int,
        threads: int = 1,
        clock: Callable[[], float] = time.monotonic,
        work: Callable[[], tuple[float | None, float]] = lambda: (total_cpu_seconds(), own_cpu_seconds()),
    ):
        self.steps = steps
        self.threads = threads
        self.clock = clock
        self.work = work
        self._before: tuple[float, float | None, float] = (0.0, None, 0.0)  # clock and work when steps began to count
        self._begun: float | None = None  # when the step that is under way began; None: the first one, or said
        self._spent: list[float] = []

    def step_begins(self) -> None:
        """A step begins; what lies between two steps, pictures and the like, does not count."""
        self._begun = self.clock() if len(self._spent) < FORECAST_STEPS else None
        if not self._spent:
            self._before = (self.clock(), *self.work())

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
                self._say_if_busy(left)

    def _say_if_busy(self, left: float) -> None:
        """Says what others use, and what one thread would give, where threads that wait for each other lose more."""
        (began, total_before, own_before), (total, own), cores = self._before, self.work(), os.cpu_count() or 1
        elapsed = self.clock() - began
        if self.threads == 1 or total is None or total_before is None or elapsed <= 0:
            return
        others = (total - total_before - (own - own_before)) / elapsed  # cores
        alone = left * (own - own_before) / elapsed  # as much work as now, by one thread that has a core
        if others + self.threads > cores + BUSY and alone < WORTH_TELLING * left:
            console.say(
                f"note: other processes use about {others:.1f} of {cores} cores, and {self.threads} threads that wait "
                f"for each other lose more than that. With machine.threads=1 training would take about "
                f"{duration(alone)} where it has a core to itself (the same run up to rounding)"
            )
