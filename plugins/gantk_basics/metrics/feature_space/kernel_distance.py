"""Kernel distance (KID): how far features of generated samples are from those of real ones, without a bias."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from gantk.interfaces import Metric, MetricInput, Value
from gantk_basics.metrics.distribution_distances import sides
from gantk_basics.metrics.feature_space.nets import FeaturesOf, with_features
from gantk_basics.metrics.features import Rows

LEAST = 2  # samples in a subset


def polynomial_kernel(first: Tensor, second: Tensor) -> Tensor:
    """(x·y / D + 1)³ of each pair of rows (Bińkowski et al. 2018, section 4).

    Args:
        first: (N, D).
        second: (M, D).
    """
    return (first @ second.T / first.shape[1] + 1) ** 3


def squared_discrepancy(within: Tensor, within_other: Tensor, between: Tensor) -> Tensor:
    """The unbiased estimate of the squared maximum mean discrepancy (Gretton et al. 2012, equation 3).

    Args:
        within: kernel of the samples with each other, (…, N, N).
        within_other: of the other samples with each other, (…, M, M).
        between: of samples with others, (…, N, M).
    """

    def apart(kernel: Tensor) -> Tensor:
        n = kernel.shape[-1]
        return (kernel.sum((-2, -1)) - kernel.diagonal(dim1=-2, dim2=-1).sum(-1)) / (n * (n - 1))

    return apart(within) + apart(within_other) - 2 * between.mean((-2, -1))


def kernel_of(first: Rows, second: Rows) -> Tensor:
    """The kernel of each pair of samples, the mean over all their versions, (N, M)."""
    one, other = (torch.stack(each.versions).double() for each in (first, second))  # (V, N, D)
    kernel = polynomial_kernel(one.flatten(0, 1), other.flatten(0, 1))
    return kernel.reshape(len(one), one.shape[1], len(other), other.shape[1]).mean((0, 2))


def subset_distances(first: Rows, second: Rows, subsets: int, size: int, rng: torch.Generator) -> Tensor:
    """The squared discrepancy of random subsets, (subsets,).

    Args:
        first: samples.
        second: other samples.
        subsets: how many.
        size: samples of each kind in a subset, at most as many as there are.
        rng: draws them, each without replacement.
    """
    found = []
    for _ in range(subsets):
        one, other = (each[torch.randperm(len(each), generator=rng)[:size]] for each in (first, second))
        found.append(squared_discrepancy(kernel_of(one, one), kernel_of(other, other), kernel_of(one, other)))
    return torch.stack(found)


class Kid(Metric):
    """Kernel distance from generated to real samples: the squared discrepancy under (x·y / D + 1)³, without a bias.

    Bińkowski et al. 2018 ("Demystifying MMD GANs"), there on features of an Inception net. Unlike the Fréchet distance
    it does not shrink with the number of samples, so that few images can be compared; it can come out below 0. The
    mean over random subsets of `subset` samples of each kind, and the standard deviation over them. Beside it the same
    of training samples: what a perfect generator has.

    Args:
        samples: how many generated samples, at most as many as there are training samples, and how many real ones.
        subset: how many of each kind are in a subset; fewer where there are fewer.
        subsets: how many subsets.
        on: the samples' own numbers, the features of the run's critic (of no use between runs), or those of a
            `probe`, a small classifier of the data's classes that is the same for all runs on these data.
        features: a net in an ONNX file whose features are taken instead, images (N, C, H, W) from 0 to 1 to (N, F).
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(4)] = 1000,
        subset: Annotated[int, Ge(2)] = 100,
        subsets: Annotated[int, Ge(2)] = 50,
        on: FeaturesOf = "samples",
        features: Path | None = None,
    ):
        self.samples = samples
        self.subset = subset
        self.subsets = subsets
        self.on = on
        self.features = features

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`distance`, `sd` over the subsets, and `subset`, the number of samples in one."""
        inputs, on = with_features(inputs, self.on, self.features)
        made, real, same = sides(inputs, self.samples, on, LEAST)
        size = min(self.subset, *(len(each) for side in (made, real, same) for each in side))
        found, usual = (
            torch.stack(
                [
                    subset_distances(one, other, self.subsets, size, inputs.rng)
                    for one, other in zip(side, real, strict=True)
                ]
            ).mean(0)
            for side in (made, same)
        )
        n, held_out = min(map(len, made)), min(map(len, real))
        return {
            "distance": Value(found.mean().item(), "lower", usual.mean().item(), "real training", n, held_out),
            "sd": Value(found.std().item(), None, usual.std().item(), "over the subsets", n, held_out),
            "subset": Value(float(size), None, None, "samples of each kind", n, held_out),
        }
