"""How long two workers of a sweep take beside one: `python -m benchmarks.workers`.

The same trials of `ring_gan`, a grid of rates, by `gantk sweep` with one worker that has two threads, and with two
workers that have one thread each, in turn, by the clock on the wall. It needs two quiet cores. Target: two workers take
at most .6 of the time for the trials, from the first file of the first to the last of the last. Beside it stands the
whole command: starting Python and checking the sweep take some seconds, with two workers twice, which a sweep of this
length feels and one of minutes does not.
"""

from __future__ import annotations

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

import yaml

from benchmarks.measure import BUSY, Watch, machine, wait_for_quiet

TARGET = 0.6
WHAT = ("trials", "whole command")
SIDES = {"one worker, two threads": (1, "2"), "two workers, one thread each": (2, "1")}
RATES = {"play.generator_optimizer.lr": [3e-4, 1e-3, 3e-3], "play.critic_optimizer.lr": [2e-4, 6e-4, 2e-3, 6e-3]}


def sweep_file(trials: int, steps: int) -> str:
    """A grid over the two rates: whoever works on it, the trials are the same."""
    return yaml.safe_dump(
        {
            "recipe": "ring_gan",
            "overrides": {"train.steps": steps, "train.sample_every": None},
            "space": {key: {"choice": choices} for key, choices in RATES.items()},
            "objectives": [{"value": "sliced_wasserstein.distance", "direction": "minimize"}],
            "sampler": "grid",
            "trials": trials,
        },
        sort_keys=False,
    )


def measured(text: str, side: str) -> tuple[dict[str, float], list[Any]]:
    """Seconds of the trials and of the whole command, and the settings that were tried."""
    workers, threads = SIDES[side]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "workers.yaml").write_text(text)
        line = [sys.executable, "-m", "gantk", "sweep", "workers.yaml", "--workers", str(workers), "--out", "found"]
        own = os.environ | {"OMP_NUM_THREADS": threads}
        began = time.perf_counter()
        done = subprocess.run([*line, "--quiet"], cwd=folder, env=own, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{side}: {done.stderr}")
        times = [path.stat().st_mtime for path in (folder / "found" / "trials").rglob("*") if path.is_file()]
        every = json.loads((folder / "found" / "trials.json").read_text())
    trials = [each for each in every if each["state"] != "waiting"]  # of the grid, beyond --trials
    unfinished = [each["number"] for each in trials if each["state"] != "finished"]
    if unfinished:
        raise SystemExit(f"{side}: trials {unfinished} have not finished")
    found = {"trials": max(times) - min(times), "whole command": seconds}
    return found, sorted([*each["proposed"].values()] for each in trials)


def compared(trials: int, steps: int, rounds: int) -> dict[str, Any]:
    """Both sides in turn: seconds of each round, and the ratio of each pair."""
    text, watch = sweep_file(trials, steps), Watch()
    seconds: dict[str, dict[str, list[float]]] = {what: {side: [] for side in SIDES} for what in WHAT}
    for turn in range(rounds):
        settings = []
        for side in SIDES:
            took, tried = measured(text, side)
            for what, each in took.items():
                seconds[what][side].append(round(each, 2))
            settings.append(tried)
            sys.stderr.write(f"{turn + 1}/{rounds} {side}: {', '.join(f'{k} {v:.1f} s' for k, v in took.items())}\n")
        if settings[0] != settings[1]:
            raise SystemExit("the two sides have not run the same trials")
    ratios = {what: [b / a for a, b in zip(*sides.values(), strict=True)] for what, sides in seconds.items()}
    return {
        "trials": trials,
        "steps": steps,
        "seconds": seconds,
        "ratio": {
            what: {"median": statistics.median(each), "low": min(each), "high": max(each)}
            for what, each in ratios.items()
        },
        "target": TARGET,
        "cores_of_others": round(watch.others(), 2),
    }


def main() -> int:
    """Measures, and prints JSON; 1 where the machine is too busy, or the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.workers", description=__doc__.splitlines()[0])
    most = len(RATES["play.generator_optimizer.lr"]) * len(RATES["play.critic_optimizer.lr"])
    parser.add_argument("--trials", type=int, default=6, choices=range(2, most + 1), metavar="N", help="[6]")
    parser.add_argument("--steps", type=int, default=1500, help="of a trial [1500]")
    parser.add_argument("--rounds", type=int, default=2, help="times each side is measured [2]")
    parser.add_argument("--busy-ok", action="store_true", help="measure even where others use the machine")
    parser.add_argument("-o", "--out", type=Path, help="the JSON result")
    arguments = parser.parse_args()
    others = wait_for_quiet()
    if others > BUSY and not arguments.busy_ok:
        sys.stderr.write(f"not measured: other processes use {others:.2f} cores (--busy-ok measures all the same)\n")
        return 1
    found = {"machine": machine()} | compared(arguments.trials, arguments.steps, arguments.rounds)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if arguments.out:
        arguments.out.write_text(text + "\n")
    return int(found["ratio"]["trials"]["median"] > TARGET)


if __name__ == "__main__":
    sys.exit(main())
