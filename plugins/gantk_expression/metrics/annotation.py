"""Columns of annotation of samples, and how strongly a number of each sample goes with one: AUROC or correlation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, rankdata, spearmanr

from gantk.data import as_dataset
from gantk.interfaces import Dataset

Rows = NDArray[np.float64]
MOST_LEVELS = 12  # of a column of words, each of which becomes a column of yes and no


@dataclass(frozen=True)
class Annotation:
    """One column: yes and no, or a number.

    Args:
        name: "sex=male", "age".
        values: (N,), 0 and 1 or numbers, NaN where nothing is known.
        kind: which of the two.
    """

    name: str
    values: Rows
    kind: Literal["two classes", "number"]


@dataclass(frozen=True)
class Association:
    """How strongly numbers go with a column.

    Args:
        score: AUROC of yes over no, or Spearman's correlation, (numbers,).
        strength: AUROC or 1 - AUROC, whichever is larger; the size of the correlation; (numbers,).
        p: of no association, corrected for how many numbers there are (Bonferroni), (numbers,).
    """

    score: Rows
    strength: Rows
    p: Rows

    @property
    def best(self) -> int:
        """Which number goes with the column most strongly."""
        return int(self.strength.argmax())


def association(numbers: Rows, column: Annotation) -> Association:
    """How strongly each of some numbers goes with a column.

    Two classes: AUROC, and the test of Mann and Whitney; numbers: Spearman's correlation and its test. Numbers that are
    the same in all samples go with nothing (AUROC .5, correlation 0).

    Args:
        numbers: (N, L).
        column: (N,) values.
    """
    known = np.isfinite(column.values)
    numbers, values = numbers[known], column.values[known]
    count = numbers.shape[1]
    score = np.full(count, 0.5 if column.kind == "two classes" else 0.0)
    p = np.ones(count)
    varying = np.ptp(numbers, axis=0) > 0
    if column.kind == "two classes":
        yes, no = numbers[values == 1][:, varying], numbers[values == 0][:, varying]
        found = mannwhitneyu(yes, no, axis=0, method="asymptotic")
        score[varying], p[varying] = found.statistic / (len(yes) * len(no)), found.pvalue
        strength = np.maximum(score, 1 - score)
    else:
        for at in np.flatnonzero(varying):
            result = spearmanr(numbers[:, at], values)
            score[at], p[at] = result.statistic, result.pvalue
        strength = np.abs(score)
    return Association(score, strength, np.minimum(1.0, p * count))


def auroc(scores: Rows, truth: Rows) -> float:
    """The probability that a yes scores above a no, ties half: (N,) scores, (N,) 0 and 1."""
    ranks = rankdata(scores)
    yes = truth == 1
    count = int(yes.sum())
    return float((ranks[yes].sum() - count * (count + 1) / 2) / (count * (len(truth) - count)))


def columns_of(data: Dataset) -> list[Annotation]:
    """What is known of the samples of a split: labels, columns of a file, scalar facts of simulated data.

    Words of up to twelve kinds become columns of yes and no; others, and what is the same in all samples, are left out.
    """
    count = len(data)
    batch = as_dataset(data).batch(torch.arange(count), None)
    found: dict[str, Annotation] = {}

    def add(name: str, values: Any) -> None:
        for each in _columns(name, values):
            found.setdefault(each.name, each)

    classes = data.spec.classes
    if batch.labels is not None and classes:
        add(str(data.spec.attributes.get("label", "class")), np.array([classes[at] for at in batch.labels.tolist()]))
    columns: Mapping[str, Any] = getattr(data, "obs", {})
    for name, column in columns.items():
        add(name, column.values if column.numeric else np.array(column.texts()))
    for name, fact in batch.truth.items():
        if fact.dim() == 1:
            add(name, fact.double().cpu().numpy())
    return list(found.values())


def _columns(name: str, values: Any) -> Iterator[Annotation]:
    if values.dtype.kind == "f" and len(np.unique(values[np.isfinite(values)])) > 2:
        yield Annotation(name, values.astype(np.float64), "number")
        return
    if values.dtype.kind == "f":
        texts = np.array(["" if not np.isfinite(value) else f"{value:g}" for value in values])
    else:
        texts = values.astype(str)
    levels = [level for level in dict.fromkeys(texts.tolist()) if level]
    if not 2 <= len(levels) <= MOST_LEVELS:
        return
    known = texts != ""
    shown = sorted(levels)[1:] if len(levels) == 2 else levels  # of two, one says all
    for level in shown:
        yes = np.where(known, (texts == level).astype(np.float64), np.nan)
        if min((yes == 1).sum(), (yes == 0).sum()) >= 3:
            yield Annotation(f"{name}:{level}", yes, "two classes")
