"""What is written down during training: the terms of every step, read from the device only now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gantk.console import Training
from gantk.errors import Diverged
from gantk.folder import RunFolder
from gantk.interfaces import Callback

READ_EVERY_STEPS = 50
READ_EVERY_SECONDS = 1.0


class Record:
    """Collects each step's terms on the device, and now and then reads them all at once: no synchronisation a step.

    Args:
        folder: whose metrics.jsonl is written.
        display: the live display.
        callbacks: told of the values that were read.
        seconds: how long the run had trained before this process.
    """

    def __init__(self, folder: RunFolder, display: Training, callbacks: Sequence[Callback], seconds: float = 0.0):
        self.folder = folder
        self.display = display
        self.callbacks = callbacks
        self._pending: list[tuple[int, float, dict[str, Tensor]]] = []
        self._others: list[dict[str, Any]] = []
        self._started = time.monotonic() - seconds
        self._read = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the run has trained, in all its processes."""
        return time.monotonic() - self._started

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """Notes the terms of a finished step.

        Raises:
            Diverged: terms that were read just now are not finite.
        """
        self._pending.append((step, round(self.seconds, 3), terms))
        if len(self._pending) >= READ_EVERY_STEPS or time.monotonic() - self._read > READ_EVERY_SECONDS:
            self.read()

    def note(self, step: int, values: Mapping[str, Any]) -> None:
        """Notes other values of a step, such as metrics; they are written with the next reading."""
        self._others.append({"step": step, **values})
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        for callback in self.callbacks:
            callback.on_log(step, numbers)

    def read(self) -> None:
        """Reads what is pending from the device, writes and shows it.

        Raises:
            Diverged: a term is not finite; says which, and at which step.
        """
        self._read = time.monotonic()
        scalars = [value for _, _, terms in self._pending for value in terms.values()]
        numbers = iter(torch.stack(scalars).tolist() if scalars else [])
        lines: list[dict[str, Any]] = []
        broken: tuple[int, str] | None = None
        for step, seconds, terms in self._pending:
            values = {name: next(numbers) for name in terms}
            wrong = [name for name, value in values.items() if not math.isfinite(value)]
            if wrong:
                broken = (step, ", ".join(f"{name} is {values[name]}" for name in wrong))
                break  # what follows a non-finite term means nothing
            lines.append({"step": step, "seconds": seconds, **values})
            for callback in self.callbacks:
                callback.on_log(step, values)
        # Stable: the terms of a step stand before what else was noted at it.
        self.folder.append(sorted(lines + self._others, key=lambda line: line["step"]))
        self._pending, self._others = [], []
        if broken is not None:
            raise Diverged(f"training diverged at step {broken[0]}: {broken[1]}")
        if lines:
            shown = {name: value for name, value in lines[-1].items() if name not in ("step", "seconds")}
            self.display.show(lines[-1]["step"], shown)
