"""What a table says beside its sequences: class labels, scores, expression bins, annotation, the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from gantk.errors import DataError
from gantk_dna.data.splitting import TRAIN, side_named
from gantk_dna.files.cleaning import Anchor
from gantk_dna.files.sequences import Record
from gantk_dna.files.tables import number_in


@dataclass(frozen=True)
class Labels:
    """Labels (N,) int64 with their class names, and scores (N,) float32; None where there are none."""

    labels: np.ndarray | None
    classes: tuple[str, ...]
    scores: np.ndarray | None


def label_rows(
    path: Path,
    records: Sequence[Record],
    sides: np.ndarray,
    told: Counter[str],
    *,
    label: str | None,
    scores: np.ndarray | None,
    bins: int | None,
    percentiles: tuple[float, float],
) -> tuple[Labels, np.ndarray]:
    """Labels and scores of the rows, and the numbers of the rows whose scores are in the range that stays.

    Args:
        path: for messages.
        records: rows of a table.
        sides: the side of each: bins and percentiles are those of the training scores.
        told: counts by reason; rows with other scores are added.
        label: column of class names.
        scores: of each row, (N,), or None.
        bins: how many labels are made of the scores.
        percentiles: range of scores that stays.

    Raises:
        DataError: an empty label, scores that make no such bins, contradicting parameters.
    """
    if bins and (label or scores is None):
        raise DataError("data.bins makes labels of data.score: give a score, and no label")
    left = np.arange(len(records))
    if scores is not None:
        training = scores[sides == TRAIN]
        if not len(training):
            raise DataError(f"{path}: no sequence with a score is in the training split")
        if percentiles != (0.0, 100.0):
            low, high = np.percentile(training, percentiles)
            inside = (scores >= low) & (scores <= high)
            reason = f"with scores outside the training percentiles {percentiles[0]:g} to {percentiles[1]:g}"
            told[reason] += int((~inside).sum())
            left, scores = left[inside], scores[inside]
    elif percentiles != (0.0, 100.0):
        raise DataError("data.percentiles chooses by data.score: give a score")
    if label:
        return _named(path, [records[at] for at in left.tolist()], label, scores), left
    if bins and scores is not None:
        return _binned(path, scores, scores[sides[left] == TRAIN], bins), left
    return Labels(None, (), scores), left


def score_rows(
    path: Path, records: Sequence[Record], columns: Sequence[str], told: Counter[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the rows that have one, (n,) float32, and the numbers of these rows, (n,).

    Args:
        path: for messages.
        records: rows of a table.
        columns: a column of numbers, or columns of counts in bins.
        told: counts by reason; rows without a score are added.

    Raises:
        DataError: a wrong number, or no row has a score.
    """
    numbers = [number_in(path, record, columns) for record in records]
    left = np.array([at for at, number in enumerate(numbers) if number is not None], np.int64)
    if not len(left):
        raise DataError(f"{path}: no sequence has a score in {', '.join(columns)}")
    told["without a score"] += len(records) - len(left)
    return np.array([number for number in numbers if number is not None], np.float32), left


def _named(path: Path, records: Sequence[Record], column: str, scores: np.ndarray | None) -> Labels:
    for record in records:
        if not record.fields[column]:
            raise DataError(f"{path}, line {record.line}: the field '{column}' is empty")
    names = [record.fields[column] for record in records]
    classes = sorted(set(names))
    if len(classes) > max(100, len(names) // 5):
        raise DataError(f"{path}: '{column}' has {len(classes):,} different entries; is it a label?")
    number = {name: at for at, name in enumerate(classes)}
    return Labels(np.array([number[name] for name in names], np.int64), tuple(classes), scores)


def _binned(path: Path, scores: np.ndarray, training: np.ndarray, bins: int) -> Labels:
    edges = np.quantile(training, np.arange(1, bins) / bins)
    if len(np.unique(edges)) < bins - 1 or edges[0] <= training.min():
        raise DataError(f"{path}: too many scores are equal to make {bins} bins of them; give fewer data.bins")
    between = [f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges)]
    classes = (f"below {edges[0]:.3g}", *between, f"{edges[-1]:.3g} and above")
    return Labels(np.searchsorted(edges, scores, side="right").astype(np.int64), classes, scores)


def given_sides(path: Path, records: Sequence[Record], column: str) -> np.ndarray:
    """The side that a table's own column says, (N,).

    Raises:
        DataError: an entry that is none of train, validation and test, nor a usual word for these.
    """
    sides = np.zeros(len(records), np.int64)
    for at, record in enumerate(records):
        side = side_named(record.fields[column])
        if side is None:
            raise DataError(
                f"{path}, line {record.line}: '{column}' is {record.fields[column]!r}, but a given split has train, "
                "validation and test; for groups that stay together say data.split_by=group"
            )
        sides[at] = side
    return sides


def annotation_rows(path: Path, records: Sequence[Record], column: str, length: int, anchor: Anchor) -> np.ndarray:
    """Marks from strings of 0 and 1, cut and filled (with 0) as their sequences are: (N, L) uint8.

    Raises:
        DataError: another character, or not as long as the sequence.
    """
    rows = np.zeros((len(records), length), np.uint8)
    for at, record in enumerate(records):
        text = "".join(record.fields[column].split())
        if set(text) - {"0", "1"} or len(text) != len(record.sequence):
            raise DataError(
                f"{path}, line {record.line}: '{column}' must be a 0 or 1 for each of the {len(record.sequence)} "
                f"letters, not {text[:20]!r} of length {len(text)}"
            )
        spare = len(text) - length
        first = {"start": 0, "centre": spare // 2, "end": spare}[anchor]
        marks = np.frombuffer(text.encode(), np.uint8) - ord("0")
        low, high = max(first, 0), min(first + length, len(text))
        rows[at, low - first : high - first] = marks[low:high]
    return rows


def repeats_removed(
    records: Sequence[Record],
    columns: Mapping[str, str | None],
    scores: np.ndarray | None,
    stays: np.ndarray,
    both_strands: bool,
    duplicates: str,
) -> str:
    """Why repeats are removed, in words, and of how many the table says something else than of those that stay.

    Args:
        records: rows of a table.
        columns: what they are compared in, by what it is called; None: there is no such column.
        scores: of each row, (N,), or None.
        stays: (N,) the number of the equal sequence that stays.
        both_strands: whether reverse complements are equal, too.
        duplicates: "average", or else the first stays.
    """
    others: dict[str, int] = {}
    for what, column in columns.items():
        if column:
            entries = [record.fields[column] for record in records]
            if what == "annotation" and both_strands:
                entries = [min(entry, entry[::-1]) for entry in entries]
            others[f"another {what}"] = sum(entry != entries[at] for entry, at in zip(entries, stays, strict=True))
    if scores is not None:
        done = "averaged" if duplicates == "average" else "the first stays; data.duplicates=average: the mean"
        others[f"another score: {done}"] = int((scores != scores[stays]).sum())
    same = "equal to an earlier one" + (" or its reverse complement" if both_strands else "")
    told = ", ".join(f"{number:,} with {what}" for what, number in others.items() if number)
    return f"{same} (of them {told})" if told else same
