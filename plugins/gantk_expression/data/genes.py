"""Which genes are taken: by a list, highly variable ones, or those that deviate most; repeated and constant ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from gantk.console import warn
from gantk.errors import DataError
from gantk.messages import did_you_mean
from gantk_expression.matrix import ExpressionMatrix, Values, pieces
from gantk_expression.numbers import Numbers

Choose = Literal["all", "highly_variable", "mean_deviation", "median_deviation"]
Repeated = Literal["rename", "sum", "mean", "first", "error"]
BINS = 20  # of mean expression, among whose genes dispersions are compared


def without_repeats(matrix: ExpressionMatrix, repeated: Repeated, named: str) -> tuple[ExpressionMatrix, int]:
    """A matrix in which each gene's name stands once, and how many stood there again.

    Args:
        matrix: as it was read.
        repeated: of genes of one name, the later ones get "-1", "-2", … behind it; or all are added, averaged; or the
            first one stays; or they are an error.
        named: the file, for the message.

    Raises:
        DataError: repeated is "error" and there are some.
    """
    first: dict[str, int] = {}
    group = np.array([first.setdefault(name, len(first)) for name in matrix.genes])
    count = len(group) - len(first)
    if not count:
        return matrix, 0
    if repeated == "error":
        common = ", ".join(name for name, n in Counter(matrix.genes).most_common(3) if n > 1)
        raise DataError(
            f"{named}: {count:,} genes have the name of an earlier one ({common}); say what to do with them: "
            "data.repeated_genes=sum|mean|first|rename"
        )
    if repeated == "rename":
        taken, seen, names = set(matrix.genes), Counter[str](), []
        for name in matrix.genes:
            new, number = name, seen[name]
            while number and new in taken:
                new, number = f"{name}-{number}", number + 1
            seen[name] += 1
            taken.add(new)
            names.append(new)
        return replace(matrix, genes=names), count
    where = np.unique(group, return_index=True)[1]
    kept = matrix.columns(where)
    if repeated == "first":
        return kept, count
    weights = np.ones(len(group), np.float32)
    if repeated == "mean":
        weights /= np.bincount(group)[group]
    gather = sparse.csr_matrix((weights, (np.arange(len(group)), group)), (len(group), len(first)))
    joined: Any = matrix.values @ gather
    return replace(kept, values=joined if sparse.issparse(joined) else np.asarray(joined, np.float32)), count


def numbers_of(names: Sequence[str], known: Sequence[str], named: str) -> NDArray[np.int64]:
    """Where these genes stand, (n,).

    Args:
        names: genes to find.
        known: all genes of the file.
        named: the file, for the message.

    Raises:
        DataError: some are not there, or are asked for twice.
    """
    at = {name: number for number, name in enumerate(known)}
    absent = [name for name in names if name not in at]
    if absent:
        hint = did_you_mean(absent[0], known, f"it has {', '.join(list(known)[:5])}, …")
        raise DataError(
            f"{named}: {len(absent):,} of {len(names):,} genes are not there: {', '.join(absent[:5])}; {hint}"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if list(names).count(name) > 1)
        raise DataError(f"data.genes has '{twice}' twice")
    return np.array([at[name] for name in names], np.int64)


def varying(values: Values, training: NDArray[Any]) -> NDArray[np.bool_]:
    """Which genes are not the same in all training samples, (G,)."""
    low = high = None
    for part in pieces(values, training):
        least, most = part.amin(0), part.amax(0)
        low = least if low is None else torch.minimum(low, least)
        high = most if high is None else torch.maximum(high, most)
    if low is None or high is None:
        return np.zeros(values.shape[1], bool)
    return (high > low).numpy()


def chosen_genes(
    values: Values, training: NDArray[Any], numbers: Numbers, choose: Choose, number: int
) -> NDArray[np.int64]:
    """The numbers of the genes that vary most over the training samples, in the order of the file, (number,).

    Args:
        values: (N, G).
        training: numbers of the training samples.
        numbers: what the values are; logarithms are undone for dispersions.
        choose: by normalised dispersion (Satija et al. 2015), or by mean or median absolute deviation.
        number: how many.
    """
    if choose == "highly_variable":
        if numbers in ("scaled", "unit"):
            warn("data.choose=highly_variable compares variances with means, which scaled numbers do not have")
        score = dispersions(values, training, logged=numbers in ("log1p", "log2"))
    else:
        score = _deviations(values, training, median=choose == "median_deviation")
    order = np.argsort(-score, kind="stable")[:number]
    return np.sort(order)


def dispersions(values: Values, training: NDArray[Any], *, logged: bool) -> NDArray[np.float64]:
    """Normalised dispersions of genes, (G,): log(variance / mean), compared within 20 bins of the mean.

    As Seurat's first recipe (Satija et al. 2015) and `scanpy.pp.highly_variable_genes` compute them.

    Args:
        values: (N, G).
        training: numbers of the training samples.
        logged: whether the values are log(1 + x), which is undone.
    """
    count = len(training)
    total = torch.zeros(values.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for part in pieces(values, training):
        plain = part.double().expm1() if logged else part.double()
        total += plain.sum(0)
        squares += (plain**2).sum(0)
    mean = total / count
    variance = (squares / count - mean**2).clamp(min=0) * count / max(count - 1, 1)
    mean = torch.where(mean == 0, 1e-12, mean)
    ratio = (variance / mean).numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        dispersion = np.where(ratio > 0, np.log(ratio), np.nan)
    level = np.log1p(mean.numpy())
    edges = np.linspace(level.min(), level.max(), BINS + 1)
    bins = np.clip(np.searchsorted(edges, level, side="left") - 1, 0, BINS - 1)
    found = np.zeros(len(dispersion))
    for each in np.unique(bins):
        inside = (bins == each) & ~np.isnan(dispersion)
        if inside.sum() == 1:
            found[inside] = 1.0  # alone in its bin, as there
        elif inside.any():
            spread = dispersion[inside].std(ddof=1)
            found[inside] = (dispersion[inside] - dispersion[inside].mean()) / spread if spread > 0 else 0.0
    return found


def _deviations(values: Values, training: NDArray[Any], *, median: bool) -> NDArray[np.float64]:
    """Mean (or median) absolute deviations of genes from their mean (or median), (G,), a few genes at a time."""
    found = np.empty(values.shape[1])
    columns = values.tocsc() if sparse.issparse(values) else values
    step = max(1, 2**22 // max(len(training), 1))
    for start in range(0, values.shape[1], step):
        part: Any = columns[:, start : start + step]
        part = (part.toarray() if sparse.issparse(part) else part)[training].astype(np.float64)
        middle = np.median(part, 0) if median else part.mean(0)
        apart = np.abs(part - middle)
        found[start : start + step] = np.median(apart, 0) if median else apart.mean(0)
    return found
