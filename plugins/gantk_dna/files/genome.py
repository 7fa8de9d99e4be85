"""Genomes by contig and position, and BED intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantk.console import say
from gantk.errors import DataError
from gantk_dna.alphabet import AlphabetName
from gantk_dna.files.cleaning import encode_all
from gantk_dna.files.sequences import Record, lines_of, read_sequences
from gantk_dna.files.source import check_file


class Contigs:
    """The contigs of a FASTA, GenBank or 2bit file, read whole: two bytes a letter.

    Args:
        path: the file, plain or compressed, or a pipe.
        alphabet: of its letters.

    Raises:
        DataError: it is missing, damaged, of another format, or two contigs have one name.
    """

    def __init__(self, path: Path, alphabet: AlphabetName):
        self.path = path
        self.alphabet = alphabet
        self._records: dict[str, Record] = {}
        self._codes: dict[str, np.ndarray] = {}
        for record in read_sequences(path, only_contigs=True):
            if record.name in self._records:
                raise DataError(f"{path}, line {record.line}: a second contig is called '{record.name}'; rename one")
            self._records[record.name] = record
        self.lengths = {name: len(record.sequence) for name, record in self._records.items()}

    def codes(self, name: str, start: int = 0, end: int | None = None) -> np.ndarray:
        """Codes of a contig from `start` to before `end`, (end - start,) uint8.

        Raises:
            DataError: a letter that the alphabet does not have.
        """
        if name not in self._codes:
            record, others = self._records[name], self._records.values()
            self._codes[name] = encode_all(self.path, [record], self.alphabet, others)[0]
        return self._codes[name][start:end]


@dataclass(frozen=True, slots=True)
class Interval:
    """One line of a BED file: positions from 0, `end` not included.

    Args:
        contig: its name.
        start: first position.
        end: position behind the last one.
        name: what the line calls it, or "".
        score: its number, or 0.
        strand: "+" or "-"; "+" where the line does not say.
        line: of the file.
    """

    contig: str
    start: int
    end: int
    name: str
    score: float
    strand: str
    line: int


def read_bed(path: Path, lengths: Mapping[str, int], key: str = "data.bed") -> list[Interval]:
    """The intervals of a BED file (3 to 12 columns); `track`, `browser`, `#` lines and a heading are passed over.

    Args:
        path: the file, plain or compressed.
        lengths: of the contigs that there are.
        key: of a recipe, that gives the path, for messages.

    Raises:
        DataError: a line that is no interval, or one outside its contig; the message names the line.
    """
    check_file(path, key)
    intervals = []
    heading = True  # until the first line that is none
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip() or line.startswith("#") or line.split()[0] in ("track", "browser"):
            continue
        where = f"{path}, line {number}"
        fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
        if heading and _is_heading(fields):
            say(f"{where}: a heading ({', '.join(fields[:3])}), passed over")
            heading = False
            continue
        heading = False
        try:
            contig, start, end = fields[0], int(fields[1]), int(fields[2])
            score = float(fields[4]) if len(fields) > 4 and fields[4] != "." else 0.0
        except (IndexError, ValueError) as error:
            raise DataError(f"{where}: not an interval (contig, start, end): {line.strip()[:60]!r}") from error
        if not math.isfinite(score):
            raise DataError(f"{where}: the score {fields[4]!r} is not a finite number")
        strand = fields[5] if len(fields) > 5 else "."
        if strand not in ("+", "-", "."):
            raise DataError(f"{where}: strand {strand!r} is none of + - .")
        if contig not in lengths:
            some = ", ".join(list(lengths)[:5])
            raise DataError(f"{where}: there is no contig '{contig}' in the genome; it has {some}")
        if not 0 <= start < end <= lengths[contig]:
            raise DataError(f"{where}: {start} to {end} is no part of {contig}, which has {lengths[contig]:,} letters")
        name = fields[3] if len(fields) > 3 else ""
        intervals.append(Interval(contig, start, end, name, score, "-" if strand == "-" else "+", number))
    if not intervals:
        raise DataError(f"{path}: holds no intervals")
    return intervals


def _is_heading(fields: list[str]) -> bool:
    """Whether a line names columns: three words or more, of which the second and third hold no digit."""
    return len(fields) > 2 and not any(letter.isdecimal() for field in fields[1:3] for letter in field)
