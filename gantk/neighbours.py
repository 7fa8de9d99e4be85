"""The nearest of many samples, over all versions of a sample that training treats as the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor

from gantk.data import sample_names, units_apart, variants
from gantk.interfaces import Dataset, Nearest, Samples

Measure = Callable[[Tensor, Tensor], Tensor]
"""Distances of samples (N, …) from others (M, …): (N, M)."""

FEW = 64  # up to so many numbers a sample, differences are formed one by one, which is exact for near points
CHUNK = 500  # rows of a distance matrix that are made together, or samples that a data set gives together …
MOST_NUMBERS = 2**24  # … or fewer, where they are large


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


def nearest_of(versions: Sequence[Tensor], others: Tensor, measure: Measure | None = None) -> tuple[Tensor, Tensor]:
    """Of samples in several versions, how far the nearest of others is from the nearest version, and which one it is.

    Args:
        versions: of each version all samples in the same order, (N, …).
        others: (M, …), M of 1 or more.
        measure: of distances; None: Euclidean, and exactly 0 for a copy.

    Returns:
        (N,) distances and (N,) numbers among the others.
    """
    found, chosen = [], []
    for rows in torch.cat(list(versions)).split(CHUNK):  # (V N, …)
        if measure is None:
            flat, known = rows.flatten(1), others.flatten(1)
            at = distances(flat, known).argmin(1)
            found.append((flat - known[at]).norm(dim=1))
        else:
            apart, at = measure(rows, others).min(1)
            found.append(apart.float())
        chosen.append(at)
    best, version = torch.cat(found).reshape(len(versions), -1).min(0)  # (N,)
    return best, torch.cat(chosen).reshape(len(versions), -1).gather(0, version[None])[0]


def nearest_samples(
    samples: Samples, real: Dataset, indices: Tensor, like: Dataset, measure: Measure | None = None
) -> Nearest:
    """Of each sample the nearest real one, in the version that is nearest; of units that are apart, each on its own.

    Args:
        samples: N samples.
        real: where the nearest are looked for.
        indices: (M,) of those that are, M of 1 or more.
        like: says which versions are the same, and whether units are apart.
        measure: of distances of samples, or of units where they are apart; None: Euclidean.
    """
    apart, spec = units_apart(like), real.spec
    count, shape = (spec.unit_count, spec.own_shape) if apart else (1, spec.shape)
    units = samples.samples.reshape(len(samples), count, *shape).unbind(1)  # (N, *shape) each
    versions = [variants(like, unit) for unit in units]
    best = torch.full((len(samples), count), torch.inf)
    places = torch.zeros(len(samples), count, dtype=torch.int64)
    for part in indices.split(max(1, min(CHUNK, MOST_NUMBERS // prod(spec.shape)))):
        others = real.batch(part, None).samples.cpu().reshape(len(part), count, *shape)
        for unit in range(count):
            found, which = nearest_of(versions[unit], others[:, unit], measure)
            places[:, unit] = torch.where(found < best[:, unit], part[which], places[:, unit])
            best[:, unit] = torch.minimum(best[:, unit], found)
    chosen = []
    for unit in range(count):
        found = real.batch(places[:, unit], None).samples.cpu().reshape(len(samples), count, *shape)[:, unit]
        chosen.append(_turned_towards(units[unit], variants(like, found), measure))
    whole = real.batch(places[:, 0], None).to("cpu")
    return Nearest(
        Samples(
            samples=torch.stack(chosen, 1).reshape(len(samples), *spec.shape),
            labels=None if apart else whole.labels,
            spec=spec,
            attributes={"origin": spec.origin},
            names=None if apart else sample_names(real, places[:, 0]),
        ),
        best,
        len(indices),
    )


def _turned_towards(samples: Tensor, versions: Sequence[Tensor], measure: Measure | None) -> Tensor:
    """Of each row the version that is nearest to the sample of that row, (N, …)."""
    if measure is None:
        apart = torch.stack([(samples - each).flatten(1).norm(dim=1) for each in versions])  # (V, N)
    else:
        apart = torch.stack([measure(samples, each).diagonal() for each in versions])
    return torch.stack(list(versions))[apart.argmin(0), torch.arange(len(samples))]
