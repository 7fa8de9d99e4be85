"""Logarithms of expression, whatever the numbers of the data are: what means, correlations and markers are taken of."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.transforms import PER, undone

LN2 = log(2.0)
WORDS = {
    "counts": "log(1 + counts per 10,000)",
    "normalised": "log(1 + normalised counts)",
    "log1p": "log(1 + normalised counts)",
    "log2": "log2 expression",
}


def gene_count(spec: DataSpec, component: str) -> int:
    """How many genes a sample has a number for.

    Args:
        spec: of the data.
        component: named in the message: "expression/heatmap".

    Raises:
        DoesNotFit: samples are no vectors of numbers.
    """
    if len(spec.shape) != 1 or spec.unit_axes or spec.categorical:
        raise DoesNotFit(
            f"{component} takes samples that are vectors, one number for each gene, and these have the axes "
            f"{', '.join(spec.axes)}"
        )
    return spec.shape[0]


def logarithms(samples: Tensor, spec: DataSpec) -> Tensor:
    """Samples in the form in which expression is compared: natural logarithms, (N, G) to (N, G) float32.

    Steps that scale each gene (standardise, unit) are undone first. Counts are scaled to 10,000 a sample, then log(1 +
    x) is taken of them; of normalised counts log(1 + x); logarithms stay as they are (those to the base 2, in units of
    1); of what only is known to be centred or scaled, the numbers themselves.

    Args:
        samples: as nets see them.
        spec: says what the numbers are.
    """
    values, numbers = undone(samples.detach().cpu().float(), spec)
    if spec.attributes.get("numbers") == "log1p" and numbers != "log1p":
        return samples.detach().cpu().float()  # the step back and forth would only round
    if numbers == "counts":
        values = values * (PER / values.sum(1, keepdim=True).clamp(min=1e-12))
    return values.clamp(min=0).log1p() if numbers in ("counts", "normalised") else values


def in_words(spec: DataSpec) -> str:
    """What `logarithms` gives of these data, for an axis.

    Args:
        spec: of the data.
    """
    probe = torch.ones(1, spec.shape[0])
    try:
        numbers = undone(probe, spec)[1]
    except RuntimeError:  # a spec whose genes were picked
        numbers = spec.attributes.get("numbers")
    if spec.attributes.get("numbers") == "log1p":
        numbers = "log1p"
    return WORDS.get(str(numbers), "expression")


def log2_means(logs: Tensor, spec: DataSpec) -> Tensor:
    """Log2 of the mean expression of each gene plus 1: (N, G) to (G,) float64.

    Of log2 expression its mean; of numbers that are no logarithms of anything known, their mean.

    Args:
        logs: from `logarithms`.
        spec: says what the numbers are.
    """
    if in_words(spec) in (WORDS["log2"], "expression"):
        return logs.double().mean(0)
    return logs.double().expm1().clamp(min=0).mean(0).log1p() / LN2
