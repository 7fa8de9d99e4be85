"""Fits transforms on training data, and applies those that leave sparse data sparse to the whole matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk_expression.matrix import ExpressionMatrix, Values, dense_rows, pieces, row_sums
from gantk_expression.numbers import Numbers
from gantk_expression.transforms import PER, STEPS, LibrarySize, RecoverCounts, Standardise, Transform, Unit


@dataclass(frozen=True)
class Fitted:
    """Numbers after the steps that leave sparse data sparse, and all steps.

    Args:
        values: (N, G).
        steps: all, in their order.
        late: those that are still to be done, batch by batch (none where the data are dense).
        numbers: what they are after all steps.
    """

    values: Values
    steps: tuple[Transform, ...]
    late: tuple[Transform, ...]
    numbers: Numbers


def fit(
    names: Sequence[str],
    values: Values,
    training: NDArray[Any],
    numbers: Numbers,
    *,
    before: Sequence[Transform] = (),
) -> Fitted:
    """Fits the steps that do not scale rows on the training rows, and applies them.

    Args:
        names: steps in their order, without those of `before`.
        values: (N, G); left as they are.
        training: numbers of the training rows.
        numbers: what the values are.
        before: steps that are already done (`scale_rows`).
    """
    late: list[Transform] = []
    steps = list(before)
    for name in names:
        step = _fitted(name, values, training, numbers, late)
        if late or not (step.elementwise or isinstance(values, np.ndarray)):
            late.append(step)
        elif isinstance(values, np.ndarray):
            values = step.apply(torch.from_numpy(values)).numpy()
        else:
            values = values.copy()
            values.data = step.apply(torch.from_numpy(values.data)).numpy()
        steps.append(step)
        numbers = step.after
    return Fitted(values, tuple(steps), tuple(late), numbers)


def _fitted(
    name: str, values: Values, training: NDArray[Any], numbers: Numbers, late: Sequence[Transform]
) -> Transform:
    """One step, fitted on the training rows after the steps of `late`."""

    def parts() -> Iterator[Tensor]:
        for part in pieces(values, training):
            for step in late:
                part = step.apply(part)
            yield part.double()

    if name == "standardise":
        count, total = len(training), torch.zeros(values.shape[1], dtype=torch.float64)
        for part in parts():
            total += part.sum(0)
        mean, squares = total / count, torch.zeros_like(total)
        for part in parts():
            squares += ((part - mean) ** 2).sum(0)
        sd = (squares / count).sqrt()
        sd[sd <= 1e-6 * mean.abs().clamp(min=1e-6)] = 1.0  # constant, up to the rounding of float32
        return Standardise(before=numbers, mean=mean.float(), sd=sd.float())
    if name == "unit":
        found = [(part.amin(0), part.amax(0)) for part in parts()]
        low = torch.stack([each for each, _ in found]).amin(0)
        high = torch.stack([each for _, each in found]).amax(0)
        return Unit(before=numbers, low=low.float(), high=torch.where(high > low, high, low + 1).float())
    if name == "library_size":
        return LibrarySize(before=numbers)
    return STEPS[name](before=numbers)


def scale_rows(
    names: Sequence[str],
    values: Values,
    training: NDArray[Any],
    numbers: Numbers,
    *,
    target: float | None = None,
    totals: NDArray[Any] | None = None,
    column: str = "",
) -> tuple[Values, tuple[Transform, ...]]:
    """The steps that scale whole rows, with all genes: done before some are chosen.

    Args:
        names: `recover_counts`, `library_size` or both, in this order.
        values: (N, all genes); left as they are.
        training: numbers of the training rows.
        numbers: what the values are.
        target: sum of a row after `library_size`; None: the median of the training rows' sums.
        totals: (N,) counts of each cell, for `recover_counts`.
        column: of obs, where these stand.
    """
    steps: list[Transform] = []
    for name in names:
        if name == "recover_counts":
            assert totals is not None
            if isinstance(values, np.ndarray):
                values = np.rint(np.expm1(values) * (totals[:, None] / PER)).astype(np.float32)
            else:
                values = values.copy()
                by_entry = np.repeat(totals / PER, np.diff(values.indptr))
                values.data = np.rint(np.expm1(values.data) * by_entry).astype(np.float32)
            steps.append(RecoverCounts(before=numbers, column=column))
        else:
            sums = row_sums(values)
            goal = float(np.median(sums[training])) if target is None else target
            factor = (goal / np.maximum(sums, 1e-12)).astype(np.float32)
            if isinstance(values, np.ndarray):
                values = values * factor[:, None]
            else:
                values = sparse.csr_matrix(
                    (values.data * np.repeat(factor, np.diff(values.indptr)), values.indices, values.indptr),
                    values.shape,
                )
            steps.append(LibrarySize(before=numbers, target=float(f"{goal:.9g}")))
        numbers = steps[-1].after
    return values, tuple(steps)


def refitted(matrix: ExpressionMatrix, steps: Sequence[Transform], places: NDArray[Any]) -> Tensor:
    """Steps that were fitted elsewhere, applied to another file: the numbers of some of its genes, (N, g), dense.

    Args:
        matrix: the file, with all its genes, over which rows are scaled.
        steps: in their order; those that scale rows come first.
        places: numbers of the genes, (g,).

    Raises:
        DoesNotFit: the file has no column with the total of each cell, where that is needed.
    """
    values, numbers = matrix.values, steps[0].before if steps else "counts"
    everything = np.arange(len(matrix))
    for step in steps:
        if isinstance(step, RecoverCounts):
            if step.column not in matrix.obs or not matrix.obs[step.column].numeric:
                raise DoesNotFit(f"the file has no column '{step.column}' with the total counts of each cell")
            totals = matrix.obs[step.column].values
            values, _ = scale_rows([step.name], values, everything, numbers, totals=totals, column=step.column)
        elif isinstance(step, LibrarySize):
            values, _ = scale_rows([step.name], values, everything, numbers, target=step.target)
    found = dense_rows(values[:, places], slice(None))
    for step in steps:
        found = found if step.by_row else step.apply(found)
    return found
