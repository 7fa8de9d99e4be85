"""How often sequences were observed, by a column of weights, and what their records are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gantk.errors import DataError
from gantk_dna.files.sequences import Record
from gantk_dna.files.tables import number_in

NAME_COLUMNS = ("name", "id")
"""Columns, in any case, of what the records of a table are called."""

MANY_EQUAL = 0.3
"""Share of repeats from which on it is said how repeats can count."""


def named(records: Sequence[Record], column: str | None = None) -> list[Record]:
    """The records, each by the name that its table says, or else by its number: row_12, line_12.

    Args:
        records: rows of a table, or of another file.
        column: of the names; None: one of `NAME_COLUMNS`, where there is one.
    """
    columns = {name.lower(): name for name in (records[0].fields if records else ())}
    column = column or next((columns[name] for name in NAME_COLUMNS if name in columns), None)
    return [
        replace(record, name=(column and record.fields[column]) or record.name.replace(" ", "_")) for record in records
    ]


def weights_of(path: Path, records: Sequence[Record], column: str) -> NDArray[np.float64]:
    """How often each was observed, (N,).

    Raises:
        DataError: a field that is no number from 0; the message names line and column.
    """
    found = np.zeros(len(records))
    for at, record in enumerate(records):
        weight = number_in(path, record, [column])
        if weight is None or weight < 0:
            text = record.fields[column]
            raise DataError(f"{path}, line {record.line}: the weight '{column}' is {text!r}, not a number from 0")
        found[at] = weight
    return found


def entries_of(left_out: Sequence[str]) -> dict[str, list[str]]:
    """By column, the entries whose rows are left out.

    Args:
        left_out: COLUMN=ENTRY each.

    Raises:
        DataError: one has no `=`.
    """
    found: dict[str, list[str]] = {}
    for text in left_out:
        column, sign, entry = text.partition("=")
        if not (sign and column.strip()):
            raise DataError(f"data.leave_out: {text!r} is not COLUMN=ENTRY, as in [label=ambiguous]")
        found.setdefault(column.strip(), []).append(entry.strip())
    return found


def others_than(path: Path, records: list[Record], left_out: Sequence[str], told: Counter[str]) -> list[Record]:
    """Those records that have none of some entries.

    Args:
        path: for messages.
        records: rows of a table.
        left_out: COLUMN=ENTRY each.
        told: counts by reason; those that are left out are added.

    Raises:
        DataError: no row has such an entry, or all have.
    """
    for column, entries in entries_of(left_out).items():
        have = {record.fields[column].strip() for record in records}
        for entry in entries:
            if entry not in have:
                some = ", ".join(sorted(have)[:10])
                raise DataError(f"{path}: data.leave_out: '{column}' is nowhere '{entry}'; there are {some}")
            rest = [record for record in records if record.fields[column].strip() != entry]
            told[f"left out: {column}={entry}"] += len(records) - len(rest)
            records = rest
    if not records:
        raise DataError(f"{path}: data.leave_out leaves no sequence")
    return records


def observed(path: Path, records: Sequence[Record], column: str, told: Counter[str]) -> list[Record]:
    """Those records whose weight is not 0.

    Args:
        path: for messages.
        records: rows of a table.
        column: of the weights.
        told: counts by reason; what is left out is added.

    Raises:
        DataError: a field that is no number from 0, or all are 0.
    """
    weights = weights_of(path, records, column)
    if not weights.any():
        raise DataError(f"{path}: all weights in the column '{column}' are 0")
    told["with weight 0"] += int((weights == 0).sum())
    return [records[at] for at in np.flatnonzero(weights).tolist()]


def merged(path: Path, records: Sequence[Record], column: str) -> tuple[list[Record], NDArray[np.float64]]:
    """The first of equal sequences, in any case of letters, and the weight of all of them; without those of weight 0.

    Raises:
        DataError: a field that is no number from 0, or all are 0.
    """
    kept = observed(path, records, column, Counter())
    first: dict[str, int] = {}
    place = [first.setdefault(record.sequence.upper(), len(first)) for record in kept]
    alone = dict(zip(reversed(place), reversed(kept), strict=True))  # of equal ones the first is the last here
    return [alone[at] for at in range(len(first))], np.bincount(place, weights_of(path, kept, column)).astype(float)


def weights_in_words(column: str | None, weights: NDArray[np.float64] | None, copies: NDArray[np.int64] | None) -> str:
    """What is said of weights behind the counts of sequences; "" without any.

    Args:
        column: of the weights.
        weights: (N,) as the file says them.
        copies: (N,) what was made of them.
    """
    if weights is None or copies is None:
        return ""
    as_they_are = (copies == weights).all()
    scaled = "" if as_they_are else ", which were multiplied by one factor and rounded, 1 at least,"
    return f"; by the weights of '{column}'{scaled} they count as {int(copies.sum()):,}"


def repeats_in_words(repeats: int, total: int) -> str:
    """A note where many sequences are repeats, which then count once; "" where they are few.

    Args:
        repeats: sequences equal to an earlier one.
        total: all sequences.
    """
    if repeats < MANY_EQUAL * total:
        return ""
    return (
        f"; {repeats / total:.0%} of the sequences are repeats and do not count: where each is an observation of its "
        "own (sites of a genome, reads), say data.duplicates=keep"
    )
