"""How much longer a step takes beside busy processes, by what waiting threads do: `python -m benchmarks.beside`.

The threads of a step wait for each other some thousand times; where another process has one's core meanwhile, what the
other does while it waits decides how much is lost. A policy is a set of environment variables, which OpenMP reads when
it starts: every measurement is a fresh process. Rounds go through all policies and numbers of busy processes in turn:
a change of the machine meets all alike. Medians over rounds, and quartiles. Nothing else may run on the machine.

Targets: at most 2.2 times as long beside one busy process, 3 beside two (equal halves cannot beat 2), and within 3 % of
today's on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

POLICIES: dict[str, dict[str, str]] = {
    "today": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "sleep at once": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
    "spin 100": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "100"},
    "spin 300": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "300"},
    "spin 3000": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"},
    "spin 10000": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"},
    "libgomp's own": {},
    "active": {"OMP_WAIT_POLICY": "ACTIVE"},
    "bound": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000", "OMP_PROC_BIND": "close"},
    "dynamic": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000", "OMP_DYNAMIC": "TRUE"},
    "KMP 0": {"KMP_BLOCKTIME": "0", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "KMP 1 ms": {"KMP_BLOCKTIME": "1", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
"""What is tried. KMP_… is for torch with Intel's or LLVM's OpenMP; libgomp passes it over. Dynamic takes fewer threads
where the machine is busy, and another number rounds otherwise: it is shown for comparison, as one thread is."""
OURS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "OMP_DYNAMIC", "KMP_BLOCKTIME", "OMP_NUM_THREADS")
CASES = {
    "starshaped": {"build": "starshaped", "loss": "wgan_gp", "shape": (6, 2, 48, 80), "width": 16, "batch": 16},
    "separable": {"build": "separable", "loss": "gan", "shape": (2, 48, 80), "width": 16, "batch": 64},
    "dcgan": {"build": "dcgan", "loss": "gan", "shape": (3, 32, 32), "width": 32, "batch": 64},
}
BURN = "while True: pass"


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that never wait, for as long as it lasts."""
    processes = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    time.sleep(0.2)  # they have started
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def worker(name: str, seconds: float) -> None:
    """Prints the median seconds of a step, by the clock on the wall; in a process that has its policy set."""
    import torch

    from benchmarks.cases import Case
    from gantk.machine import freed_memory_kept
    from gantk.training import TrainSettings
    from gantk.training.loop import train

    found: dict[str, Any] = dict(CASES[name])
    case = Case(found.pop("build"), found.pop("loss"), samples=64, **found)
    settings = TrainSettings(seed=0, steps=10**6, batch=case.batch, critic_steps=case.values()["play"]["critic_steps"])
    with freed_memory_kept():
        loop = train(case.state(), case.data(), settings)
        for _ in range(3):
            next(loop)  # warm-up
        took, until = [], time.monotonic() + seconds
        while time.monotonic() < until or len(took) < 3:
            began = time.perf_counter()
            next(loop)
            took.append(time.perf_counter() - began)
    sys.stdout.write(json.dumps({"seconds": statistics.median(took), "threads": torch.get_num_threads()}))


def measured(name: str, policy: Mapping[str, str], seconds: float) -> dict[str, Any]:
    """What a fresh process with this policy says of a case."""
    environment = {key: value for key, value in os.environ.items() if key not in OURS} | dict(policy)
    command = [sys.executable, "-m", "benchmarks.beside", "--worker", name, "--seconds", str(seconds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=list(CASES), default="starshaped")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2], help="numbers of busy processes")
    parser.add_argument("--policies", nargs="+", choices=list(POLICIES), default=list(POLICIES), metavar="POLICY")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker, arguments.seconds)
        return
    times: dict[tuple[str, int], list[float]] = {}
    threads: dict[str, int] = {}
    for turn in range(arguments.rounds):
        for policy in arguments.policies:
            for count in arguments.busy:
                with busy(count):
                    found = measured(arguments.case, POLICIES[policy], arguments.seconds)
                times.setdefault((policy, count), []).append(found["seconds"])
                threads[policy] = found["threads"]
                sys.stderr.write(f"{turn + 1}/{arguments.rounds} {policy}, {count} busy: {found['seconds']:.3f} s\n")
    print(f"{arguments.case}, {arguments.rounds} rounds of {arguments.seconds:g} s, load {os.getloadavg()[0]:.1f}")
    print("| policy | threads | " + " | ".join(f"{count} busy, s a step" for count in arguments.busy) + " | times |")
    print("|---" * (3 + len(arguments.busy)) + "|")
    for policy in arguments.policies:
        cells, medians = [], []
        for count in arguments.busy:
            each = times[policy, count]
            medians.append(statistics.median(each))
            spread = statistics.quantiles(each, n=4) if len(each) > 1 else [each[0]] * 3
            cells.append(f"{medians[-1]:.3f} ({spread[0]:.3f}-{spread[2]:.3f})")
        times_as_long = ", ".join(f"{each / medians[0]:.2f}" for each in medians[1:])
        print(f"| {policy} | {threads[policy]} | {' | '.join(cells)} | {times_as_long} |")


if __name__ == "__main__":
    main()
