"""Steps a second of one process and of two that share each batch, one thread each: `python -m benchmarks.several`.

Both sides in turn, A B A B …; every measurement is a group of fresh processes that times itself after a warm-up, by the
clock on the wall. The batch is the same for both, so that perfect scaling is a ratio of 2.
"""

from __future__ import annotations

from gantk.machine import prepare_environment
from gantk.training import TrainSettings

prepare_environment()

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.cases import Case
from benchmarks.measure import BUSY, Watch, machine, wait_for_quiet
from gantk.training.distributed.process_group import RENDEZVOUS, joined
from gantk.training.loop import train

CASES = {
    "dcgan": Case("dcgan", "gan", shape=(3, 32, 32), width=32),
    "starshaped": Case("starshaped", "wgan_gp", shape=(6, 2, 48, 80), width=16, batch=16, samples=64),
}


WORDS = 200


def worker(case: Case, steps: int) -> None:
    """Trains as one of the processes; the first prints the seconds of a step, and of the words between two steps."""
    torch.set_num_threads(1)
    with joined() as ranks:
        critic_steps = case.values()["play"]["critic_steps"]
        settings = TrainSettings(seed=0, steps=steps + 1, batch=case.batch, critic_steps=critic_steps)
        loop = train(case.state(), case.data(), settings, ranks=ranks)
        next(loop)  # warm-up
        ranks.agree(None)
        began = time.perf_counter()
        for _ in loop:
            pass
        seconds = (time.perf_counter() - began) / steps
        began = time.perf_counter()
        for _ in range(WORDS):
            ranks.agree(None)
            ranks.listen()
        words = (time.perf_counter() - began) / WORDS
        if ranks.first:
            sys.stdout.write(json.dumps([seconds, words]))


def measured(name: str, count: int, steps: int) -> list[float]:
    """Seconds of a step of `count` processes, and of the words between two."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.several", name, "--steps", str(steps), "--worker"]
        shared = os.environ | {"OMP_NUM_THREADS": "1"}
        if count > 1:
            shared |= {"WORLD_SIZE": str(count), RENDEZVOUS: (Path(folder) / "meet").as_uri()}
        processes = []
        for rank in range(count):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank)} if count > 1 else {}
            processes.append(subprocess.Popen(command, env=shared | own, stdout=subprocess.PIPE, text=True))
        said = [process.communicate()[0] for process in processes]
        if any(process.returncode for process in processes):
            raise SystemExit(f"{name}: a process of {count} has failed")
        return json.loads(said[0])


def compared(name: str, steps: int, rounds: int) -> dict[str, Any]:
    """Both sides of one case, in turn."""
    watch, seconds, words = Watch(), {1: [], 2: []}, []
    for _ in range(rounds):
        for count, times in seconds.items():
            step, word = measured(name, count, steps)
            times.append(step)
            words += [word] * (count > 1)
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    return {
        "case": CASES[name].name,
        "seconds_a_step": {str(count): times for count, times in seconds.items()},
        "speed_up": {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)},
        "seconds_of_words": statistics.median(words),
        "cores_of_others": round(watch.others(), 2),
    }


def main() -> int:
    """Runs what was asked for; 1 where the machine is too busy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all of them without one")
    parser.add_argument("--steps", type=int, default=10, help="that are timed each time [10]")
    parser.add_argument("--rounds", type=int, default=3, help="times each side is measured [3]")
    parser.add_argument("--busy-ok", action="store_true", help="measure even where others use the machine")
    parser.add_argument("-o", "--out", type=Path, help="the JSON result")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    names = arguments.cases or list(CASES)
    if arguments.worker:
        worker(CASES[names[0]], arguments.steps)
        return 0
    others = wait_for_quiet()
    if others > BUSY and not arguments.busy_ok:
        sys.stderr.write(f"not measured: other processes use {others:.2f} cores (--busy-ok measures all the same)\n")
        return 1
    result = {"machine": machine(), "cases": [compared(name, arguments.steps, arguments.rounds) for name in names]}
    text = json.dumps(result, indent=2)
    sys.stdout.write(text + "\n")
    if arguments.out:
        arguments.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
