"""How far the distribution of generated samples is from that of real ones: sliced Wasserstein and Fréchet distance."""

from collections.abc import Mapping
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Samples, Value
from gantk_basics.metrics.features import On, pair


def sliced_wasserstein(first: Tensor, second: Tensor, projections: int, rng: torch.Generator) -> float:
    """Mean over random directions of the Wasserstein-1 distance of the projections.

    Rabin et al. 2012; in one dimension that distance is the mean difference of the sorted values.

    Args:
        first: (N, D).
        second: (N, D).
        projections: how many directions.
        rng: draws the directions.
    """
    directions = torch.randn(first.shape[1], projections, generator=rng)
    directions = directions / directions.norm(dim=0)  # (D, projections)
    return ((first @ directions).sort(0).values - (second @ directions).sort(0).values).abs().mean().item()


def frechet(first: Tensor, second: Tensor) -> float:
    """‖μ₁ - μ₂‖² + Tr(C₁ + C₂ - 2 (C₁C₂)^½) (Dowson & Landau 1982; Heusel et al. 2017, equation 6).

    With C = AᵀA the eigenvalues of C₁C₂ are the squared singular values of A₁A₂ᵀ, so that no root of a matrix is
    taken, and D may exceed N.

    Args:
        first: (N, D).
        second: (M, D).
    """

    def parts(values: Tensor) -> tuple[Tensor, Tensor]:
        mean = values.double().mean(0)
        scaled = (values.double() - mean) / max(len(values) - 1, 1) ** 0.5
        triangle = torch.linalg.qr(scaled, mode="r").R if len(scaled) > scaled.shape[1] else scaled  # RᵀR = AᵀA
        return mean, triangle

    (mean_1, root_1), (mean_2, root_2) = parts(first), parts(second)
    shared = torch.linalg.svdvals(root_1 @ root_2.T).sum()
    distance = (mean_1 - mean_2).square().sum() + root_1.square().sum() + root_2.square().sum() - 2 * shared
    return max(distance.item(), 0.0)


class SlicedWasserstein:
    """Sliced Wasserstein distance from generated to real samples, in units of the samples' values.

    Rabin et al. 2012. Beside it the same distance between training and test samples: what a perfect generator has.

    Args:
        samples: how many generated samples, and at most as many real ones.
        projections: how many random directions.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(
        self, *, samples: Annotated[int, Ge(2)] = 1000, projections: Annotated[int, Ge(1)] = 256, on: On = "samples"
    ):
        self.samples = samples
        self.projections = projections
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
        """`distance`, with that of training samples as reference."""
        made, real = pair(generated, test, self.samples, self.on, rng, nets)
        same = pair(_some(train, len(made), rng), test, len(made), self.on, rng, nets)
        found = sliced_wasserstein(made, real, self.projections, rng)
        return {"distance": Value(found, "lower", sliced_wasserstein(*same, self.projections, rng), "real training")}


class Frechet:
    """Fréchet distance between normal distributions fitted to generated and to real samples.

    Heusel et al. 2017, equation 6, there on features of an Inception net; here on the samples' own numbers, or on the
    features of the run's critic, so that numbers of different runs can be compared only on samples. It shrinks with
    the number of samples: compare equal numbers, and look at the reference.

    Args:
        samples: how many generated samples, and at most as many real ones.
        on: the samples' own numbers, or the features of the run's critic.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 1000, on: On = "samples"):
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
        """`distance`, with that of training samples as reference."""
        made, real = pair(generated, test, self.samples, self.on, rng, nets)
        same = pair(_some(train, len(made), rng), test, len(made), self.on, rng, nets)
        return {"distance": Value(frechet(made, real), "lower", frechet(*same), "real training")}


def _some(train: Dataset, count: int, rng: torch.Generator) -> Samples:
    if not len(train):
        raise DoesNotFit("a distance needs training samples to compare with, and there are none")
    return take(train, count, rng)
