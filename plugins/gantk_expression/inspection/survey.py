"""What an expression file holds: layers and their numbers, zeros, repeats, annotation and what it explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from gantk import console
from gantk_expression.data.genes import chosen_genes
from gantk_expression.data.samples import missing_values
from gantk_expression.data.splits import contents_of, first_of_each
from gantk_expression.files.h5ad import layers_of
from gantk_expression.files.reading import read_expression
from gantk_expression.matrix import Column, ExpressionMatrix, dense_rows, row_sums
from gantk_expression.numbers import Kind, numbers_of_matrix, recovered, what_numbers

COMPONENTS = 10
MOST_SAMPLES = 2000  # of which principal components are taken
MOST_GENES = 1000
MOST_LEVELS = 100  # of a column that is looked at as groups
INTEGER = 0.005  # share of a count that one that was recovered may be away from an integer


@dataclass(frozen=True)
class Layer:
    """The numbers of one layer.

    Args:
        name: "X", "raw", …; None of it is given to `data.layer`.
        kind: what the numbers are.
        zeros: share of zeros.
        missing: how many numbers are missing.
        totals: column of obs with which counts come back from log1p of counts per 10,000; None: they do not.
        apart: how far these are from integers, as a share of a count.
    """

    name: str
    kind: Kind
    zeros: float
    missing: int
    totals: str | None = None
    apart: float = 0.0


@dataclass(frozen=True)
class Annotation:
    """A column of annotation of the samples.

    Args:
        name: of the column.
        numeric: whether these are numbers.
        levels: how many different entries.
        smallest: samples of the rarest entry.
        alone: entries that a single sample has.
        missing: samples without an entry.
        explained: share of the variance of ten principal components that lies between its groups; None: not looked at.
        chance: that share where groups were drawn at random, (groups - 1) / (samples - 1).
        some: a few entries.
    """

    name: str
    numeric: bool
    levels: int
    smallest: int
    alone: int
    missing: int
    explained: float | None
    chance: float
    some: str


@dataclass(frozen=True)
class Survey:
    """Everything that was seen in a file; `matrix` has the numbers of the layer `chosen`."""

    path: Path
    matrix: ExpressionMatrix
    how: str
    layers: list[Layer]
    chosen: Layer
    columns: list[Annotation]
    repeated_genes: int
    constant_genes: int
    equal_samples: int
    empty_samples: int
    scores: NDArray[Any]


ORDER = ("counts", "log1p", "normalised", "log2", "unit", "scaled")
"""Kinds of numbers, the one to train on first."""


def survey(path: Path, given: Mapping[str, Any]) -> Survey:
    """Looks at all layers of a file, and closer at the one to train on.

    Args:
        path: the file.
        given: keys of the `data` block that are decided: `layer`, `obs`, `genes_in`.

    Raises:
        DataError: it cannot be read.
    """
    names = layers_of(path) if path.suffix.lower() == ".h5ad" else ["X"]
    known: dict[str, Any] = {key: given[key] for key in ("obs", "genes_in") if key in given}
    if "obs" in known:
        known["obs"] = Path(str(known["obs"]))
    if "layer" in given:
        names = [str(given["layer"] or "X")]
    found: list[tuple[Layer, ExpressionMatrix, str]] = []
    with console.once():
        for name in names:
            matrix, how = read_expression(path, layer=None if name == "X" else name, **known)
            found.append((_layer(name, matrix), matrix, how))
    chosen, matrix, how = min(found, key=lambda each: ORDER.index(each[0].kind.numbers))
    values = _without_missing(matrix)
    contents = contents_of(matrix.values)
    scores = principal_components(values)
    shares = scores.var(0) / max(scores.var(0).sum(), 1e-12)
    sums = row_sums(values)
    return Survey(
        path,
        matrix,
        how,
        [layer for layer, _, _ in found],
        chosen,
        [_annotation(name, column, scores, shares) for name, column in matrix.obs.items()],
        repeated_genes=sum(n - 1 for n in Counter(matrix.genes).values()),
        constant_genes=int(_constant(values).sum()),
        equal_samples=int((first_of_each(contents) != np.arange(len(contents))).sum()),
        empty_samples=int((sums == 0).sum()) if chosen.kind.numbers != "scaled" else 0,
        scores=scores,
    )


def _layer(name: str, matrix: ExpressionMatrix) -> Layer:
    missing = int(missing_values(matrix).sum())
    values = _without_missing(matrix)
    kind = numbers_of_matrix(matrix, values)
    stored = np.count_nonzero(values.data) if sparse.issparse(values) else np.count_nonzero(values)
    zeros = 1 - stored / max(values.shape[0] * values.shape[1], 1)
    if kind.numbers == "log1p":
        for column, each in matrix.obs.items():
            if each.numeric and (each.values > 0).all() and (each.values == np.rint(each.values)).all():
                apart = recovered(values, each.values)
                if apart < INTEGER:
                    return Layer(name, kind, zeros, missing, column, apart)
    return Layer(name, kind, zeros, missing)


def _without_missing(matrix: ExpressionMatrix) -> Any:
    values = matrix.values
    if sparse.issparse(values):
        if np.isnan(values.data).any():
            values = values.copy()
            values.data = np.nan_to_num(values.data)
        return values
    return np.nan_to_num(values)


def _constant(values: Any) -> NDArray[np.bool_]:
    if sparse.issparse(values):
        low, high = values.min(0).toarray().ravel(), values.max(0).toarray().ravel()
    else:
        low, high = values.min(0), values.max(0)
    return np.asarray(low == high)


def principal_components(values: Any) -> NDArray[np.float64]:
    """Scores of the samples, (N, up to 10), of up to 1,000 genes that vary most, logarithms of what is none.

    Components are fitted on up to 2,000 samples spread over the file.
    """
    kind = what_numbers(values).numbers
    rows = np.unique(np.linspace(0, values.shape[0] - 1, MOST_SAMPLES).astype(int))
    genes = chosen_genes(values[rows], np.arange(len(rows)), kind, "mean_deviation", MOST_GENES)
    part = dense_rows(values[:, genes], slice(None)).double()
    if kind in ("counts", "normalised"):
        part = (part * (1e4 / part.sum(1, keepdim=True).clamp(min=1e-9))).log1p()
    part = part - part[rows].mean(0)
    count = min(COMPONENTS, len(rows) - 1, part.shape[1])
    if count < 1:
        return np.zeros((len(part), 1))
    _, _, directions = torch.linalg.svd(part[rows], full_matrices=False)
    return (part @ directions[:count].T).numpy()


def _annotation(name: str, column: Column, scores: NDArray[Any], shares: NDArray[Any]) -> Annotation:
    texts = np.array(column.texts(), object)
    there = texts != ""
    counts = Counter(texts[there].tolist())
    grouped = 2 <= len(counts) <= min(MOST_LEVELS, max(2, int(there.sum()) // 2))
    explained = _explained(texts[there], scores[there], shares) if grouped else None
    numbers = column.numeric and len(counts) > 12
    if numbers:
        some = f"{np.nanmin(column.values):.4g} to {np.nanmax(column.values):.4g}"
    else:
        some = ", ".join(column.levels()[:4]) + (", …" if len(counts) > 4 else "")
    return Annotation(
        name,
        column.numeric,
        len(counts),
        min(counts.values(), default=0),
        sum(n == 1 for n in counts.values()),
        int((~there).sum()),
        explained,
        (len(counts) - 1) / max(int(there.sum()) - 1, 1),
        some,
    )


def _explained(texts: NDArray[Any], scores: NDArray[Any], shares: NDArray[Any]) -> float:
    """The share of the variance of the components, weighted by their own, that lies between the groups."""
    _, member = np.unique(texts.astype(str), return_inverse=True)
    sizes = np.bincount(member).astype(float)
    centred = scores - scores.mean(0)
    between = np.zeros(scores.shape[1])
    for component in range(scores.shape[1]):
        means = np.bincount(member, centred[:, component]) / sizes
        between[component] = (sizes * means**2).sum() / max((centred[:, component] ** 2).sum(), 1e-12)
    return float((between * shares).sum())
