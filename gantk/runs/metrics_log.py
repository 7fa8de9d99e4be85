"""Logs the terms of every step, which are read from the device only now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gantk.console import Training
from gantk.errors import Diverged
from gantk.files.run_folder import RunFolder
from gantk.interfaces import Callback
from gantk.runs.callbacks import Forgiving

READ_EVERY_STEPS = 50
READ_EVERY_SECONDS = 1.0
WAITING = 100_000  # lines that could not be written and are kept in memory


class Record:
    """Collects each step's terms on the device, and now and then reads them all at once: no synchronisation a step.

    Args:
        folder: whose metrics.jsonl is written.
        display: the live display.
        audience: told of the values that were read.
        forgiving: what catches that metrics.jsonl cannot be written; the lines are then tried again later.
        seconds: how long the run had trained before this process.
    """

    def __init__(
        self, folder: RunFolder, display: Training, audience: Callback, forgiving: Forgiving, seconds: float = 0.0
    ):
        self.folder = folder
        self.display = display
        self.audience = audience
        self.forgiving = forgiving
        self._pending: list[tuple[int, float, dict[str, Tensor]]] = []
        self._unwritten: list[dict[str, Any]] = []
        self._started = time.monotonic() - seconds
        self._read = time.monotonic()
        self._latest: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """How long the run has trained, in all its processes."""
        return time.monotonic() - self._started

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """Logs the terms of a finished step.

        Raises:
            Diverged: terms that were read just now are not finite.
        """
        self._pending.append((step, round(self.seconds, 3), terms))
        if len(self._pending) >= READ_EVERY_STEPS or time.monotonic() - self._read > READ_EVERY_SECONDS:
            self.read()

    def note(self, step: int, values: Mapping[str, Any]) -> None:
        """Logs other values of a step, such as metrics; they are written with the next reading."""
        self._unwritten.append({"step": step, **values})
        self.audience.on_log(step, {name: value for name, value in values.items() if isinstance(value, int | float)})

    def read(self) -> None:
        """Reads what is pending from the device, writes and shows it.

        Raises:
            Diverged: a term is not finite; says which, of which net, and at which step.
        """
        self._read = time.monotonic()
        pending, self._pending = self._pending, []
        scalars = [value for _, _, terms in pending for value in terms.values()]
        numbers = iter(torch.stack(scalars).tolist() if scalars else [])
        broken: tuple[int, dict[str, float]] | None = None
        last: int | None = None
        for step, seconds, terms in pending:
            values = {name: next(numbers) for name in terms}
            if not all(map(math.isfinite, values.values())):
                broken = (step, values)
                break  # what follows a non-finite term means nothing
            self._unwritten.append({"step": step, "seconds": seconds, **values})
            self.audience.on_log(step, values)
            self._latest, last = values, step
        self._write()
        if broken is not None:
            raise Diverged(f"training diverged at step {broken[0]} {cause(broken[1], self._latest)}", broken[0])
        if last is not None:
            shown = {name: value for name, value in self._latest.items() if not name.endswith("_grad_norm")}
            self.display.show(last, shown)

    def _write(self) -> None:
        if not self._unwritten:
            return
        # Stable: the terms of a step stand before what else was noted at it.
        lines = sorted(self._unwritten, key=lambda line: line["step"])
        self._unwritten = lines[-WAITING:]
        with self.forgiving("writing metrics.jsonl"):
            self.folder.append(lines)
            self._unwritten = []


def cause(values: Mapping[str, float], before: Mapping[str, float]) -> str:
    """Which side's update was the first with a number that is not finite, in words.

    Args:
        values: the terms of the step in the order of its updates; behind those of a side stands its gradients' norm.
        before: the terms of the step before, all finite.
    """
    wrong: list[str] = []
    for name, value in values.items():
        if not math.isfinite(value):
            wrong.append(name)
        if wrong and name.endswith("_grad_norm"):
            break
    side = next((name.removesuffix("_grad_norm") for name in list(values)[list(values).index(wrong[0]) :]
                 if name.endswith("_grad_norm")), "")  # fmt: skip
    now = ", ".join(f"{_readable(name)} is {values[name]}" for name in wrong)
    then = ", ".join(f"{before[name]:.3g}" for name in wrong if name in before)
    where = f"in the update of the {side}: " if side else ": "
    return f"{where}{now}" + (f" (at the step before: {then})" if then else "")


def _readable(name: str) -> str:
    return "the norm of its gradients" if name.endswith("_grad_norm") else f"loss term {name}"
