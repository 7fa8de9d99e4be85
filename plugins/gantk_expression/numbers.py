"""What the numbers of an expression matrix are, by looking at them: counts, logarithms, scaled values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.matrix import ExpressionMatrix, Values, dense_rows

Numbers = Literal["counts", "normalised", "log1p", "log2", "unit", "scaled"]
"""Counts; counts scaled to a common sum; log(1 + x) of either; log2 of intensities or of 1 + x; 0 to 1; centred."""

IN_WORDS: dict[str, str] = {
    "counts": "are counts",
    "normalised": "are not negative and no integers: counts scaled to a common sum, or TPM",
    "log1p": "are logarithms already: log(1 + x) of scaled counts",
    "log2": "are logarithms already: log2",
    "unit": "lie between 0 and 1",
    "scaled": "are centred or scaled: some are negative",
}

LOOKED_AT = 500  # rows
LARGEST_LOG = 30.0  # ln(1e13); no logarithm of expression is larger
TOLERANCE = 2e-3  # share of a count
SMALL = 50  # multiples below it are told apart with certainty


@dataclass(frozen=True)
class Kind:
    """What the numbers are, and how that was seen.

    Args:
        numbers: the kind.
        why: in words.
        per: the common sum of rows that are (expm1: were) scaled to one; None: there is none.
    """

    numbers: Numbers
    why: str
    per: float | None = None


def what_numbers(values: Values) -> Kind:
    """What the numbers of a matrix are, by looking at up to 500 rows spread over it, and at the sign of all.

    Args:
        values: (N, G), without missing values.
    """
    everything = values.data if sparse.issparse(values) else values
    if everything.size == 0:
        return Kind("counts", "there is no number but 0")
    low, high = float(everything.min()), float(everything.max())
    if sparse.issparse(values) and values.nnz < values.shape[0] * values.shape[1]:
        low = min(low, 0.0)
    span = f"{low:.3g} to {high:.3g}"
    if low < 0:
        return Kind("scaled", f"some are negative ({span})")
    rows = np.unique(np.linspace(0, values.shape[0] - 1, LOOKED_AT).astype(int))
    part = dense_rows(values, rows).numpy().astype(np.float64)
    if _are_integers(part):
        return Kind("counts", f"integers ({span})")
    if high <= 1:
        return Kind("unit", f"between 0 and 1 ({span})")
    if high <= LARGEST_LOG:
        unlogged = np.expm1(part)
        per = _common_sum(unlogged)
        if per is not None:
            return Kind("log1p", f"exp(x) - 1 has the sum {per:,.0f} in every sample ({span})", per)
        if _share_of_multiples(unlogged) > 0.9:
            return Kind("log1p", f"exp(x) - 1 are multiples of one number in each sample: scaled counts ({span})")
        if (part == 0).mean() > 0.01:
            return Kind("log1p", f"no integers, with zeros, and small ({span})")
        return Kind("log2", f"no integers, hardly a zero, and small ({span})")
    per = _common_sum(part)
    return Kind(
        "normalised",
        f"no integers ({span})" if per is None else f"the sum is {per:,.0f} in every sample ({span})",
        per,
    )


def numbers_of_matrix(matrix: ExpressionMatrix, values: Values) -> Kind:
    """What the numbers of a file are: as gantk says, where it wrote the file, else by looking.

    Args:
        matrix: the file.
        values: its numbers, without missing values.
    """
    said = matrix.obs["numbers"].levels() if matrix.origin != "real" and "numbers" in matrix.obs else []
    if len(said) == 1 and said[0] in get_args(Numbers):
        return Kind(cast("Numbers", said[0]), "as gantk says, which wrote it")
    return what_numbers(values)


def _are_integers(part: NDArray[np.float64]) -> bool:
    return bool((part == np.rint(part)).all())


def _common_sum(part: NDArray[np.float64]) -> float | None:
    """The sum that all rows have but for rounding; None where they have no common one."""
    sums = part.sum(1)
    middle = float(np.median(sums))
    close = middle > 0 and np.abs(sums / middle - 1).max() < 1e-3
    return middle if close else None


def _share_of_multiples(part: NDArray[np.float64]) -> float:
    """The share of rows whose numbers are whole multiples of the least of them."""
    right = []
    for row in part:
        positive = row[row > 0]
        ratios = positive / positive.min(initial=np.inf)
        ratios = ratios[ratios < SMALL]
        if len(np.unique(ratios)) > 1:
            right.append(bool((np.abs(ratios - np.rint(ratios)) < TOLERANCE * ratios).all()))
    return float(np.mean(right)) if right else 0.0


def recovered(values: Values, totals: NDArray[np.float64], per: float = 1e4) -> float:
    """How near expm1(x) · total / per is to integers: the largest distance in up to 500 rows, as a share of the count.

    Args:
        values: (N, G), log1p of counts per `per`.
        totals: (N,) counts of each cell.
        per: what rows were scaled to.
    """
    rows = np.unique(np.linspace(0, values.shape[0] - 1, LOOKED_AT).astype(int))
    counts = np.expm1(dense_rows(values, rows).numpy().astype(np.float64)) * totals[rows, None] / per
    if not np.isfinite(counts).all():
        return float("inf")
    return float((np.abs(counts - np.rint(counts)) / np.maximum(counts, 1)).max(initial=0))


def require_numbers(spec: DataSpec, wanted: Sequence[Numbers], what: str, cure: str) -> None:
    """Raises DoesNotFit where the numbers of these data are none of those that a net, loss or metric needs.

    Args:
        spec: of the data; one that does not say what its numbers are is taken.
        wanted: what they may be.
        what: that needs them: "expression/cscgan".
        cure: what to do instead.
    """
    found = spec.attributes.get("numbers")
    if found is not None and found not in wanted:
        raise DoesNotFit(f"{what} needs {' or '.join(wanted)}, and the numbers of these data are {found}: {cure}")
