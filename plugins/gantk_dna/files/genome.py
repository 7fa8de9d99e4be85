"""Genomes by contig and position: small or gzip files are read whole, large ones by an index; and BED intervals."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyfaidx

from gantk.errors import DataError
from gantk_dna.alphabet import AlphabetName
from gantk_dna.files.cleaning import encode_all
from gantk_dna.files.sequences import Record, cache_folder, is_gzip, lines_of, read_sequences

READ_WHOLE = 64 * 2**20
"""Bytes up to which a plain FASTA file is read whole, which is faster than making an index of it."""


class Contigs:
    """The contigs of a FASTA file.

    Args:
        path: the file; gzip files, also ordinary ones, are read whole.
        alphabet: of its letters.

    Raises:
        DataError: it is missing, damaged, no FASTA, or two contigs have one name.
    """

    def __init__(self, path: Path, alphabet: AlphabetName):
        self.path = path
        self.alphabet = alphabet
        self._index: pyfaidx.Fasta | None = None
        self._records: Mapping[str, Record] = {}
        self._codes: dict[str, np.ndarray] = {}
        self.lengths: dict[str, int] = {}
        if not is_gzip(path) and path.stat().st_size > READ_WHOLE:
            self._index = _open_indexed(path)
            self.lengths = {name: len(self._index[name]) for name in self._index.keys()}  # noqa: SIM118  # no mapping
            return
        records = read_sequences(path, only_fasta=True)
        for record in records:
            if record.name in self.lengths:
                raise DataError(f"{path}, line {record.line}: a second contig is called '{record.name}'; rename one")
            self.lengths[record.name] = len(record.sequence)
        self._records = {record.name: record for record in records}

    def codes(self, name: str, start: int = 0, end: int | None = None) -> np.ndarray:
        """Codes of a contig from `start` to before `end`, (end - start,) uint8.

        Raises:
            DataError: a letter that the alphabet does not have.
        """
        if self._index is not None:
            stop = self.lengths[name] if end is None else end
            try:
                text = str(self._index[name][start:stop])
            except (pyfaidx.FetchError, UnicodeDecodeError, ValueError) as error:
                raise DataError(f"{self.path}, contig '{name}' at {start + 1}: cannot be read: {error}") from error
            return encode_all(self.path, [Record(f"{name} from {start + 1}", text, 0)], self.alphabet)[0]
        if name not in self._codes:
            self._codes[name] = encode_all(self.path, [self._records[name]], self.alphabet)[0]
        return self._codes[name][start:end]


def _open_indexed(path: Path) -> pyfaidx.Fasta:
    """The file through an index that lies in the cache, made anew when the file is younger."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        index = cache_folder() / f"{sha256(os.fsencode(path.absolute())).hexdigest()[:16]}.fai"
        fasta = pyfaidx.Fasta(str(path), indexname=str(index), as_raw=True)
    except (pyfaidx.FastaIndexingError, pyfaidx.FastaNotFoundError, ValueError, OSError) as error:
        raise DataError(f"{path}: cannot be indexed: {' '.join(str(error).split())}") from error
    if not len(fasta.keys()):
        raise DataError(f"{path}: no contigs found (no '>' line)")
    return fasta


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


def read_bed(path: Path, lengths: Mapping[str, int]) -> list[Interval]:
    """The intervals of a BED file (3 to 12 columns); `track`, `browser` and `#` lines are passed over.

    Args:
        path: the file, plain or gzip.
        lengths: of the contigs that there are.

    Raises:
        DataError: a line that is no interval, or one outside its contig; the message names the line.
    """
    intervals = []
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        where = f"{path}, line {number}"
        fields = [field.strip() for field in (line.split("\t") if "\t" in line else line.split())]
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
            raise DataError(f"{where}: {start} to {end} is not in {contig}, which has {lengths[contig]:,} letters")
        name = fields[3] if len(fields) > 3 else ""
        intervals.append(Interval(contig, start, end, name, score, "-" if strand == "-" else "+", number))
    if not intervals:
        raise DataError(f"{path}: holds no intervals")
    return intervals
