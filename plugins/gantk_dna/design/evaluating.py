"""The metrics of sequences on designs: what `gantk evaluate` would say of their file."""

from __future__ import annotations

from gantk import console, randomness
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Value
from gantk_dna.design.results import Report
from gantk_dna.metrics.c2st import C2st
from gantk_dna.metrics.composition import Composition
from gantk_dna.metrics.kmers import Kmers
from gantk_dna.metrics.nearest import Nearest
from gantk_dna.metrics.quality import Quality

Evaluated = dict[str, dict[str, Value]]
"""Metric to value to number."""


def evaluated(report: Report) -> tuple[Evaluated, list[str]]:
    """Numbers of the designs beside held-out real sequences, and what they say in words.

    Args:
        report: of a search.
    """
    samples = report.samples()
    values: Evaluated = {}
    lines = []
    metrics: dict[str, Kmers | Composition | Quality | Nearest | C2st] = {
        "kmers": Kmers(),
        "composition": Composition(),
        "quality": Quality(),
        "nearest": Nearest(),
        "c2st": C2st(),
    }
    for name, metric in metrics.items():
        rng = randomness.generator(report.seed, f"designs/{name}")
        try:
            values[name] = metric.compute(MetricInput(samples, report.train, report.test, rng))
        except DoesNotFit as error:
            console.say(f"{name} left out: {error}")
        else:
            lines.append(metric.summary(values[name]))
    return values, lines
