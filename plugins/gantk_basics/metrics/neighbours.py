"""Metrics on distances between samples: precision and recall, diversity, memorisation.

Samples are as far apart as the nearest of the versions that training treats as the same: a cell turned over is the
same cell. Where a sample's units meet by chance, each unit is looked at on its own, and the mean of all is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk_basics.metrics.distances import apart, apart_from_others, chunks, nearest
from gantk_basics.metrics.features import On, Rows, all_rows, demand_enough, in_versions, real_rows
from gantk_basics.metrics.intervals import redrawn, redrawn_pairs, too_few, wilson

ALIKE = 0.01  # of the mean distance of real samples: nearer ones are the same
Better = Literal["higher", "lower", "near"]


def manifold_overlap(real: Rows, made: Rows, k: int) -> dict[str, Tensor]:
    """Precision, recall, density and coverage, of each sample: the metrics are the means.

    Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 3 and 5.

    Args:
        real: N samples.
        made: M samples.
        k: the ball around a sample reaches to its k-th nearest other sample.

    Returns:
        precision and density (M,), recall and coverage (N,).
    """
    around_real, around_made = (apart_from_others(each).kthvalue(k, dim=1).values for each in (real, made))
    found = torch.cat([apart(part, made) for part in chunks(real)])  # (N, M)
    in_real, in_made = found <= around_real[:, None], found <= around_made
    return {
        "precision": in_real.any(0).double(),
        "recall": in_made.any(1).double(),
        "density": in_real.double().sum(0) / k,
        "coverage": in_real.any(1).double(),
    }


def mean_of(parts: Sequence[Tensor]) -> float:
    """The mean over units of the mean over samples.

    Args:
        parts: of each unit, (N,).
    """
    return sum(part.double().mean().item() for part in parts) / len(parts)


class PrecisionRecall(Metric):
    """Precision (share of generated samples among the real ones), recall (the reverse), density and coverage.

    A sample is among others where it lies within a ball around one of them that reaches to its k-th nearest neighbour.
    Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 3 and 5. Beside each number the one
    that equally many training samples get; intervals are Wilson's, or redrawn. Where precision is kept and coverage
    lost, the collapse is called so.

    Args:
        samples: how many generated samples, at most as many as there are training samples, and how many real ones.
        k: which neighbour sets the size of a ball; less than the number of samples.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 1000, k: Annotated[int, Ge(1)] = 5, on: On = "samples"):
        self.samples = samples
        self.k = k
        self.on = on

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`precision`, `recall`, `density`, `coverage`.

        Raises:
            DoesNotFit: there are fewer than two generated, training or held-out samples.
        """
        generated, train, rng, nets = inputs.generated, inputs.train, inputs.rng, inputs.nets
        made, real, same = (
            in_versions(generated.samples[: self.samples], train, self.on, nets),
            real_rows(inputs.test, self.samples, train, self.on, rng, nets),
            real_rows(train, min(self.samples, len(generated)), train, self.on, rng, nets),
        )
        demand_enough(generated, real, 2)
        if min(map(len, same)) < 2:
            raise DoesNotFit("this metric compares with two training samples or more, and there are fewer")
        made = [each[: len(other)] for each, other in zip(made, same, strict=True)]  # numbers depend on how many
        k = min(self.k, *(len(each) - 1 for each in (*made, *real)))
        found = [manifold_overlap(*two, k) for two in zip(real, made, strict=True)]
        usual = [manifold_overlap(*two, k) for two in zip(real, same, strict=True)]
        n, held_out = min(map(len, made)), min(map(len, real))
        values = {}
        for name in found[0]:
            parts = [each[name] for each in found]
            mean = mean_of(parts)
            counted = n if name == "precision" else held_out
            low, high = redrawn(parts, rng) if name == "density" else wilson(mean, counted)
            reference = mean_of([each[name] for each in usual])
            values[name] = Value(mean, "higher", reference, "real training", n, held_out, low, high)
        return values

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether real samples are covered, or why that cannot be said."""
        precision, recall, coverage = (values[name] for name in ("precision", "recall", "coverage"))
        numbers = (
            f"{coverage.value:.0%} of held-out samples have a generated one near them (training samples "
            f"{coverage.reference or 0:.0%}), recall {recall.value:.0%} ({recall.reference or 0:.0%}), precision "
            f"{precision.value:.0%} ({precision.reference or 0:.0%})"
        )
        if few := too_few(coverage):
            return f"variety cannot be judged ({few}): {numbers}"
        lost, off = (_lost(value) for value in (coverage, precision))
        if off and lost:
            return f"generated samples lie beside the real ones: {numbers}"
        if off:
            return f"many generated samples lie where no real ones do: {numbers}"
        if lost:
            return f"partial collapse, a few kinds are made over and over: {numbers}"
        return f"no collapse found: {numbers}"


def _lost(value: Value) -> bool:
    """Whether a share is surely below half of what training samples have."""
    return value.high is not None and value.reference is not None and value.high < value.reference / 2


class Diversity(Metric):
    """How far generated samples are from each other, beside real ones: a collapsed generator has near 0.

    Args:
        samples: how many generated samples, and at most as many real ones.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 500, on: On = "samples"):
        self.samples = samples
        self.on = on

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`distance`: the mean over all pairs; `nearest`: the mean over samples, to the nearest other of as many;
        `distinct`: the share that repeats no other, nearer than 1 % of the real mean distance.

        Raises:
            DoesNotFit: there are fewer than two generated or held-out samples.
        """
        generated, train, rng, nets = inputs.generated, inputs.train, inputs.rng, inputs.nets
        real = real_rows(inputs.test, self.samples, train, self.on, rng, nets)
        demand_enough(generated, real, 2)
        from_made = [
            apart_from_others(each) for each in in_versions(generated.samples[: self.samples], train, self.on, nets)
        ]
        from_real = [apart_from_others(each) for each in real]
        equal = [min(len(one), len(other)) for one, other in zip(from_made, from_real, strict=True)]
        near = [each[:n, :n].amin(1) for each, n in zip(from_made, equal, strict=True)]
        usual = mean_of([each[:n, :n].amin(1) for each, n in zip(from_real, equal, strict=True)])
        held_out = min(map(len, from_real))
        of_pairs = redrawn_pairs(from_made, rng)
        distance, reference = (sum(map(mean_distance, each)) / len(each) for each in (from_made, from_real))
        distinct, usually = (
            sum(distinct_share(each, ALIKE * reference) for each in side) / len(side) for side in (from_made, from_real)
        )
        n = len(from_made[0])
        return {
            "distance": Value(distance, "near", reference, "real test", n, held_out, *of_pairs),
            "nearest": Value(mean_of(near), "near", usual, "real test", min(equal), min(equal), *redrawn(near, rng)),
            "distinct": Value(distinct, "higher", usually, "real test", n, held_out, *wilson(distinct, n)),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether samples are as different from each other as real ones, or why that cannot be said."""
        distance, near, distinct = values["distance"], values["nearest"], values["distinct"]
        numbers = (
            f"generated samples are {distance.value:.3g} from each other (real {distance.reference:.3g}), "
            f"{near.value:.3g} from the nearest other one (real {near.reference:.3g})"
        )
        all_alike = (distance.high or 0) < (distance.reference or 0) / 4
        if _lost(distinct):  # that needs no held-out samples
            word = "collapse" if all_alike else "partial collapse"
            return f"{word}, only {distinct.value:.1%} of generated samples are distinct: {numbers}"
        if few := too_few(distance):
            return f"variety cannot be judged ({few}): {numbers}"
        if all_alike:
            return f"collapse, all are nearly alike: {numbers}"
        if (near.high or 0) < (near.reference or 0) / 2:
            return f"partial collapse, samples repeat each other: {numbers}"
        return numbers


def distinct_share(apart: Tensor, least: float) -> float:
    """Share of samples that no earlier one is like.

    Args:
        apart: (N, N).
        least: how far apart two samples are at least that are not alike.
    """
    return (~(apart <= least).tril(-1).any(1)).double().mean().item()


def mean_distance(apart: Tensor) -> float:
    """Mean over all pairs of two different samples.

    Args:
        apart: (N, N), N of 2 or more; infinite from itself.
    """
    count = len(apart)
    return apart.double().fill_diagonal_(0).sum().item() / (count * (count - 1))


class Memorisation(Metric):
    """Whether generated samples repeat training samples: distances to the nearest one, beside those of held-out data.

    A generator that learnt the distribution is as far from the training samples as held-out samples are; one that
    repeats them is nearer. Compare Meehan et al. 2020, who test the same distances.

    Args:
        samples: how many generated samples, and at most as many held-out ones; all training samples are searched.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 500, on: On = "samples"):
        self.samples = samples
        self.on = on

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`nearest_training`: mean distance; `nearer`: probability that a generated sample is nearer to training than
        a held-out one; `copies`: share that is nearer than all but the nearest 1 % of held-out ones, or than all
        where there are fewer than 99."""
        generated, train, rng, nets = inputs.generated, inputs.train, inputs.rng, inputs.nets
        made = in_versions(generated.samples[: self.samples], train, self.on, nets)
        real = real_rows(inputs.test, self.samples, train, self.on, rng, nets)
        demand_enough(generated, real, 1)
        from_made, from_real = ([torch.full((len(each),), torch.inf) for each in side] for side in (made, real))
        for part in all_rows(train, self.on, nets):
            for side, best in ((made, from_made), (real, from_real)):
                for unit, (values, others) in enumerate(zip(side, part, strict=True)):
                    best[unit] = torch.minimum(best[unit], nearest(values, [others]))
        nearer, copies, expected = [], [], []
        for one, other in zip(from_made, from_real, strict=True):
            nearer.append((one[:, None] < other).double().mean(1) + 0.5 * (one[:, None] == other).double().mean(1))
            at = max(1, int(0.01 * (len(other) + 1)))  # of n + 1 samples of one kind, 1 in n + 1 is the nearest
            copies.append(one < other.kthvalue(at).values)
            expected.append(at / (len(other) + 1))
        n, held_out = min(map(len, made)), min(map(len, real))
        share, chance = mean_of(nearer), mean_of(copies)
        usual = sum(expected) / len(expected)

        def value(number: float, better: Better, reference: float, low: float, high: float) -> Value:
            return Value(number, better, reference, "held out", n, held_out, low, high)

        return {
            "nearest_training": value(mean_of(from_made), "near", mean_of(from_real), *redrawn(from_made, rng)),
            "nearer": value(share, "near", 0.5, *wilson(share, min(n, held_out))),  # no wider one exists: Birnbaum 1956
            "copies": value(chance, "lower", usual, *wilson(chance, n)),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether training samples are repeated, or why that cannot be said."""
        near, nearer, copies = (values[name] for name in ("nearest_training", "nearer", "copies"))
        numbers = (
            f"nearest training sample at {near.value:.3g} (held-out samples: {near.reference:.3g}); "
            f"{copies.value:.1%} suspiciously near, {copies.reference or 0:.2g} expected"
        )
        if near.value == 0:
            return f"too few training samples, or trained too long: it repeats them as they are: {numbers}"
        if few := too_few(near):
            return f"whether training samples are repeated cannot be said ({few}): {numbers}"
        close = (nearer.low or 0) > 0.5
        if close and (copies.low or 0) > (copies.reference or 0):
            return f"too few training samples, or trained too long: it repeats them, or nearly: {numbers}"
        if close:
            return f"generated samples lie nearer to training samples than held-out ones do: {numbers}"
        return f"no sign that training samples are repeated: {numbers}"
