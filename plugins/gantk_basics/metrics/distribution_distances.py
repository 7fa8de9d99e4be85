"""How far the distribution of generated samples is from that of real ones: sliced Wasserstein and Fréchet distance.

A distribution holds each sample in all versions that training treats as the same. Where a sample's units meet by
chance, each unit has a distribution of its own, and the mean of all distances is told.
"""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from gantk.data import variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk_basics.metrics.feature_space.nets import FeaturesOf, with_features
from gantk_basics.metrics.features import On, Rows, demand_enough, in_versions, real_rows

MOST_VERSIONS = 8
LARGE = 1000
"""Samples of the smaller side above which singular values come from the eigenvalues of a square, which is faster."""


def sliced_wasserstein(first: Tensor, second: Tensor, projections: int, rng: torch.Generator) -> float:
    """Mean over random directions of the Wasserstein-1 distance of the projections.

    Rabin et al. 2012; in one dimension that distance is the mean difference of the quantiles.

    Args:
        first: (N, D).
        second: (M, D).
        projections: how many directions.
        rng: draws the directions.
    """
    directions = torch.randn(first.shape[1], projections, generator=rng)
    directions = directions / directions.norm(dim=0)  # (D, projections)
    sorted_1, sorted_2 = ((values @ directions).sort(0).values for values in (first, second))
    if len(first) == len(second):
        return (sorted_1 - sorted_2).abs().mean().item()
    steps = torch.cat([torch.arange(1, n + 1, dtype=torch.float64) / n for n in (len(first), len(second))]).unique()
    widths = torch.diff(steps, prepend=torch.zeros(1, dtype=torch.float64))  # between steps both quantiles are constant
    middles = steps - widths / 2
    quantiles = [values[(middles * len(values)).long()] for values in (sorted_1, sorted_2)]  # (steps, projections)
    return (widths[:, None] * (quantiles[0] - quantiles[1]).abs()).sum(0).mean().item()


def frechet(first: Tensor, second: Tensor) -> float:
    """‖μ₁ - μ₂‖² + Tr(C₁ + C₂ - 2 (C₁C₂)^½) (Dowson & Landau 1982; Heusel et al. 2017, equation 6).

    With C = AᵀA the eigenvalues of C₁C₂ are the squared singular values of A₁A₂ᵀ, so that no root of a matrix is
    taken, and D may exceed N.

    Args:
        first: (N, D).
        second: (M, D).
    """
    return frechet_of_parts([first], [second])


def frechet_of_parts(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """The same of samples in V versions each, given as parts that have no covariance with one another.

    Args:
        first: V parts of the samples, (N, D) each: the mean of all versions, then the others; see `parts_of`.
        second: the same of the other samples, (M, D) each.
    """

    def roots(parts: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        mean = parts[0].double().mean(0)
        scale = (len(parts) / max(len(parts) * len(parts[0]) - 1, 1)) ** 0.5
        centred = [(part.double() - (0 if number else mean)) * scale for number, part in enumerate(parts)]
        return mean, [torch.linalg.qr(part, mode="r").R if len(part) > part.shape[1] else part for part in centred]

    (mean_1, roots_1), (mean_2, roots_2) = roots(first), roots(second)
    distance = (mean_1 - mean_2).square().sum()
    for one, other in zip(roots_1, roots_2, strict=True):  # RᵀR = AᵀA
        shared = _singular_values(one @ other.T).sum()
        distance += one.square().sum() + other.square().sum() - 2 * shared
    return max(distance.item(), 0.0)


def parts_of(values: Rows) -> list[Tensor]:
    """Samples as parts that every version leaves as they are, or changes the sign of; else all versions as one part.

    A picture that is turned over along x is the sum of an even part, which stays, and an odd one, which changes its
    sign; of all versions together the two have no covariance. So V matrices of N rows do for one of V N rows. It is so
    where every version undoes itself.

    Args:
        values: N samples.
    """
    signs = _signs(values)
    if signs is None:
        return [values.every]
    versions = values.versions
    found = []
    for row in signs:
        part = torch.zeros_like(versions[0])
        for sign, version in zip(row, versions, strict=True):
            part += sign * version
        found.append(part / len(versions))
    return found


def _signs(values: Rows) -> list[tuple[int, ...]] | None:
    """The signs with which versions are summed for each part, all of one sign first; None where there are no such."""
    if values.like is None or len(values) == 0:
        return None
    shape = values.values[0].shape[1:]
    probe = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    versions = variants(values.like, probe)
    count = len(versions)
    if count > MOST_VERSIONS:
        return None
    table = []  # which version each version of each version is
    for each in versions:
        twice = variants(values.like, each)
        table.append([next((k for k, one in enumerate(versions) if torch.equal(one, two)), -1) for two in twice])
    if any(table[i][i] != 0 for i in range(count)) or any(-1 in row for row in table):
        return None
    every = range(count)
    return [
        signs
        for signs in product((1, -1), repeat=count)
        if all(signs[table[i][j]] == signs[i] * signs[j] for i in every for j in every)
    ]


def _singular_values(matrix: Tensor) -> Tensor:
    if min(matrix.shape) <= LARGE:
        return torch.linalg.svdvals(matrix)
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return torch.linalg.eigvalsh(wide @ wide.T).clamp(min=0).sqrt()


class SlicedWasserstein(Metric):
    """Sliced Wasserstein distance from generated to real samples, in units of the samples' values.

    Rabin et al. 2012. Beside it the same distance between training and test samples: what a perfect generator has.

    Args:
        samples: how many generated samples, at most as many as there are training samples, and how many real ones.
        projections: how many random directions.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(
        self, *, samples: Annotated[int, Ge(2)] = 1000, projections: Annotated[int, Ge(1)] = 256, on: On = "samples"
    ):
        self.samples = samples
        self.projections = projections
        self.on = on

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`distance`, with that of training samples as reference."""
        found = sides(inputs, self.samples, self.on)
        return _compared(
            *found, lambda one, other: sliced_wasserstein(one.every, other.every, self.projections, inputs.rng)
        )


class Frechet(Metric):
    """Fréchet distance between normal distributions fitted to generated and to real samples.

    Heusel et al. 2017, equation 6, there on features of an Inception net; here on the samples' own numbers, or on
    features. It shrinks with the number of samples: compare equal numbers, and look at the reference, or take
    `basics/kid`, which does not.

    Args:
        samples: how many generated samples, at most as many as there are training samples, and how many real ones.
        on: the samples' own numbers, the features of the run's critic (of no use between runs), or those of a
            `probe`, a small classifier of the data's classes that is the same for all runs on these data.
        features: a net in an ONNX file whose features are taken instead, images (N, C, H, W) from 0 to 1 to (N, F).
    """

    def __init__(
        self, *, samples: Annotated[int, Ge(2)] = 1000, on: FeaturesOf = "samples", features: Path | None = None
    ):
        self.samples = samples
        self.on = on
        self.features = features

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`distance`, with that of training samples as reference."""
        inputs, on = with_features(inputs, self.on, self.features)
        found = sides(inputs, self.samples, on)
        return _compared(*found, lambda one, other: frechet_of_parts(parts_of(one), parts_of(other)))


def sides(inputs: MetricInput, most: int, on: On, least: int = 1) -> tuple[list[Rows], list[Rows], list[Rows]]:
    """Each unit's generated, held-out and training samples: of the first and the last equally many.

    Args:
        inputs: of the metric.
        most: samples of each kind.
        on: the samples' own numbers, or the critic's features of them.
        least: generated and held-out samples below which there is nothing to tell.
    """
    generated, train, nets = inputs.generated, inputs.train, inputs.nets
    if not len(train):
        raise DoesNotFit("a distance needs training samples to compare with, and there are none")
    made = in_versions(generated.samples[:most], train, on, nets)
    real = real_rows(inputs.test, most, train, on, inputs.rng, nets)
    demand_enough(generated, real, least)
    same = real_rows(train, min(most, len(generated)), train, on, inputs.rng, nets)
    made = [each[: len(other)] for each, other in zip(made, same, strict=True)]
    return made, real, same


def _compared(
    made: list[Rows], real: list[Rows], same: list[Rows], distance: Callable[[Rows, Rows], float]
) -> dict[str, Value]:
    """The mean distance over units, beside that of training samples."""
    found, usual = (
        sum(distance(one, other) for one, other in zip(side, real, strict=True)) / len(real) for side in (made, same)
    )
    n, held_out = min(map(len, made)), min(map(len, real))
    return {"distance": Value(found, "lower", usual, "real training", n, held_out)}
