"""Reads GCT 1.2 and 1.3, text files of the Broad Institute: genes in rows, annotation beside the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gantk import machine
from gantk.errors import DataError
from gantk.messages import printable
from gantk_expression.files.text_lines import numbers_in, text_of
from gantk_expression.matrix import Column, ExpressionMatrix, column_of, origin_of

MISSING = ("", "na", "nan", "null", "none", "-666")
"""What stands for no entry in annotation; -666 is the Broad Institute's."""


def read_gct(path: Path) -> ExpressionMatrix:
    """All numbers of a GCT file, samples in rows, with the annotation of samples (`obs`) and genes (`var`).

    Raises:
        DataError: it is missing, damaged, or of another form.
    """
    named = printable(str(path))
    lines = text_of(path).split("\n")
    lines = [line.rstrip("\r") for line in lines]
    version = lines[0].strip() if lines else ""
    if version not in ("#1.2", "#1.3"):
        raise DataError(f"{named}, line 1: a GCT file begins with #1.2 or #1.3, not {printable(version[:40])!r}")
    sizes = _sizes(named, lines[1] if len(lines) > 1 else "", 2 if version == "#1.2" else 4)
    genes, samples = sizes[:2]
    described, annotated = sizes[2:] if version == "#1.3" else (1, 0)
    before = 1 + described  # columns in front of the numbers
    machine.refuse_above_data_limit(
        4 * genes * samples, f"{named}: with {genes:,} genes of {samples:,} samples", DataError
    )
    body = lines[2:]
    while body and not body[-1].strip():
        body.pop()
    if len(body) != 1 + annotated + genes:
        raise DataError(
            f"{named}: {len(body):,} lines behind the second one, and it announces {1 + annotated + genes:,}: a "
            f"heading, {annotated:,} lines of annotation and {genes:,} genes"
        )
    heading = body[0].split("\t")
    if len(heading) != before + samples:
        raise DataError(f"{named}, line 3: {len(heading):,} fields, and it announces {before} + {samples:,}")
    obs = {}
    for number, line in enumerate(body[1 : 1 + annotated], 4):
        fields = _fields(named, number, line, before + samples)
        obs[fields[0]] = column_of(fields[before:], MISSING)
    values = np.empty((samples, genes), np.float32)
    names, about = [], []
    for at, line in enumerate(body[1 + annotated :]):
        number = 4 + annotated + at
        fields = _fields(named, number, line, before + samples)
        names.append(fields[0])
        about.append(fields[1:before])
        values[:, at] = numbers_in(fields[before:], named, number, heading[before:])
    var = {
        title: column_of(list(entries), MISSING)
        for title, entries in zip(heading[1:before], zip(*about, strict=True), strict=True)
    }
    return ExpressionMatrix(
        values,
        genes=names,
        samples=heading[before:],
        obs=obs,
        var=var if version == "#1.3" else {"Description": Column(np.array([each[0] for each in about], object))},
        origin=origin_of(obs),
    )


def _sizes(named: str, line: str, count: int) -> list[int]:
    fields = line.split("\t")
    while len(fields) > count and not fields[-1].strip():
        fields.pop()
    if len(fields) != count or not all(each.strip().isdecimal() and len(each.strip()) < 12 for each in fields):
        raise DataError(
            f"{named}, line 2: {count} whole numbers are needed (genes, samples, …), not {printable(line[:60])!r}"
        )
    found = [int(each) for each in fields]
    if not found[0] or not found[1]:
        raise DataError(f"{named}, line 2: {found[0]} genes of {found[1]} samples; there must be some of both")
    return found


def _fields(named: str, number: int, line: str, wanted: int) -> list[str]:
    fields = line.split("\t")
    if len(fields) != wanted:
        raise DataError(f"{named}, line {number}: {len(fields):,} fields, and the heading has {wanted:,}")
    return fields
