"""Wilson's interval against scipy's, which it replaces to the last bit."""

import random

import pytest
from gantk_basics.metrics.intervals import CONFIDENCE, Z, wilson
from scipy.stats import binomtest, norm


def test_intervals_of_counts_are_those_of_scipy() -> None:
    assert float(norm.ppf((1 + CONFIDENCE) / 2)) == Z
    draws = random.Random(0)
    for _ in range(300):
        n = draws.choice([1, 2, 3, 10, 100, 999, 12345, 1_000_000])
        count = draws.choice([0, n, draws.randint(0, n)])
        expected = binomtest(count, n).proportion_ci(CONFIDENCE, "wilson")
        assert wilson(count / n, n) == (float(expected.low), float(expected.high)), (count, n)


def test_intervals_of_shares_between_counts_lie_between_theirs() -> None:
    below, between, above = wilson(0.3, 10), wilson(0.35, 10), wilson(0.4, 10)
    assert below[0] < between[0] < above[0] and below[1] < between[1] < above[1]


def test_a_share_of_none_has_no_interval() -> None:
    with pytest.raises(ValueError):
        wilson(0.5, 0)
