"""What must not end a run: pictures, metrics, reports and callbacks may fail while training goes on."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from gantk import console
from gantk.errors import Diverged, GantkError
from gantk.interfaces import Callback


class Forgiving:
    """`with forgiving("the sample picture"):` warns of what fails inside, once for each kind, and goes on."""

    def __init__(self) -> None:
        self.failures: dict[str, int] = {}

    @contextmanager
    def __call__(self, what: str) -> Iterator[None]:
        try:
            yield
        except Diverged:
            raise
        except Exception as error:
            self.failures[what] = self.failures.get(what, 0) + 1
            if self.failures[what] == 1:
                trace = f"\n{''.join(traceback.format_exception(error))}" if console.has_details() else ""
                console.warn(f"{what} failed: {reason_of(error)}. The run goes on; said once{trace}")

    def tell(self) -> None:
        """Says at the end how often what failed, where it was more than once."""
        for what, times in self.failures.items():
            if times > 1:
                console.warn(f"{what} failed {times} times")
        self.failures.clear()


def reason_of(error: Exception) -> str:
    """An error in a line; one that nobody raised on purpose with its type and the place that raised it."""
    if isinstance(error, GantkError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.filename}, line {where.lineno})"


class Audience(Callback):
    """All callbacks of a run as one; what fails in one is told of, and costs neither the others nor the run anything.

    Args:
        callbacks: who is told.
        forgiving: what catches their errors.
    """

    def __init__(self, callbacks: Sequence[Callback], forgiving: Forgiving):
        self.callbacks = callbacks
        self.forgiving = forgiving

    def _tell(self, method: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            with self.forgiving(f"{type(callback).__name__}.{method}"):
                getattr(callback, method)(*arguments)

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        self._tell("on_start", folder, recipe)

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        self._tell("on_log", step, values)

    def on_picture(self, step: int, name: str, picture: Image.Image) -> None:
        self._tell("on_picture", step, name, picture)

    def on_end(self, folder: Path) -> None:
        self._tell("on_end", folder)
