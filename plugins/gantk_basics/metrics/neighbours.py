"""Metrics on distances between samples: precision and recall, diversity, memorisation."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.data import take
from gantk.interfaces import Dataset, Samples, Value
from gantk_basics.metrics.features import On, all_rows, pair, rows

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


def radii(values: Tensor, k: int) -> Tensor:
    """Distance of each row to its k-th nearest other row, (N,).

    Args:
        values: (N, D), with N > k.
        k: which neighbour.
    """
    found = []
    for start, part in zip(range(0, len(values), CHUNK), values.split(CHUNK), strict=True):
        apart = distances(part, values)  # (n, N)
        apart[torch.arange(len(part)), start + torch.arange(len(part))] = torch.inf
        found.append(apart.kthvalue(k, dim=1).values)
    return torch.cat(found)


def nearest(values: Tensor, others: Iterable[Tensor]) -> Tensor:
    """Distance of each row to the nearest of all `others`, (N,); 0 for an exact copy.

    Args:
        values: (N, D).
        others: (M, D) each.
    """
    best = torch.full((len(values),), torch.inf)
    for part in others:
        chosen = torch.cat([distances(some, part).argmin(1) for some in values.split(CHUNK)])
        best = torch.minimum(best, (values - part[chosen]).norm(dim=1))
    return best


def manifold_overlap(real: Tensor, made: Tensor, k: int) -> dict[str, float]:
    """Precision, recall, density and coverage.

    Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 3 and 5.

    Args:
        real: (N, D).
        made: (M, D).
        k: the ball around a sample reaches to its k-th nearest other sample.
    """
    around_real, around_made = radii(real, k), radii(made, k)
    recalled = covered = inside = 0.0
    in_real_ball = torch.zeros(len(made), dtype=torch.bool)
    for start, part in zip(range(0, len(real), CHUNK), real.split(CHUNK), strict=True):
        apart = distances(part, made)  # (n, M)
        within = apart <= around_real[start : start + len(part), None]
        in_real_ball |= within.any(0)
        inside += within.sum().item()
        covered += within.any(1).sum().item()
        recalled += (apart <= around_made).any(1).sum().item()
    precise = in_real_ball.sum().item()
    return {
        "precision": precise / len(made),
        "recall": recalled / len(real),
        "density": inside / (k * len(made)),
        "coverage": covered / len(real),
    }


class PrecisionRecall:
    """Precision (share of generated samples among the real ones), recall (the reverse), density and coverage.

    A sample is among others where it lies within a ball around one of them that reaches to its k-th nearest neighbour.
    Kynkäänniemi et al. 2019, equations 1 and 2; Naeem et al. 2020, equations 3 and 5. Beside each number the one
    that training samples get.

    Args:
        samples: how many generated samples, and at most as many real ones.
        k: which neighbour sets the size of a ball; less than the number of samples.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 1000, k: Annotated[int, Ge(1)] = 5, on: On = "samples"):
        self.samples = samples
        self.k = k
        self.on = on

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`precision`, `recall`, `density`, `coverage`.

        Raises:
            DoesNotFit: there are fewer than two generated or held-out samples.
        """
        made, real = pair(generated, test, self.samples, self.on, rng, nets, least=2)
        k = min(self.k, len(made) - 1)
        same = rows(take(train, len(made), rng).samples, self.on, nets)
        found, reference = manifold_overlap(real, made, k), manifold_overlap(real, same, k)
        return {name: Value(found[name], "higher", reference[name], "real training") for name in found}


class Diversity:
    """How far generated samples are from each other, beside real ones: a collapsed generator has near 0.

    Args:
        samples: how many generated samples, and at most as many real ones.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 500, on: On = "samples"):
        self.samples = samples
        self.on = on

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`distance`: the mean over all pairs; `nearest`: the mean over samples, to the nearest other one.

        Raises:
            DoesNotFit: there are fewer than two generated or held-out samples.
        """
        made, real = pair(generated, test, self.samples, self.on, rng, nets, least=2)
        return {
            "distance": Value(mean_distance(made), "near", mean_distance(real), "real test"),
            "nearest": Value(radii(made, 1).mean().item(), "near", radii(real, 1).mean().item(), "real test"),
        }


def mean_distance(values: Tensor) -> float:
    """Mean distance of two different rows.

    Args:
        values: (N, D), N of 2 or more.
    """
    count = len(values)
    exact = nn.functional.pdist(values.double())
    return exact.sum().item() / (count * (count - 1) / 2)


class Memorisation:
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

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`nearest_training`: mean distance; `nearer`: probability that a generated sample is nearer to training than
        a held-out one; `copies`: share that is nearer than all but the nearest 1 % of held-out ones."""
        made, real = pair(generated, test, self.samples, self.on, rng, nets)
        both = nearest(torch.cat([made, real]), all_rows(train, self.on, nets))
        from_made, from_real = both.split([len(made), len(real)])
        nearer = (from_made[:, None] < from_real).double() + 0.5 * (from_made[:, None] == from_real).double()
        copies = (from_made < from_real.quantile(0.01)).double().mean().item()
        return {
            "nearest_training": Value(from_made.mean().item(), "near", from_real.mean().item(), "held out"),
            "nearer": Value(nearer.mean().item(), "near", 0.5, "held out"),
            "copies": Value(copies, "lower", 0.01, "held out"),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """One line."""
        near, copies = values["nearest_training"], values["copies"]
        return (
            f"nearest training sample at {near.value:.3g} (held-out samples: {near.reference:.3g}); "
            f"{copies.value:.1%} suspiciously near, 1% expected"
        )
