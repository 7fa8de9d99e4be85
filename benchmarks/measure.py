"""How two things are timed side by side: alternately in one process, with medians, spread and a look at the machine."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from gantk.machine import own_cpu_seconds, total_cpu_seconds

CLOCK = time.perf_counter  # `--cpu-seconds` puts time.process_time here
BUSY = 0.15  # processor cores that others may use; above that a comparison means nothing


class TooBusy(Exception):
    """Other processes use too much of the machine for a comparison."""


class Watch:
    """Says how many processor cores others have used since it was made."""

    def __init__(self) -> None:
        self.began, self.total, self.own = time.monotonic(), total_cpu_seconds(), own_cpu_seconds()

    def others(self) -> float:
        """Cores used by others; the load average less what is ours where the system does not say more."""
        total, elapsed = total_cpu_seconds(), max(time.monotonic() - self.began, 1e-9)
        if total is None or self.total is None:
            return max(0.0, os.getloadavg()[0] - torch.get_num_threads())
        return max(0.0, (total - self.total - (own_cpu_seconds() - self.own)) / elapsed)


def wait_for_quiet(seconds: float = 2.0) -> float:
    """Cores that others use now, looked at for so many seconds while this process sleeps."""
    watch = Watch()
    time.sleep(seconds)
    return watch.others()


def summary(times: list[float]) -> dict[str, float]:
    """Median, quartiles and number of the times, in seconds."""
    low, _, high = statistics.quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
    return {"median": statistics.median(times), "low": low, "high": high, "rounds": len(times)}


def compare(
    sides: dict[str, Callable[[], Any]], *, rounds: int = 7, seconds: float = 10.0, warm: int = 1, busy_ok: bool = False
) -> dict[str, Any]:
    """Times of each side, called in turn: A B A B …, at least 3 rounds, until `rounds` or `seconds` are over.

    Args:
        sides: name to what is timed; the first one is what the others are compared with.
        rounds: how often each is called at most.
        seconds: after which no new round begins.
        warm: calls of each before any is timed.
        busy_ok: compares even where others use the machine.
    """
    for call in sides.values():
        for _ in range(warm):
            call()
    times: dict[str, list[float]] = {name: [] for name in sides}
    watch, began = Watch(), time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - began > seconds:
            break
        for name, call in sides.items():
            started = CLOCK()
            call()
            times[name].append(CLOCK() - started)
    first, *others = sides
    busy = watch.others()
    found: dict[str, Any] = {"seconds": {name: summary(each) for name, each in times.items()}, "others": round(busy, 3)}
    if busy > BUSY and not busy_ok:
        return found | {"ratio": {}, "refused": f"other processes used {busy:.2f} cores"}
    pairs = {name: [b / a for a, b in zip(times[first], times[name], strict=True)] for name in others}
    return found | {"ratio": {name: summary(each) for name, each in pairs.items()}}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = platform.processor() or platform.machine()
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().split("\n") if line.startswith("model name")]
        model = names[0].split(":")[1].strip()
    except (OSError, IndexError):
        pass
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "versions": {name: metadata.version(name) for name in ("gantk", "torch", "numpy")},
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }
