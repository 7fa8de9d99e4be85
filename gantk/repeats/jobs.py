"""Commands of gantk in processes of their own, some of them at once; a signal is passed on to all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from gantk.machine import threads_of

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Job:
    """One command.

    Args:
        name: what it is called in messages.
        arguments: of `gantk`.
        log: the file that what it prints goes to, behind what is there.
        environment: variables that it gets besides those of this process.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def run_jobs(
    jobs: Sequence[Job],
    at_once: int,
    *,
    began: Callable[[Job], None] = lambda job: None,
    ended: Callable[[Job, int, float], None] = lambda job, code, seconds: None,
    waiting: Callable[[Sequence[Job]], None] = lambda jobs: None,
) -> tuple[dict[str, int], int | None]:
    """Runs the jobs in order, and returns the exit code of each by name, and the signal that asked to stop, if one did.

    After a signal no other job is started; those at work are passed it and are waited for.

    Args:
        jobs: what to run.
        at_once: how many at a time.
        began: called when a job has been started.
        ended: called with its exit code and its seconds when it has ended.
        waiting: called about ten times a second with the jobs at work.
    """
    left, codes = list(jobs), {}
    running: dict[str, tuple[Job, subprocess.Popen[bytes], float]] = {}
    with _passed_on(lambda: [process for _, process, _ in running.values()]) as received:
        while running or (left and not received):
            while left and len(running) < at_once and not received:
                job = left.pop(0)
                with job.log.open("ab") as log:
                    process = subprocess.Popen(
                        [sys.executable, "-m", "gantk", *job.arguments],
                        env=os.environ | job.environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,  # Ctrl-C in a terminal reaches it once, through this process
                    )
                running[job.name] = (job, process, time.monotonic())
                began(job)
            time.sleep(POLL_SECONDS)
            for name, (job, process, since) in [*running.items()]:
                code = process.poll()
                if code is not None:
                    codes[name] = 128 - code if code < 0 else code
                    del running[name]
                    ended(job, codes[name], time.monotonic() - since)
            waiting([job for job, _, _ in running.values()])
    return codes, received[0] if received else None


@contextmanager
def _passed_on(processes: Callable[[], Sequence[subprocess.Popen[bytes]]]) -> Iterator[list[int]]:
    """Within it, Ctrl-C and SIGTERM go to the processes; gives the list of those that came."""
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None = None) -> None:
        received.append(number)
        for process in processes():
            process.send_signal(number)  # nothing where it has ended

    if threading.current_thread() is not threading.main_thread():  # Python allows handlers nowhere else
        yield received
        return
    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for process in processes():  # something else ended this one
            process.terminate()


def threads_each(at_once: int) -> int:
    """How many threads each of several jobs gets of this machine's."""
    return max(1, threads_of("cpu") // at_once)
