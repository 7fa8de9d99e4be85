"""Ctrl-C and SIGTERM: the step is finished and a checkpoint written; at a second signal, or after 20 s, it leaves.

Clusters send SIGTERM and kill 30 s later; the patience is shorter than that.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from gantk.errors import Interrupted

PATIENCE_SECONDS = 20
AT_ONCE_SECONDS = 5  # a terminal, a scheduler and torchrun may all pass on one request to stop


class Interruption:
    """In `with Interruption() as stop:` the first signal sets `stop.signal`, which the loop looks at between steps.

    Where `stop.at_once` is set, nothing is worth finishing, and the first signal raises Interrupted.

    Args:
        patient: signals that come within 5 s are one, as where a process that has started this one passes them on.
    """

    def __init__(self, patient: bool = False) -> None:
        self.signal: int | None = None
        self.at_once = False
        self.patient = patient
        self._since: float | None = None
        self._before: dict[int, object] = {}

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        before = self.signal
        if self.patient and number != getattr(signal, "SIGALRM", None):
            if self._since is not None and time.monotonic() - self._since < AT_ONCE_SECONDS:
                return
            before, self._since = before if self._since is not None else None, time.monotonic()
        if number != getattr(signal, "SIGALRM", None):
            self.signal = before or number
        if before is not None or self.at_once:
            raise Interrupted("stopped without finishing the step", self.exit_code)
        if hasattr(signal, "SIGALRM"):
            signal.alarm(PATIENCE_SECONDS)

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # Python allows handlers nowhere else
            for name in ("SIGINT", "SIGTERM", "SIGALRM"):
                if hasattr(signal, name):
                    number = getattr(signal, name)
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(signal, "SIGALRM") and self._before:
            signal.alarm(0)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned
