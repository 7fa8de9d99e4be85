"""Metric `nearest`: are training samples repeated? Distances of logarithms to the nearest, beside held-out samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge
from gantk_basics.metrics.intervals import redrawn, too_few, wilson
from torch import Tensor

from gantk.interfaces import Metric, MetricInput, Value
from gantk_expression.logarithms import logarithms
from gantk_expression.metrics.floors import compared

CHUNK = 2000  # training samples at once


class NearestTraining(Metric):
    """Whether generated samples repeat training samples: distances to the nearest, in logarithms of all genes.

    A generator that learnt the distribution is as far from training samples as held-out samples are, one that repeats
    them is nearer. One that leaves out the chance of counting is nearer, too, without any copy: `copies`, the share
    that is nearer than all but the nearest 1 % of held-out samples, then is high, and `spread_ratio` below 1 says that
    generated samples are smoother: nearer to each other than held-out ones.

    Args:
        samples: how many generated samples, and as many held-out ones; all training samples are searched.
    """

    def __init__(self, *, samples: Annotated[int, Ge(10)] = 500):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`nearest_training`, `nearer` (the chance to be nearer than a held-out sample), `copies`, `spread_ratio`."""
        sides = compared(inputs, self.samples, "expression/nearest")
        made, real = (logarithms(each.samples, each.spec) for each in (sides.made, sides.held_out))
        from_made, from_real = (torch.full((len(made),), torch.inf) for _ in range(2))
        for start in range(0, len(inputs.train), CHUNK):
            rows = torch.arange(start, min(start + CHUNK, len(inputs.train)))
            batch = inputs.train.batch(rows, None).to("cpu")
            part = logarithms(batch.samples, inputs.train.spec)
            from_made = torch.minimum(from_made, _to_nearest(made, part))
            from_real = torch.minimum(from_real, _to_nearest(real, part))
        n = len(made)
        less, same = from_made[:, None] < from_real, from_made[:, None] == from_real
        nearer = less.double().mean() + 0.5 * same.double().mean()
        at = max(1, int(0.01 * (n + 1)))
        copies = float((from_made < from_real.kthvalue(at).values).double().mean())
        low, high = redrawn([from_made], inputs.rng)
        mean, usual = float(from_made.double().mean()), float(from_real.double().mean())
        share = float(nearer)
        return {
            "nearest_training": Value(mean, "near", usual, "held out", n, n, low, high),
            "nearer": Value(share, "near", 0.5, "held out", n, n, *wilson(share, n)),
            "copies": Value(copies, "lower", at / (n + 1), "held out", n, n, *wilson(copies, n)),
            "spread_ratio": Value(_apart(made) / max(_apart(real), 1e-12), "near", 1.0, "held out", n, n),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether they are repeated, or why that cannot be said."""
        near, nearer, copies = (values[name] for name in ("nearest_training", "nearer", "copies"))
        numbers = (
            f"nearest training sample at {near.value:.3g} (held-out samples: {near.reference:.3g}); {copies.value:.1%} "
            f"suspiciously near, {copies.reference:.2g} expected"
        )
        if near.value == 0:
            return f"generated samples are copies of training samples: {numbers}"
        if few := too_few(near):
            return f"whether training samples are repeated cannot be said ({few}): {numbers}"
        if (nearer.low or 0) > 0.5 and (copies.low or 0) > (copies.reference or 0):
            if values["spread_ratio"].value < 0.95:
                return f"nearer to training samples than held-out ones are, and smoother than these: {numbers}"
            return f"training samples are repeated, or nearly: {numbers}"
        return f"no sign that training samples are repeated: {numbers}"


def _to_nearest(points: Tensor, others: Tensor) -> Tensor:
    """Distance of each point to the nearest other one, exact where `cdist` rounds: (N, G) and (M, G) to (N,)."""
    nearest = torch.cdist(points, others).argmin(1)
    return (points - others[nearest]).norm(dim=1)


def _apart(points: Tensor) -> float:
    """Mean distance of two different samples, (N, G)."""
    return float(torch.pdist(points[:500]).double().mean())
