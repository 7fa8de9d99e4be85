"""Layers behind a generator of expression: scaling to a library size, and counting by chance with a gradient."""

from __future__ import annotations

from math import log
from typing import Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.transforms import LibrarySize, Log1p, transforms_of

Scale = Literal["counts", "normalised", "log1p"]
EXACT = 4.0  # expected counts up to which a Poisson quantile is summed up; above, it is a rounded square
TERMS = 16  # of that sum: P(X > 16) < 1e-6 at 4
LARGEST_LOG = 15.0
QUICKER = 10.0  # times as quickly as other weights those change that say how much varies by chance


class ZeroInflation(nn.Module):
    """Probability that a gene is lost from a cell though it is expressed: σ(a - b log λ) of the expected count λ.

    The logistic curve in the logarithm of expression of Kharchenko et al. 2014 (dropout events of single cells), with a
    and b learnt, one pair for all genes: what is expressed more is lost less.

    Args:
        share: of cells without a gene whose expected count is 1, beyond those that chance makes; at first.
    """

    def __init__(self, share: float):
        super().__init__()
        self.curve = nn.Parameter(torch.tensor([log(share / (1 - share)), 1.0]) / QUICKER)

    def forward(self, expected: Tensor) -> Tensor:
        """Expected counts (B, genes) to probabilities."""
        offset, slope = QUICKER * self.curve
        return torch.sigmoid(offset - slope * expected.clamp(min=1e-6).log())


def scale_of(spec: DataSpec, component: str) -> tuple[Scale, float | None]:
    """In what numbers samples are, and the sum that rows have, None where there is no common one.

    Args:
        spec: of the data.
        component: named in messages: "expression/cscgan".

    Raises:
        DoesNotFit: centred, scaled, 0–1 or other logarithms than log(1 + x).
    """
    steps = transforms_of(spec)
    numbers = spec.attributes.get("numbers", "counts")
    total = next((each.target for each in steps if isinstance(each, LibrarySize)), None)
    if numbers in ("counts", "normalised", "log1p"):
        behind = steps[-1] if steps else None
        common = isinstance(behind, LibrarySize | Log1p)
        return numbers, total if common else None
    raise DoesNotFit(
        f"{component} makes counts, scaled counts or log(1 + x) of them, and the numbers of these data are {numbers}: "
        "let data.transform be [library_size], [library_size, log1p] or nothing, or take basics/mlp"
    )


def poisson_quantile(expected: Tensor, normal: Tensor) -> Tensor:
    """Poisson counts as a function of normal numbers: quantiles of Φ(z), of the same shape.

    Above an expectation of 4 the square root of the count is taken as normal with variance 1/4, and the count rounded.

    Args:
        expected: not negative.
        normal: z, of which N(0, 1) makes Poisson counts.
    """
    share = torch.special.ndtr(normal)
    few = expected.clamp(max=EXACT)
    term = (-few).exp()
    below = term.clone()
    counts, above = torch.zeros_like(expected), torch.empty_like(expected)
    for number in range(1, TERMS + 1):  # in place: half of the time
        counts += torch.gt(share, below, out=above)
        below += term.mul_(few).div_(number)
    many = (expected.sqrt() + normal / 2).clamp(min=0).square() - 0.25
    return torch.where(expected > EXACT, many.round().clamp(min=0), counts)


class CountLayer(nn.Module):
    """Counts molecules by chance: expected expression to Poisson counts, in the numbers of the data.

    The counts of a gene are a step function of what is expected. Their gradient is that of the mean: of a function f of
    one count, d E f(X) / d λ = E[f(X + 1) - f(X)] for Poisson X, taken with f of the data's own scale. With zero
    inflation Y is X, or 0 with probability π, and d E f(Y) / d π = E[f(0) - f(X)].

    Args:
        scale: numbers of the data.
        total: sum of a row; None: rows have no common sum, and what is expected are counts.
        lost: share of cells that lose a gene whose expected count is 1, at first; it is learnt. 0: none do.
    """

    def __init__(self, scale: Scale, total: float | None, lost: float = 0.0):
        super().__init__()
        self.scale = scale
        self.total = total
        self.lost = ZeroInflation(lost) if lost else None

    def forward(self, expected: Tensor, normal: Tensor, depth: Tensor | None, chance: Tensor | None = None) -> Tensor:
        """What is expected, normal numbers, both (B, genes), and counts of a row (B, 1) to samples (B, genes).

        Args:
            expected: with the sum `total`; counts where there is none.
            normal: one for each count.
            depth: how many molecules each sample has, about; not used without `total`.
            chance: normal numbers, (B, genes), of which those below Φ⁻¹(π) lose their gene; with zero inflation.
        """
        size = None if self.total is None or depth is None else depth / self.total  # counts a unit
        counted = expected if size is None else expected * size
        share = None
        if self.lost is not None and chance is not None:
            share = self.lost(counted)
            if size is not None:  # so many more are there at first as are lost
                counted = (
                    counted * (counted.sum(1, keepdim=True) / (counted * (1 - share)).sum(1, keepdim=True)).detach()
                )
        counts = poisson_quantile(counted.detach(), normal)
        kept = None if share is None or chance is None else torch.special.ndtr(chance) >= share.detach()
        unit = torch.ones(()) if size is None else 1 / size
        if self.total is not None:
            unit = self.total / (counts if kept is None else counts * kept).sum(1, keepdim=True).clamp(min=1.0)
        here, more = counts * unit, (counts + 1) * unit
        if self.scale == "log1p":
            here, more = here.log1p(), more.log1p()
        here, more = here.detach(), more.detach()
        found = here + (more - here) * (counted - counted.detach())
        if share is None or kept is None:
            return found
        return kept * found - here * (share - share.detach())


class LibrarySizeLayer(nn.Module):
    """Scales each sample to one sum, as library-size normalisation does with counts.

    Args:
        total: that sum.
    """

    def __init__(self, total: float):
        super().__init__()
        self.total = total

    def forward(self, values: Tensor) -> Tensor:
        """(B, genes), not negative, to (B, genes) with the sum `total`; a sample of zeros stays one."""
        return values * (self.total / values.sum(1, keepdim=True).clamp(min=1e-6))
