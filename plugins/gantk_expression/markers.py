"""Marker genes: which tell a type from all others, and their log-fold changes."""

from __future__ import annotations

import torch
from torch import Tensor

from gantk.spec import DataSpec
from gantk_expression.logarithms import log2_means, logarithms


def welch(logs: Tensor, chosen: Tensor) -> Tensor:
    """Welch's t of each gene, samples that are chosen against all others: (N, G) and (N,) to (G,); 0 of constant genes.

    Args:
        logs: expression.
        chosen: which, at least two of either.
    """
    one, other = logs[chosen].double(), logs[~chosen].double()
    variance = one.var(0) / len(one) + other.var(0) / len(other)
    difference = one.mean(0) - other.mean(0)
    return torch.where(variance > 0, difference / variance.clamp(min=1e-30).sqrt(), torch.zeros_like(difference))


def fold_changes(samples: Tensor, labels: Tensor, spec: DataSpec) -> Tensor:
    """Log2-fold change of each gene in each type against all others: (T, G) float64, NaN of a type with no samples.

    log2(mean in the type + 1) - log2(mean in the others + 1), means of (normalised) counts; of log2 data the
    difference of means.

    Args:
        samples: (N, G), as nets see them.
        labels: (N,).
        spec: says what the numbers are, and names the types.
    """
    logs = logarithms(samples, spec)
    found = torch.full((len(spec.classes), logs.shape[1]), torch.nan, dtype=torch.float64)
    for label in range(len(spec.classes)):
        chosen = labels == label
        if chosen.any() and not chosen.all():
            found[label] = log2_means(logs[chosen], spec) - log2_means(logs[~chosen], spec)
    return found


def marker_genes(samples: Tensor, labels: Tensor, spec: DataSpec, count: int) -> list[Tensor]:
    """Numbers of the genes that are most surely higher in each type than in all others, by Welch's t of logarithms.

    Args:
        samples: (N, G), as nets see them.
        labels: (N,).
        spec: names the types.
        count: of each type, at most; none of a type with fewer than two samples.
    """
    logs = logarithms(samples, spec)
    found = []
    for label in range(len(spec.classes)):
        chosen = labels == label
        if chosen.sum() < 2 or (~chosen).sum() < 2:
            found.append(torch.zeros(0, dtype=torch.int64))
            continue
        scores = welch(logs, chosen)
        best = scores.argsort(descending=True, stable=True)[:count]
        found.append(best[scores[best] > 0])
    return found
