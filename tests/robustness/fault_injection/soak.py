"""`python -m tests.robustness.fault_injection.soak`: 20,000 tiny steps with everything on.

Memory, open files and rate must stay flat.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

RECIPE = """\
about: a long run of tiny steps, everything on
seed: 1
data: {use: basics/ring, samples: 400}
generator: {use: basics/mlp, latent: 4, hidden: [8]}
critic: {use: basics/mlp, hidden: [8]}
loss: {use: basics/gan}
play: {clip_gradients: 5.0}
train: {steps: 1, batch: 8, ema: 0.99, schedule: linear, samples: 4, keep: 2, on_divergence: restore,
  keep_best: {metric: ring_modes.high_quality}}
evaluate: [{use: basics/ring_modes, samples: 64, every: 1}]
"""
READINGS = 40
WARM = 10  # readings that are left out: allocators and caches fill


def run(steps: int, folder: Path) -> dict[str, float]:
    """Trains so many steps, and measures as it goes.

    Returns:
        slope of the resident memory (MiB per 1000 steps), open files at first and at last, rate of the second half over
        that of the first.
    """
    import torch

    import gantk
    from gantk.interfaces import Callback

    torch.set_num_threads(1)
    readings: list[tuple[int, float, int, float]] = []

    class Watch(Callback):
        def on_log(self, step: int, values: Mapping[str, float]) -> None:
            if "critic_grad_norm" in values and step % (steps // READINGS) == 0:
                gc.collect()
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                opened = len(list(Path("/proc/self/fd").iterdir()))
                memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
                readings.append((step, memory, opened, time.process_time()))  # the CPU's time: others may be at work

    recipe = folder / "soak.yaml"
    recipe.write_text(RECIPE)
    every = max(1, steps // 100)
    overrides = {
        "train.steps": steps,
        "train.sample_every": every * 4,
        "train.checkpoint_every": every,
        "evaluate.0.every": every * 2,
    }
    gantk.run(recipe, overrides, out=folder / "run", callbacks=[Watch()])
    step, memory, opened, clock = np.array(readings).T
    half = len(step) // 2
    first, second = clock[half] - clock[WARM], clock[-1] - clock[half]
    return {
        "steps": steps,
        "memory_slope_mib_per_1000_steps": float(np.polyfit(step[WARM:], memory[WARM:], 1)[0] * 1000),
        "memory_first_mib": float(memory[WARM]),
        "memory_last_mib": float(memory[-1]),
        "open_files_first": int(opened[WARM]),
        "open_files_last": int(opened[-1]),
        "rate_second_half_over_first": float((first / (half - WARM)) / (second / (len(step) - 1 - half))),
        "cpu_milliseconds_per_step": float((clock[-1] - clock[0]) / (step[-1] - step[0]) * 1000),
    }


def wrong(found: Mapping[str, float]) -> list[str]:
    """What is not flat."""
    bounds = {
        "memory": found["memory_last_mib"] - found["memory_first_mib"] < 8,
        "open files": abs(found["open_files_last"] - found["open_files_first"]) <= 2,
        "rate": found["rate_second_half_over_first"] > 0.75,
    }
    return [name for name, flat in bounds.items() if not flat]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.fault_injection.soak", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gantk-soak-") as folder:
        found = run(arguments.steps, Path(folder))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if wrong(found):
        sys.stderr.write(f"not flat: {', '.join(wrong(found))}\n")
    return 1 if wrong(found) else 0


if __name__ == "__main__":
    sys.exit(main())
