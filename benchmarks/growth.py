"""Nothing grows faster than its work: step time against batch, width, proteins, data; memory against batch."""

from __future__ import annotations

import statistics
from math import log
from typing import Any

from benchmarks.cases import Case, steps
from benchmarks.data import seconds
from benchmarks.life import MEMORY, child

LEEWAY = 0.15  # of an exponent


def step_seconds(case: Case, rounds: int = 5) -> float:
    """Median time of a step."""
    loop = steps(case, case.state(), case.data())
    next(loop)
    return statistics.median(seconds(lambda: next(loop)) for _ in range(rounds))


def exponent(what: str, sizes: list[int], numbers: list[float], most: float) -> dict[str, Any]:
    """The power of the size with which a number grew from the smallest to the largest, and what its work allows."""
    power = log(numbers[-1] / numbers[0]) / log(sizes[-1] / sizes[0])
    case = f"{what}, {' '.join(map(str, sizes))}"
    return {"case": case, "value": power, "unit": "power", "at_most": most + LEEWAY, "numbers": numbers}


def run(*, long: bool, busy_ok: bool) -> list[dict[str, Any]]:
    """The whole set."""

    def star(proteins: int = 6, width: int = 8, batch: int = 16, samples: int = 256) -> Case:
        return Case("starshaped", "wgan_gp", (proteins, 2, 48, 80), width, batch, samples)

    batches, widths, proteins = [16, 32, 64], [8, 16, 32], [3, 6, 12, 41] if long else [3, 6, 12]
    data = [256, 1024, 4096]
    found = [
        exponent("step time against batch", batches, [step_seconds(star(batch=n)) for n in batches], 1),
        exponent("step time against width", widths, [step_seconds(star(width=n)) for n in widths], 2),
        exponent("step time against proteins", proteins, [step_seconds(star(proteins=n)) for n in proteins], 1),
        exponent("step time against samples in the data", data, [step_seconds(star(samples=n)) for n in data], 0),
    ]
    peaks = [child(MEMORY, 16, n)["peak_mb"] for n in batches]
    return [*found, exponent("memory against batch", batches, peaks, 1)]
