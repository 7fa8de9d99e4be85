"""Histograms of discrete values: no peak that is binning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantk.plots import even_edges


@given(st.integers(2, 300), st.integers(1, 60), st.floats(0.001, 1000), st.floats(-100, 100))
def test_bins_of_values_in_equal_steps_hold_equally_many_each(steps: int, most: int, step: float, low: float) -> None:
    values = low + step * np.arange(steps)
    edges = even_edges(values, most)
    counts = np.histogram(values, edges)[0]
    assert counts.sum() == steps and len(counts) <= most
    assert len(set(counts[:-1])) <= 1 and 0 < counts[-1] <= counts[0]


@pytest.mark.parametrize(("top", "most"), [(16, 16), (255, 16), (255, 40), (1, 16)])
def test_pixels_fill_the_range_evenly_though_few_are_there(top: int, most: int) -> None:
    every = (np.arange(top + 1) / top * 2 - 1).astype(np.float32)
    edges = even_edges(every[[0, 1, -1]] if top > 1 else every, most, (-1.0, 1.0))
    counts = np.histogram(every, edges)[0]
    assert counts.sum() == top + 1 and len(set(counts[:-1])) <= 1 and len(counts) <= most


def test_values_of_no_scale_get_bins_as_numpy_has_them() -> None:
    values = np.random.default_rng(0).random(500)
    assert even_edges(values, 30) == pytest.approx(np.histogram_bin_edges(values, 30))
    assert len(even_edges(np.zeros(5), 10)) == 11
