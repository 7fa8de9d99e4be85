"""Keeping checkpoints: written behind the loop's back, tried again where the disk refuses, removed when old."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gantk import console
from gantk.components.registry import plugin_versions
from gantk.errors import Diverged, FileError
from gantk.files.run_folder import RunFolder
from gantk.runs.callbacks import reason_of
from gantk.runs.setup import Parts
from gantk.training import checkpoint
from gantk.training.state import Held, held_by

RETRY_SECONDS = (1, 4, 15, 60, 180)  # after a failure; then the run ends


class Keeper:
    """Writes the checkpoints of a run, one at a time, while training goes on.

    The loop stops for a copy of the tensors; HDF5, checksum, writing and flushing are a thread's. Besides those that
    the recipe asks for by steps there is one by time, so that a run that is killed loses minutes, whatever its recipe
    says: a single file, which each of these replaces and any other checkpoint removes.

    Args:
        folder: where to.
        parts: whose state.
    """

    def __init__(self, folder: RunFolder, parts: Parts):
        self.folder = folder
        self.parts = parts
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="gantk-checkpoint")
        self._writing: tuple[Path, Future[None]] | None = None
        self._failures = 0
        self._retry_at: float | None = None
        self._reason = ""
        self._kept_at = time.monotonic()
        self._timed_failures = 0

    def wanted(self, due: bool) -> bool:
        """Whether to keep this step: a checkpoint is due, and none waits for another try, or it is time for that.

        Args:
            due: whether the recipe asks for one.

        Raises:
            FileError: no checkpoint could be written for a long time.
        """
        if due:
            self._collect(wait=True)  # the one before may have failed
        return (due and self._retry_at is None) or self.retry

    @property
    def overdue(self) -> bool:
        """Whether so many minutes have passed since the last checkpoint that one by time is kept."""
        minutes = self.parts.values["train"]["checkpoint_minutes"]
        return minutes is not None and time.monotonic() - self._kept_at >= 60 * minutes

    @property
    def retry(self) -> bool:
        """Whether it is time to try again what failed."""
        return self._retry_at is not None and time.monotonic() >= self._retry_at

    def held(self) -> Held:
        """What the state holds now.

        Raises:
            Diverged: a weight is not finite: that is no good checkpoint.
        """
        held = held_by(self.parts.state)
        wrong = held.non_finite()
        if wrong:
            shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
            raise Diverged(f"training diverged by step {held.step}: not finite: {shown}", held.step)
        return held

    def keep(self, *, timed: bool = False) -> None:
        """Starts to write the checkpoint of this step.

        Args:
            timed: whether it is the one by time. Where that cannot be written, no run ends, and what is not finite is
                left to the steps at which it is found whatever the clock says.

        Raises:
            Diverged: a weight is not finite.
            FileError: no checkpoint could be written for a long time.
        """
        self._collect(wait=True)
        self._kept_at = time.monotonic()
        if timed and held_by(self.parts.state).non_finite():
            return
        path, held, best = (
            self.folder.checkpoint_path(self.parts.state.step, timed=timed),
            self.held().copied(),
            dict(self.parts.best),
        )
        self._writing = path, self._writer.submit(self._write, path, held, best)

    def keep_best(self) -> None:
        """Writes best.h5, before training goes on.

        A checkpoint of this step that an interruption kept before it was measured is written again: a run that goes
        on from it once more does not measure this step again, and takes from it which step is the best.

        Raises:
            OSError: it could not be written.
        """
        image = self._image(self.held(), self.parts.best)
        checkpoint.store(self.folder.best_checkpoint, image)
        of_this_step = self.folder.checkpoint_path(self.parts.state.step)
        if of_this_step.exists():
            checkpoint.store(of_this_step, image)

    def look(self) -> None:
        """Takes note of what the thread has done.

        Raises:
            FileError: no checkpoint could be written for a long time.
        """
        self._collect(wait=False)

    def finish(self, hurry: Callable[[], bool]) -> None:
        """Waits until the checkpoint of this step is written, and tries again where that fails.

        Args:
            hurry: whether there is no time for more than a second try.

        Raises:
            FileError: it could not be written.
        """
        self._collect(wait=True)
        while self._retry_at is not None:
            if hurry() and self._failures > 1:
                self._give_up()
            if not self.retry:
                time.sleep(0.05)
                continue
            self.keep()
            self._collect(wait=True)

    def close(self) -> None:
        """Waits for what is being written, whatever becomes of it."""
        self._writer.shutdown(wait=True)

    def _image(self, held: Held, best: Mapping[str, Any]) -> memoryview:
        recipe, spec = self.parts.resolved, self.parts.data["train"].spec
        return checkpoint.to_bytes(held, recipe=recipe, spec=spec, plugins=plugin_versions(), best=best)

    def _write(self, path: Path, held: Held, best: Mapping[str, Any]) -> None:
        checkpoint.store(path, self._image(held, best))
        self.folder.forget_timed_checkpoints(but=path)
        settings = self.parts.values["train"]
        spared = settings["checkpoint_every"] if settings["on_divergence"] == "restore" else None
        self.folder.forget_old_checkpoints(settings["keep"], spared)

    def _collect(self, wait: bool) -> None:
        if self._writing is None or not (wait or self._writing[1].done()):
            return
        (path, writing), self._writing = self._writing, None
        try:
            writing.result()
        except OSError as error:
            if path.name.startswith("timed-") and self.folder.path.exists():
                self._warn_of_timed(path, error)
                return
            self._reason = f"{path}: the checkpoint could not be written: {reason_of(error)}"
            if self._failures == len(RETRY_SECONDS):
                self._give_up()
            if self._failures == 0:
                console.warn(f"{self._reason}. Training goes on, and it is tried again")
            self._retry_at = time.monotonic() + RETRY_SECONDS[self._failures]
            self._failures += 1
        else:
            if self._failures:
                console.say(f"{path}: written, after {self._failures} failures")
            self._failures, self._retry_at = 0, None

    def _warn_of_timed(self, path: Path, error: OSError) -> None:
        """Nobody asked for it, so that it ends no run; said once, and tried again as the next one."""
        self._timed_failures += 1
        if self._timed_failures == 1:
            console.warn(
                f"{path}: the checkpoint that is kept every few minutes could not be written: {reason_of(error)}. "
                "Training goes on, and the next one is written when it is time"
            )

    def _give_up(self) -> None:
        tries = self._failures + 1 if self._failures == len(RETRY_SECONDS) else self._failures
        raise FileError(f"{self._reason} (tried {tries} times). {self.folder.how_to_go_on()}")
