"""Nothing grows faster than its work: step time against batch, width, proteins, data; memory against batch; metrics
against generated samples, data against theirs."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from math import log
from typing import Any
from unittest import mock

import torch

from benchmarks.cases import Case, steps
from benchmarks.data import seconds
from benchmarks.life import MEMORY, child
from gantk.components.construct import component
from gantk.data import as_dataset, take
from gantk.interfaces import MetricInput

LEEWAY = 0.15  # of an exponent
METRICS = {
    "cells/simulated": ("cells/probe", "cells/dependence", "cells/morphology"),
    "dna/planted": ("dna/kmers", "dna/composition", "dna/quality", "dna/nearest", "dna/c2st"),
    "motif/strings": ("motif/motif_rate",),
    "basics/digits": ("basics/frechet", "basics/kid", "basics/sliced_wasserstein", "basics/memorisation"),
}
OF_PAIRS = {"basics/digits": ("basics/precision_recall", "basics/diversity")}
"""By data set, the metrics that look at each sample, and those whose definition is over all pairs of samples."""
OF_DATA = {"cells/simulated": {"layout": "per_class", "cells": 700, "test_cells": 500}}
COUNTS = {"cells/simulated": (150, 300, 600), "": (500, 1000, 2000), "basics/digits": (300, 600, 1200)}
MADE = {"cells/simulated": "cells", "dna/planted": "samples", "motif/strings": "samples"}
"""Data sets that are made, and what says how many samples there are."""


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


def counts_of(data: str) -> list[int]:
    """The numbers of generated samples that metrics are given, of such data."""
    return list(COUNTS.get(data, COUNTS[""]))


def metric_seconds(name: str, data: str) -> list[float]:
    """Processor seconds of a metric for each number of generated samples, the least of two, once it knows the real."""
    block = {"use": data, **OF_DATA.get(data, {})}
    train, test = (as_dataset(component("dataset", block, split=split)) for split in ("train", "test"))
    found, counts = [], counts_of(data)
    for count in (counts[0], *counts):
        metric = component("metric", {"use": name, "samples": count})
        times = []
        for _ in range(2):
            made, rng = take(train, count), torch.Generator().manual_seed(0)
            began = time.process_time()
            metric.compute(MetricInput(made, train, test, rng=rng, nets={}))
            times.append(time.process_time() - began)
        found.append(min(times))
    return found[1:]


def data_seconds(data: str, key: str, counts: list[int]) -> list[float]:
    """Processor seconds of making the splits of a data set, for each number of samples, with an empty cache."""
    found = []
    for count in (counts[0], *counts):
        with tempfile.TemporaryDirectory() as cache, mock.patch.dict(os.environ, GANTK_CACHE=cache):
            began = time.process_time()
            for split in ("train", "validation", "test"):
                component("dataset", {"use": data, key: count}, split=split)
            found.append(time.process_time() - began)
    return found[1:]


def metrics() -> list[dict[str, Any]]:
    """The powers with which the time of metrics grows with the generated samples, and that of data with theirs."""
    found = [
        exponent(f"{name} against generated samples", counts_of(data), metric_seconds(name, data), power)
        for power, table in ((1, METRICS), (2, OF_PAIRS))
        for data, names in table.items()
        for name in names
    ]
    for data, key in MADE.items():
        counts = [600, 1200, 2400] if key == "cells" else [10_000, 20_000, 40_000]
        found.append(exponent(f"making {data} against its samples", counts, data_seconds(data, key, counts), 1))
    return found


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
    return [*found, exponent("memory against batch", batches, peaks, 1), *metrics()]
