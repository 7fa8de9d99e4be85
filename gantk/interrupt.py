"""Ctrl-C and SIGTERM: the step is finished and a checkpoint written; at a second signal, or after 20 s, it leaves."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from gantk.errors import Interrupted

PATIENCE_SECONDS = 20


class Interruption:
    """In `with Interruption() as stop:` the first signal sets `stop.signal`, which the loop looks at between steps."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, object] = {}

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or signal.SIGINT)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None or number == getattr(signal, "SIGALRM", None):
            raise Interrupted("stopped without finishing the step", self.exit_code)
        self.signal = number
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
