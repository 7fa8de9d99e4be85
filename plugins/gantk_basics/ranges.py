"""The last step of a generator: raw numbers to the values that a sample may take."""

import torch
from torch import Tensor

from gantk.spec import DataSpec


def into_range(raw: Tensor, spec: DataSpec) -> Tensor:
    """Raw outputs squashed to what `spec` allows.

    Categorical data: softmax over the channels. Otherwise tanh to (-1, 1), the logistic function to (0, 1) and to
    any other range, and the numbers as they are where there is no range.

    Args:
        raw: (B, *spec.shape).
        spec: what one sample is.
    """
    if spec.categorical:
        return raw.softmax(dim=1 + spec.unit_axes)
    if spec.range is None:
        return raw
    if spec.range == (-1.0, 1.0):
        return raw.tanh()
    low, high = spec.range
    return torch.sigmoid(raw) * (high - low) + low
