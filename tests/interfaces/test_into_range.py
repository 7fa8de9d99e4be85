"""Raw numbers squashed to the range of a DataSpec, by either curve."""

from __future__ import annotations

import pytest
import torch

from gantk.interfaces import into_range, scale_to_range
from gantk.spec import DataSpec

RAW = torch.linspace(-9, 9, 40).reshape(10, 4)


UNBOUNDED = DataSpec((4,), ("coordinate",), range=None)


def spec(low: float, high: float) -> DataSpec:
    return DataSpec((4,), ("coordinate",), range=(low, high))


@pytest.mark.parametrize("curve", ["tanh", "sigmoid", None])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (-3.0, 5.0)])
def test_values_rise_from_one_end_of_the_range_to_the_other(low: float, high: float, curve: str | None) -> None:
    values = into_range(RAW, spec(low, high), curve)  # type: ignore[arg-type]
    flat = values.flatten()
    assert (flat.diff() >= 0).all() and flat.min() >= low and flat.max() <= high
    assert flat[0] < low + 0.01 and flat[-1] > high - 0.01
    middle = into_range(torch.zeros(1, 4), spec(low, high), curve)  # type: ignore[arg-type]
    assert torch.allclose(middle, torch.tensor((low + high) / 2))


def test_the_curve_is_tanh_for_minus_one_to_one_and_logistic_for_others() -> None:
    assert torch.equal(into_range(RAW, spec(-1, 1)), RAW.tanh())
    assert torch.equal(into_range(RAW, spec(0, 1)), RAW.sigmoid())
    assert torch.equal(into_range(RAW, spec(-1, 1), "sigmoid"), -1 + 2 * RAW.sigmoid())
    assert torch.equal(into_range(RAW, spec(0, 1), "tanh"), 0.5 + 0.5 * RAW.tanh())


def test_no_range_and_categories() -> None:
    assert into_range(RAW, UNBOUNDED) is RAW
    letters = DataSpec((2, 2, 3), ("unit", "base", "position"), unit_axes=1, range=(0, 1), categorical=True)
    sums = into_range(torch.randn(5, 2, 2, 3), letters).sum(2)
    assert torch.allclose(sums, torch.ones(5, 2, 3))
    shares = torch.rand(3, 4)
    assert scale_to_range(shares, UNBOUNDED) is shares
    assert torch.equal(scale_to_range(shares, spec(-1, 1)), -1 + 2 * shares)
