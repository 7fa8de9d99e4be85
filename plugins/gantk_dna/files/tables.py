"""Reads tables of sequences: CSV and TSV with a heading, plain or compressed; columns are named by the recipe."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from gantk.errors import DataError
from gantk.messages import did_you_mean
from gantk_dna.files.sequences import Record, lines_of

SEQUENCE_COLUMNS = ("sequence", "seq", "x", "dna")
"""What the column of sequences may be called where the recipe does not say."""


def is_table(path: Path) -> bool:
    """Whether the file's ending is that of a table."""
    name = path.with_suffix("").name if path.suffix.lower() in (".gz", ".bz2", ".xz") else path.name
    return name.lower().endswith((".csv", ".tsv", ".tab"))


def read_table(path: Path, *, sequence: str | None = None, columns: Sequence[str] = ()) -> list[Record]:
    """The rows of a table as records; blanks around fields do not count, `#` starts a comment line.

    Args:
        path: a table; tabs, commas or semicolons stand between fields.
        sequence: the column that holds the sequences; None: one of `SEQUENCE_COLUMNS`, in any case.
        columns: others that must be there.

    Raises:
        DataError: no such column, a row of another width, an empty sequence, and what `lines_of` raises.
    """
    lines = [line for line in enumerate(lines_of(path), 1) if line[1].strip()]
    first = next((line for _, line in lines if not _is_comment(line)), None)
    if first is None:
        raise DataError(f"{path}: is empty; expected a table with a heading")
    rows = _rows(path, iter(lines), max("\t,;", key=first.count))
    heading_line, heading = next(rows)
    for name in heading:
        if heading.count(name) > 1:
            raise DataError(f"{path}, line {heading_line}: two columns are called '{name}'")
    lower = {name.lower(): name for name in heading}
    if sequence is None:
        sequence = next((lower[name] for name in SEQUENCE_COLUMNS if name in lower), None)
        if sequence is None:
            raise DataError(
                f"{path}: no column is called {', '.join(SEQUENCE_COLUMNS)}: say data.sequence=COLUMN; there are "
                f"{', '.join(heading)}"
            )
    for name in (sequence, *columns):
        if name not in heading:
            hint = did_you_mean(name, heading)
            raise DataError(f"{path}: no column '{name}'{hint and f'; {hint}'} There are {', '.join(heading)}")
    records: list[Record] = []
    for line, values in rows:
        if len(values) != len(heading):
            raise DataError(f"{path}, line {line}: {len(values)} fields, but the heading has {len(heading)}")
        fields = dict(zip(heading, values, strict=True))
        text = "".join(fields[sequence].split())
        if not text:
            raise DataError(f"{path}, line {line}: the field '{sequence}' is empty")
        records.append(Record(f"row {len(records) + 1}", text, line, fields))
    if not records:
        raise DataError(f"{path}: has a heading but no rows")
    return records


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _rows(path: Path, lines: Iterator[tuple[int, str]], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the line where each row begins, and its fields, which may hold line breaks where quoted."""
    for number, line in lines:
        if _is_comment(line):
            continue
        if '"' not in line:
            yield number, [field.strip() for field in line.split(delimiter)]
            continue
        text = chain([line], (following for _, following in lines))  # csv takes as many lines as the row has
        try:
            row = next(
                csv.reader((f"{each}\n" for each in text), delimiter=delimiter, strict=True, skipinitialspace=True)
            )
        except (csv.Error, StopIteration) as error:
            raise DataError(f'{path}, line {number}: {error}; is a quote (") of this row not closed?') from error
        yield number, [field.strip() for field in row]


MISSING = ("", "na", "nan", "null", "none", ".")
"""What stands in a table for a number that is not known, in any case."""


def number_in(path: Path, record: Record, columns: Sequence[str]) -> float | None:
    """The score of a row: its one column's number, or the mean bin where several columns hold counts in bins.

    Args:
        path: for messages.
        record: the row.
        columns: one column, or one for each bin from 0.

    Returns:
        None where a field is missing, or all counts are 0.

    Raises:
        DataError: a field holds no finite number, or a negative count.
    """
    numbers = []
    for column in columns:
        text = record.fields[column]
        if text.lower() in MISSING:
            return None
        try:
            numbers.append(float(text))
        except ValueError:
            numbers.append(float("nan"))
        if not abs(numbers[-1]) < float("inf") or (len(columns) > 1 and numbers[-1] < 0):
            raise DataError(f"{path}, line {record.line}: '{column}' is {text!r}, not a number that can be used")
    if len(columns) == 1:
        return numbers[0]
    total = sum(numbers)
    return sum(bin * count for bin, count in enumerate(numbers)) / total if total else None
