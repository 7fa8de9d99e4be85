"""Numbers of several seeds: mean and spread, and the differences of two recipes on the seeds that both have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gantk.interfaces import Value

VERDICT_SEEDS = 5
"""Below so many shared seeds no verdict is given: an interval of so few says more of their luck than of the recipes."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """One number of several seeds.

    Args:
        mean: over the seeds.
        sd: standard deviation of the seeds, with n - 1; NaN for one.
        by_seed: seed to number.
        better: "higher", "lower", "near" or None, as the metric says.
        reference: mean over seeds of what it is compared with; None where there is none.
    """

    mean: float
    sd: float
    by_seed: Mapping[int, float]
    better: str | None = None
    reference: float | None = None

    @property
    def n(self) -> int:
        """How many seeds."""
        return len(self.by_seed)

    def __str__(self) -> str:
        return f"{self.mean:.4g}" + (f" ± {self.sd:.2g}" if self.n > 1 else "") + f" ({self.n})"

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        sd = None if math.isnan(self.sd) else self.sd
        return asdict(self) | {"sd": sd, "n": self.n, "by_seed": {str(seed): x for seed, x in self.by_seed.items()}}


def spread(values: Mapping[int, Value]) -> Spread:
    """Mean and standard deviation of one number over seeds.

    Args:
        values: seed to Value, one at least.
    """
    numbers = {seed: value.value for seed, value in values.items()}
    found = np.array([*numbers.values()], dtype=float)
    first = next(iter(values.values()))
    references = [value.reference for value in values.values() if value.reference is not None]
    sd = float(found.std(ddof=1)) if len(found) > 1 else math.nan
    reference = float(np.mean(references)) if len(references) == len(values) else None
    return Spread(float(found.mean()), sd, numbers, first.better, reference)


@dataclass(frozen=True)
class Difference:
    """One number of a recipe minus that of another, over the seeds that both have.

    Args:
        mean: of the differences.
        low: lower end of the 95 % interval by Student's t; NaN below two seeds.
        high: its upper end.
        n: how many seeds.
        verdict: what may be said: "higher", "lower", "no clear difference", or how many seeds it would need.
    """

    mean: float
    low: float
    high: float
    n: int
    verdict: str


def difference(one: Mapping[int, float], other: Mapping[int, float]) -> Difference | None:
    """The paired difference `one` - `other`; None where they share no seed.

    Args:
        one: seed to number.
        other: the same of the recipe that it is compared with.
    """
    shared = [seed for seed in one if seed in other]
    if not shared:
        return None
    found = np.array([one[seed] - other[seed] for seed in shared], dtype=float)
    mean, n = float(found.mean()), len(found)
    low = high = math.nan
    if n > 1:
        half = _t_quantile(n - 1) * float(found.std(ddof=1)) / math.sqrt(n)
        low, high = mean - half, mean + half
    return Difference(mean, low, high, n, _verdict(mean, low, high, n))


def _verdict(mean: float, low: float, high: float, n: int) -> str:
    if n < VERDICT_SEEDS:
        return f"{VERDICT_SEEDS} seeds or more for a verdict"
    if not math.isfinite(mean) or low <= 0 <= high:
        return "no clear difference"
    return "higher" if mean > 0 else "lower"


def _t_quantile(degrees: int) -> float:
    from scipy import stats

    return float(stats.t.ppf(0.5 + CONFIDENCE / 2, degrees))


def by_name(results: Mapping[int, Mapping[str, Mapping[str, Value]]]) -> dict[str, dict[int, Value]]:
    """The numbers of several seeds by full name: {"motif_rate.hits": {0: Value, 1: Value}}.

    Args:
        results: seed to the metric table of its run.
    """
    found: dict[str, dict[int, Value]] = {}
    for seed, table in results.items():
        for entry, values in table.items():
            for name, value in values.items():
                found.setdefault(f"{entry}.{name}", {})[seed] = value
    return found


def mean_curve(
    curves: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps that all curves have, and there mean, mean - sd and mean + sd of them.

    Args:
        curves: steps and values of one number, a curve a seed.
    """
    tables = [dict(zip(steps, values, strict=True)) for steps, values in curves]
    steps = [step for step in tables[0] if all(step in table for table in tables[1:])]
    found = np.array([[table[step] for step in steps] for table in tables], dtype=float)  # (seeds, steps)
    mean = found.mean(0)
    sd = found.std(0, ddof=1) if len(tables) > 1 else np.zeros_like(mean)
    return np.array(steps, dtype=float), mean, mean - sd, mean + sd
