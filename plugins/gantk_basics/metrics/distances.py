"""Distances of samples: those of the nearest of the versions that training treats as the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from gantk_basics.metrics.features import Rows

FEW = 64  # up to so many numbers a sample, differences are formed one by one, which is exact for near points
CHUNK = 500  # rows of a distance matrix that are made together


def distances(first: Tensor, second: Tensor) -> Tensor:
    """Euclidean distances, (N, D) and (M, D) to (N, M).

    Args:
        first: (N, D).
        second: (M, D).
    """
    exact = first.shape[1] <= FEW
    mode = "donot_use_mm_for_euclid_dist" if exact else "use_mm_for_euclid_dist"
    centre = second.mean(0)  # products of small numbers lose less
    return torch.cdist(first - centre, second - centre, compute_mode=mode)


def apart(first: Rows, second: Rows) -> Tensor:
    """Distances of the nearest versions, (N, M).

    Args:
        first: N samples.
        second: M samples.
    """
    found = torch.full((len(first), len(second)), torch.inf)
    for one in first.needed:
        for other in second.versions:
            torch.minimum(found, distances(one, other), out=found)
    return found


def apart_from_others(values: Rows) -> Tensor:
    """Distances of samples from each other, (N, N), infinite from themselves, whatever the version."""
    parts = [apart(part, values) for part in chunks(values)]
    return torch.cat(parts).fill_diagonal_(torch.inf)


def chunks(values: Rows) -> Iterator[Rows]:
    """Some samples at a time."""
    return (values[slice(start, start + CHUNK)] for start in range(0, len(values), CHUNK))


def nearest(values: Rows, others: Iterable[Rows]) -> Tensor:
    """Distance of each sample to the nearest of all `others`, (N,); 0 for an exact copy.

    Args:
        values: N samples.
        others: where the nearest is looked for, some at a time.
    """
    best = torch.full((len(values),), torch.inf)
    for part in others:
        for other in part.needed:
            for version in values.versions:
                chosen = torch.cat([distances(some, other).argmin(1) for some in version.split(CHUNK)])
                best = torch.minimum(best, (version - other[chosen]).norm(dim=1))
    return best
