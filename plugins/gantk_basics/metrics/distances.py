"""Distances of samples: those of the nearest of the versions that training treats as the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from gantk.neighbours import distances, nearest_of
from gantk_basics.metrics.features import Rows

CHUNK = 500  # rows of a distance matrix that are made together


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
            best = torch.minimum(best, nearest_of(values.versions, other)[0])
    return best
