"""Ctrl-C and SIGTERM: the step is finished and a checkpoint written; at a second signal, or after 20 s, it leaves.

Clusters send SIGTERM and kill 30 s later; the patience is shorter than that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from gantk.errors import Interrupted

PATIENCE_SECONDS = 20
AGAIN_SECONDS = 0.05
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


@contextmanager
def sent_again() -> Iterator[None]:
    """Inside it, no signal is lost: where it raises in a callback of Python's own, it is sent once more.

    From there (the end of a weakly referenced object, say) Python passes no exception on; it prints a traceback and
    goes on, as though nobody had typed Ctrl-C.
    """
    before = sys.unraisablehook

    def hook(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt | Interrupted):
            before(lost)
            return
        number = getattr(lost.exc_value, "exit_code", 128 + signal.SIGINT) - 128
        again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
