"""Confidence intervals of metrics, and how many samples a verdict needs."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from gantk.class_counts import FEW_HELD_OUT
from gantk.interfaces import Value

REDRAWS = 200
CONFIDENCE = 0.95
Z = 1.959963984540054
"""The quantile of the normal distribution at (1 + CONFIDENCE) / 2; importing `scipy.stats` for it takes .6 seconds."""


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share that was found among n (Wilson 1927).

    Args:
        share: 0 to 1; n times it need not be whole, so that a mean of shares has one, too.
        n: of the fewest samples that the share rests on.
    """
    count = round(share * n)
    if abs(share * n - count) < 1e-6:  # as scipy.stats.binomtest, to the last bit
        if n == 0:
            raise ValueError("a share of none has no interval")
        share = count / n
        middle = (2 * n * share + Z**2) / (2 * (n + Z**2))
        spread = Z / (2 * (n + Z**2)) * sqrt(4 * n * share * (1 - share) + Z**2)
        return (0.0 if count == 0 else middle - spread), (1.0 if count == n else middle + spread)
    middle, spread = share + Z**2 / (2 * n), Z * (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5
    return (middle - spread) / (1 + Z**2 / n), (middle + spread) / (1 + Z**2 / n)


def redrawn(parts: Sequence[Tensor], rng: torch.Generator) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of the means of some parts (Efron 1979), each drawn anew on its own.

    Args:
        parts: numbers of one sample each, (N,).
        rng: draws.
    """
    means = torch.zeros(REDRAWS, dtype=torch.float64)
    for part in parts:
        chosen = torch.randint(len(part), (REDRAWS, len(part)), generator=rng)
        means += part.double()[chosen].mean(1) / len(parts)
    return _ends(means)


def redrawn_pairs(parts: Sequence[Tensor], rng: torch.Generator) -> tuple[float, float]:
    """The same of the mean over all pairs of two different samples.

    Args:
        parts: what was found for each pair, (N, N); where a sample is drawn twice, the two are no pair.
        rng: draws.
    """
    means = torch.zeros(REDRAWS, dtype=torch.float64)
    for part in parts:
        count = len(part)
        chosen = torch.randint(count, (REDRAWS, count), generator=rng)
        times = torch.zeros(REDRAWS, count, dtype=torch.float64).scatter_add_(
            1, chosen, torch.ones(REDRAWS, count, dtype=torch.float64)
        )
        found = ((times @ part.double().fill_diagonal_(0)) * times).sum(1)
        pairs = count**2 - times.square().sum(1)
        means += torch.where(pairs > 0, found / pairs.clamp(min=1), part.double().mean()) / len(parts)
    return _ends(means)


def _ends(means: Tensor) -> tuple[float, float]:
    edge = (1 - CONFIDENCE) / 2
    low, high = means.quantile(torch.tensor([edge, 1 - edge], dtype=torch.float64)).tolist()
    return low, high


def too_few(value: Value) -> str:
    """The numbers of samples where they are too few for a verdict, else ""."""
    held_out = value.n_reference
    if held_out is None or held_out >= FEW_HELD_OUT:
        return ""
    return f"only {held_out} held-out sample{'s' * (held_out != 1)}, fewer than {FEW_HELD_OUT}"
