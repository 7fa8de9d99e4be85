"""Which samples of a file are taken, and what is known of them: labels, covariates, missing values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from gantk import machine
from gantk.errors import DataError
from gantk.messages import did_you_mean, printable
from gantk_expression.matrix import Column, ExpressionMatrix

Missing = Literal["error", "drop", "mean"]
MOST_VALUES = 1000  # of a categorical covariate, or classes


def column(matrix: ExpressionMatrix, name: str, key: str, named: str) -> Column:
    """A column of annotation of the samples.

    Raises:
        DataError: there is none of that name.
    """
    if name not in matrix.obs:
        there = (
            f"there are {', '.join(matrix.obs)}"
            if matrix.obs
            else "the file says nothing of its samples: give data.obs"
        )
        raise DataError(f"{named}: no column '{printable(name)}' for {key}; {did_you_mean(name, matrix.obs, there)}")
    return matrix.obs[name]


def selected(
    matrix: ExpressionMatrix, only: Sequence[str], leave_out: Sequence[str], told: Counter[str], named: str
) -> ExpressionMatrix:
    """The samples that the recipe names.

    Args:
        matrix: all samples.
        only: "column=entry"; of one column any of its entries, of several all must hold.
        leave_out: "column=entry"; any of them is enough.
        told: counts by reason; what is left out is added.
        named: the file, for messages.

    Raises:
        DataError: no such column or entry, or nothing is left.
    """
    wanted = np.ones(len(matrix), bool)
    by_column: dict[str, NDArray[np.bool_]] = {}
    for key, entries in (("data.only", only), ("data.leave_out", leave_out)):
        for entry in entries:
            name, sign, value = entry.partition("=")
            if not sign:
                raise DataError(f"{key}: write COLUMN=ENTRY, not '{printable(entry)}'")
            texts = np.array(column(matrix, name, key, named).texts(), object)
            found = texts == value
            if not found.any():
                there = ", ".join(sorted(set(texts))[:20])
                raise DataError(
                    f"{named}: '{printable(name)}' is nowhere '{printable(value)}'; there are {printable(there)}"
                )
            if key == "data.only":
                by_column[name] = by_column.get(name, np.zeros(len(matrix), bool)) | found
            else:
                wanted &= ~found
    for found in by_column.values():
        wanted &= found
    told["not wanted by data.only or data.leave_out"] += int((~wanted).sum())
    if not wanted.any():
        raise DataError(f"{named}: data.only and data.leave_out leave no sample")
    return matrix.rows(wanted)


def with_entries(matrix: ExpressionMatrix, names: Sequence[str], told: Counter[str], named: str) -> ExpressionMatrix:
    """The samples for which each of these columns has an entry."""
    wanted = np.ones(len(matrix), bool)
    for name in names:
        there = np.array([bool(text) for text in column(matrix, name, "the recipe", named).texts()])
        told[f"without an entry in {name}"] += int((wanted & ~there).sum())
        wanted &= there
    if not wanted.any():
        raise DataError(f"{named}: no sample has an entry in {', '.join(names)}")
    return matrix.rows(wanted)


def labels_of(matrix: ExpressionMatrix, name: str, named: str) -> tuple[Tensor, tuple[str, ...]]:
    """Class numbers (N,) and the names of the classes, in the file's order.

    Raises:
        DataError: so many entries that it is no label.
    """
    found = column(matrix, name, "data.label", named)
    return _indices(found, name, "data.label", named)


def _indices(found: Column, name: str, key: str, named: str) -> tuple[Tensor, tuple[str, ...]]:
    classes = found.levels()
    if len(classes) > min(MOST_VALUES, max(50, len(found.values) // 2)):
        raise DataError(f"{named}: '{name}' has {len(classes):,} different entries, too many for {key}")
    number = {each: at for at, each in enumerate(classes)}
    return torch.tensor([number[text] for text in found.texts()]), tuple(classes)


def conditions_of(
    matrix: ExpressionMatrix, names: Sequence[str], categorical: Sequence[str], training: NDArray[Any], named: str
) -> tuple[Tensor | None, list[dict[str, Any]]]:
    """What a generator is told of each sample, (N, C), and what each of the C numbers means.

    Args:
        matrix: the samples.
        names: covariates in their order; numbers are standardised on the training samples, texts are numbered.
        categorical: those of them that are numbered though they are numbers.
        training: numbers of the training samples.
        named: the file, for messages.

    Raises:
        DataError: there is no such column, or one has too many entries.
    """
    parts: list[Tensor] = []
    about: list[dict[str, Any]] = []
    for name in names:
        found = column(matrix, name, "data.covariates", named)
        if found.numeric and name not in categorical:
            values = torch.from_numpy(found.values).float()
            mean, sd = values[training].mean().item(), values[training].std(correction=0).item()
            sd = sd if sd > 0 else 1.0
            parts.append((values - mean) / sd)
            about.append({"name": name, "mean": mean, "sd": sd})
        else:
            numbers, values_of = _indices(found, name, "data.covariates", named)
            parts.append(numbers.float())
            about.append({"name": name, "values": list(values_of)})
    return (torch.stack(parts, 1) if parts else None), about


def missing_values(matrix: ExpressionMatrix) -> NDArray[np.bool_]:
    """Where numbers are missing: (N, G) of dense data; of sparse ones the entries that are."""
    return np.isnan(matrix.values.data if sparse.issparse(matrix.values) else matrix.values)


def without_missing(
    matrix: ExpressionMatrix, missing: Missing, told: Counter[str], named: str
) -> tuple[ExpressionMatrix, int]:
    """The samples without missing numbers, or all of them where they are to be filled; and how many are missing.

    Genes that are missing in every sample are left out, unless missing values are an error.

    Raises:
        DataError: some are missing and `missing` is "error"; or no sample is left.
    """
    absent: NDArray[Any] = missing_values(matrix)
    count = int(absent.sum())
    if not count:
        return matrix, 0
    share = count / (len(matrix) * len(matrix.genes))
    if missing == "error":
        raise DataError(
            f"{named}: {count:,} numbers are missing ({share:.2%}); say data.missing=mean (each becomes its gene's "
            "mean over the training samples) or data.missing=drop (their samples are left out)"
        )
    if sparse.issparse(matrix.values):
        what = f"{named}: {len(matrix):,} samples of {len(matrix.genes):,} genes, dense since numbers are missing,"
        machine.refuse_above_data_limit(4 * len(matrix) * len(matrix.genes), what, DataError)
        matrix = replace(matrix, values=np.asarray(matrix.values.toarray(), np.float32))
        absent = missing_values(matrix)
    nowhere = np.asarray(absent.all(0))
    told["genes missing in every sample*"] += int(nowhere.sum())
    matrix, absent = matrix.columns(~nowhere), absent[:, ~nowhere]
    if missing == "mean":
        told[f"missing numbers filled with the mean of their gene ({share:.2%})*"] += int(absent.sum())
        return matrix, int(absent.sum())
    whole = ~np.asarray(absent.any(1))
    told["with missing numbers"] += int((~whole).sum())
    if not whole.any():
        raise DataError(f"{named}: every sample has missing numbers ({share:.2%} of all); say data.missing=mean")
    return matrix.rows(whole), 0


def filled(matrix: ExpressionMatrix, training: NDArray[Any]) -> ExpressionMatrix:
    """Missing numbers replaced by their gene's mean over the training samples that have one, else over all."""
    values: NDArray[Any] = np.asarray(matrix.values)
    absent = np.isnan(values)
    there = ~absent
    known = np.where(there, values, 0)
    counts = there[training].sum(0)
    mean = known[training].sum(0, dtype=np.float64) / np.maximum(counts, 1)
    everywhere = known.sum(0, dtype=np.float64) / np.maximum(there.sum(0), 1)
    mean = np.where(counts > 0, mean, everywhere).astype(np.float32)
    return replace(matrix, values=np.where(absent, mean, values).astype(np.float32))


def counts_in_words(total: int, told: Mapping[str, int], sides: NDArray[Any], what: str) -> str:
    """What became of `total` samples, in one line. Reasons that end in `*` are changes, the others removals.

    Args:
        total: how many there were.
        told: counts by reason.
        sides: side of each that is left.
        what: the shape of the data.
    """
    gone = [f"{count:,} {reason}" for reason, count in told.items() if count and not reason.endswith("*")]
    changed = [f"{count:,} {reason.rstrip('*')}" for reason, count in told.items() if count and reason.endswith("*")]
    parts = [f"{total:,} samples", *([f"left out: {', '.join(gone)}"] if gone else []), *changed, what]
    numbers = np.bincount(sides, minlength=3)
    return "; ".join([*parts, f"train {numbers[0]:,}, validation {numbers[1]:,}, test {numbers[2]:,}"])
