"""Spreads and differences of several seeds, against numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gantk.interfaces import Value
from gantk.repeats.statistics import VERDICT_SEEDS, by_name, difference, mean_curve, spread


def test_mean_and_spread_are_those_of_numpy() -> None:
    numbers = np.random.default_rng(0).normal(size=7)
    values = {seed: Value(float(x), "lower", float(seed)) for seed, x in enumerate(numbers)}
    found = spread(values)
    assert (found.mean, found.sd) == pytest.approx((numbers.mean(), numbers.std(ddof=1)))
    assert (found.n, found.better, found.reference) == (7, "lower", 3.0)
    alone = spread({4: Value(2.0)})
    assert math.isnan(alone.sd) and alone.reference is None and str(alone) == "2 (1)"
    assert alone.as_json()["sd"] is None


def test_differences_are_paired_by_seed_with_students_interval() -> None:
    rng = np.random.default_rng(1)
    luck = rng.normal(scale=5, size=8)  # of a seed, the same for both
    one = {seed: float(luck[seed] + 1 + rng.normal(scale=0.1)) for seed in range(8)}
    other = {seed: float(luck[seed] + rng.normal(scale=0.1)) for seed in range(2, 10) if seed < 8}
    shared = sorted(one.keys() & other.keys())
    test = stats.ttest_rel([one[seed] for seed in shared], [other[seed] for seed in shared])
    interval = test.confidence_interval(0.95)
    found = difference(one, other)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.n == len(shared) == 6
    assert found.verdict == "higher"
    back = difference(other, one)
    assert back is not None and back.verdict == "lower" and back.mean == pytest.approx(-found.mean)


def test_there_is_no_verdict_on_few_seeds_or_within_the_noise() -> None:
    few = dict.fromkeys(range(VERDICT_SEEDS - 1), 1.0)
    found = difference(few, dict.fromkeys(few, 0.0))
    assert found is not None and str(VERDICT_SEEDS) in found.verdict and found.mean == 1.0
    noise = dict(enumerate(np.random.default_rng(2).normal(size=20).tolist()))
    found = difference(noise, dict.fromkeys(noise, 0.0))
    assert found is not None and found.verdict == "no clear difference"
    assert difference({0: 1.0}, {1: 1.0}) is None
    one = difference({0: 1.0}, {0: 3.0})
    assert one is not None and one.mean == -2.0 and math.isnan(one.low)


def test_numbers_that_a_seed_lacks_are_left_out_there() -> None:
    tables = {0: {"m": {"a": Value(1.0)}}, 1: {"m": {"a": Value(2.0), "b": Value(3.0)}}}
    found = by_name(tables)
    assert {name: [*values] for name, values in found.items()} == {"m.a": [0, 1], "m.b": [1]}


def test_curves_meet_at_the_steps_that_all_have() -> None:
    steps, mean, low, high = mean_curve([([1, 2, 3], [0.0, 2.0, 9.0]), ([2, 1, 5], [4.0, 1.0, 9.0])])
    assert steps.tolist() == [1, 2]
    assert mean.tolist() == [0.5, 3.0]
    assert (high - low).tolist() == pytest.approx([2 * math.sqrt(0.5), 2 * math.sqrt(2)])
