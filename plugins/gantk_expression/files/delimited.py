"""Reads expression from CSV and TSV, genes in rows or in columns, plain or compressed; and tables of annotation."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gantk import machine
from gantk.errors import DataError
from gantk.messages import printable
from gantk_expression.files.text_lines import MISSING, numbers_in, text_of
from gantk_expression.matrix import Column, ExpressionMatrix, column_of, origin_of

GenesIn = Literal["auto", "rows", "columns"]

GENE_WORDS = re.compile(r"(gene|probe|symbol|ensembl|transcript|feature|hgnc|id_ref|entrez)", re.IGNORECASE)
SAMPLE_WORDS = re.compile(r"(sample|cell|barcode|patient|donor|well|obs)", re.IGNORECASE)
GENE = re.compile(
    r"ENS[A-Z]*G\d{6,}(\.\d+)?|[A-Z][A-Z0-9]{1,9}([-.][A-Z0-9]{1,5})?|[A-Z][a-z][a-z0-9]{1,9}|\d+_([a-z]_)?at"
)
BARCODE = re.compile(r"[ACGT]{8,}(-\d+)?|(sample|cell|s|c)[-_. ]?\d+", re.IGNORECASE)
FIELD = 60  # bytes of a field while a table is read
SEEN = 50  # rows by which columns of numbers and of text are told apart
LABEL = "label"
"""The column in which gantk writes classes."""


@dataclass(frozen=True)
class Table:
    """A table of text: N rows of F fields, and a heading."""

    heading: list[str]
    body: list[list[str]]
    lines: list[int]
    named: str


def _table(path: Path) -> Table:
    """The rows of a delimited file, all as wide as the heading; one shorter heading (R's) is filled up.

    Raises:
        DataError: it cannot be read, is no table, or has rows of other widths.
    """
    named = printable(str(path))
    text = text_of(path)
    first = next((line for line in text.split("\n", 200)[:200] if line.strip()), "")
    delimiter = max("\t,;", key=first.count)
    fields = text.count(delimiter) + text.count("\n") + 1
    machine.refuse_above_data_limit(FIELD * fields, f"{named}: with {fields:,} fields it", DataError)
    rows = list(_rows(text, delimiter, named))
    if len(rows) < 2:
        raise DataError(f"{named}: no table: a heading and a row or more are needed")
    heading, body = rows[0][1], [row for _, row in rows[1:]]
    if len(heading) == len(body[0]) - 1:
        heading = ["", *heading]
    if len(heading) < 2:
        raise DataError(f"{named}: has one column; commas, semicolons or tabs must stand between fields")
    for number, row in rows[1:]:
        if len(row) != len(heading):
            raise DataError(f"{named}, line {number}: {len(row):,} fields, and the heading has {len(heading):,}")
    return Table(heading, body, [number for number, _ in rows[1:]], named)


def _rows(text: str, delimiter: str, named: str) -> Iterator[tuple[int, list[str]]]:
    if '"' not in text:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield number, [field.strip() for field in line.split(delimiter)]
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(row):
                yield reader.line_num, [field.strip() for field in row]
    except csv.Error as error:
        raise DataError(f'{named}, line {reader.line_num}: {error}; is a quote (") not closed?') from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.lower() in MISSING
    return True


def read_delimited(
    path: Path, genes_in: GenesIn = "auto", annotation: Collection[str] = ()
) -> tuple[ExpressionMatrix, str]:
    """The numbers of a table, samples in rows, and how it was read, in words.

    Args:
        path: a table with a heading; the first column names the rows.
        genes_in: where genes stand; auto: by their names and by the columns of text.
        annotation: columns that a recipe speaks of, which are annotation of samples even where they are numbers.

    Raises:
        DataError: it is missing, damaged, or holds something else than numbers.
    """
    table = _table(path)
    some = table.body[:: max(1, len(table.body) // SEEN)]
    known = {*annotation, LABEL} & set(table.heading[1:])
    texts = [
        at for at, title in enumerate(table.heading)
        if at and (title in known or not all(_is_number(row[at]) for row in some))
    ]  # fmt: skip
    where, why = (genes_in, "as data.genes_in says") if genes_in != "auto" else _orientation(table, texts, known)
    numbers = [at for at in range(1, len(table.heading)) if at not in set(texts)]
    if not numbers:
        raise DataError(f"{table.named}: has no column of numbers; decimal commas? Save it with points")
    titles = [table.heading[at] for at in numbers]
    values = np.empty((len(table.body), len(numbers)), np.float32)
    for at, row in enumerate(table.body):
        fields = [row[column] for column in numbers]
        values[at] = numbers_in(fields, table.named, table.lines[at], titles)
    about = {table.heading[at]: column_of([row[at] for row in table.body]) for at in texts}
    rows, columns = [row[0] for row in table.body], titles
    if where == "rows":
        found = ExpressionMatrix(np.ascontiguousarray(values.T), genes=rows, samples=columns, var=about)
    else:
        found = ExpressionMatrix(values, genes=columns, samples=rows, obs=about, origin=origin_of(about))
    return found, f"genes in {where} ({why})"


def _orientation(table: Table, texts: Sequence[int], known: Collection[str]) -> tuple[Literal["rows", "columns"], str]:
    """Where genes stand, and why."""
    if known:
        return "columns", f"the heading has {', '.join(sorted(known))}"
    first = table.heading[0]
    if GENE_WORDS.search(first):
        return "rows", f"the first column is called {printable(first)}"
    if SAMPLE_WORDS.search(first):
        return "columns", f"the first column is called {printable(first)}"
    repeated = [at for at in texts if len({row[at] for row in table.body}) <= len(table.body) // 2]
    if repeated:
        return "columns", f"{printable(table.heading[repeated[0]])} is annotation of samples"
    down, across = _share_of_genes([row[0] for row in table.body]), _share_of_genes(table.heading[1:])
    if abs(down - across) > 0.2:
        return ("rows", "by their names") if down > across else ("columns", "by their names")
    return ("rows", "there are more rows") if len(table.body) >= len(table.heading) else ("columns", "more columns")


def _share_of_genes(names: Sequence[str]) -> float:
    some = names[:: max(1, len(names) // 200)]
    right = sum(GENE.fullmatch(name) is not None and BARCODE.fullmatch(name) is None for name in some)
    return right / max(len(some), 1)


def read_annotation(path: Path) -> Mapping[str, Mapping[str, str]]:
    """A table of annotation of samples: column to the entry of each sample, by its name in the first column.

    Raises:
        DataError: it is missing, damaged, or names a sample twice.
    """
    table = _table(path)
    names = [row[0] for row in table.body]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{table.named}: has two rows for '{printable(twice)}'")
    return {title: {row[0]: row[at] for row in table.body} for at, title in enumerate(table.heading) if at and title}


def with_annotation(matrix: ExpressionMatrix, path: Path) -> ExpressionMatrix:
    """A matrix with further columns of `obs`, from a table whose first column names the samples.

    Raises:
        DataError: what `read_annotation` raises, or it knows none of these samples.
    """
    columns: dict[str, Column] = dict(matrix.obs)
    known = 0
    for title, entries in read_annotation(path).items():
        known = sum(name in entries for name in matrix.samples)
        columns[title] = column_of([entries.get(name, "") for name in matrix.samples])
    if not known:
        raise DataError(
            f"{printable(str(path))}: its first column names none of the samples ('{printable(matrix.samples[0])}', …)"
        )
    return ExpressionMatrix(
        matrix.values, matrix.genes, matrix.samples, columns, matrix.var, matrix.origin, matrix.facts
    )
