"""FASTQ and GenBank by Biopython, and 2bit, whose reader in Biopython can be made to crash by a file."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from Bio import BiopythonWarning, SeqIO
from Bio.SeqIO.QualityIO import FastqGeneralIterator

from gantk.errors import DataError

Found = tuple[str, str, int, dict[str, str]]
"""Name, sequence, line and fields of a record."""


class _Lines(io.StringIO):
    """Text that knows how many of its lines were read."""

    number = 0

    def __next__(self) -> str:  # type: ignore[override]  # typeshed has the bytes of the base class here
        line = super().__next__()
        self.number += 1
        return line


def fastq(path: Path, text: str) -> Iterator[Found]:
    """Records of a FASTQ file; qualities are not looked at.

    Raises:
        DataError: it is damaged.
    """
    lines = _Lines(text.strip() + "\n")
    start = 0
    try:
        for title, sequence, _ in FastqGeneralIterator(lines):
            name, *description = title.split(None, 1) or [f"record at line {start + 1}"]
            yield name, sequence, start + 1, {"description": description[0] if description else ""}
            start = lines.number
    except ValueError as error:
        raise DataError(f"{path}, record from line {start + 1}: damaged FASTQ: {error}") from error


def genbank(path: Path, text: str) -> Iterator[Found]:
    """Records of a GenBank file.

    Raises:
        DataError: it is damaged, or a record has another number of letters than its LOCUS line says, or none.
    """
    starts = [text.count("\n", 0, each.start()) + 1 for each in re.finditer("^LOCUS", text, re.MULTILINE)]
    with warnings.catch_warnings(record=True) as told:  # of headings that others write in their own way
        warnings.simplefilter("always", BiopythonWarning)
        try:
            found = [(each.name, str(each.seq), each.description) for each in SeqIO.parse(io.StringIO(text), "genbank")]
        except Exception as error:  # its parser meets damage with whatever Python raises then
            raise DataError(f"{path}: cannot be read as GenBank: {' '.join(str(error).split())}") from error
    for each in told:
        if "sequence length" in str(each.message):
            raise DataError(f"{path}: damaged GenBank file: {each.message}; is it cut short?")
    if len(found) != len(starts):
        raise DataError(f"{path}: has {len(starts)} LOCUS lines, but {len(found)} whole records; is it cut short?")
    for (name, sequence, description), line in zip(found, starts, strict=True):
        yield name, sequence, line, {"description": description}


_SIGNATURE = 0x1A412743


def is_twobit(content: bytes) -> bool:
    """Whether the bytes begin as UCSC's 2bit does, in either order of bytes."""
    return content[:4] in (struct.pack("<I", _SIGNATURE), struct.pack(">I", _SIGNATURE))


def twobit(path: Path, content: bytes) -> Iterator[tuple[str, str]]:
    """Names and sequences of a 2bit file, with N where it says so. Lower case is not kept.

    Raises:
        DataError: it is damaged: a number in it leads outside the file or the sequence.
    """
    read = _Numbers(content)
    try:
        version, count, _ = read(3, 4)
        if version != 0:
            raise ValueError(f"version {version}")
        at = 16
        for _ in range(count):
            width = content[at]
            (start,) = read(1, at + 1 + width)
            yield content[at + 1 : at + 1 + width].decode("ascii"), _twobit_letters(content, start, read)
            at += width + 5
    except (ValueError, IndexError) as error:
        raise DataError(f"{path}: damaged 2bit file ({error}); fetch it again") from error


class _Numbers:
    """Reads unsigned 32-bit numbers in the order of bytes that a 2bit file begins with."""

    def __init__(self, content: bytes):
        self.content = content
        self.type = "<u4" if content[:4] == struct.pack("<I", _SIGNATURE) else ">u4"

    def __call__(self, n: int, at: int) -> list[int]:
        """n numbers from byte `at` on. Raises ValueError where the file ends before."""
        if at + 4 * n > len(self.content):
            raise ValueError("it ends too early")
        return np.frombuffer(self.content, self.type, n, at).tolist()


def _twobit_letters(content: bytes, at: int, read: _Numbers) -> str:
    """The sequence whose block begins at byte `at`."""
    size, unknown = read(2, at)
    starts, sizes = read(unknown, at + 8), read(unknown, at + 8 + 4 * unknown)
    at += 8 + 8 * unknown
    (masked,) = read(1, at)
    at += 8 + 8 * masked
    if at + (size + 3) // 4 > len(content):
        raise ValueError("it ends too early")
    packed = np.frombuffer(content, np.uint8, (size + 3) // 4, at)
    two_bits = (packed[:, None] >> np.array([6, 4, 2, 0], np.uint8) & 3).reshape(-1)[:size]
    letters = np.frombuffer(b"TCAG", np.uint8)[two_bits]
    for start, length in zip(starts, sizes, strict=True):
        if start + length > size:
            raise ValueError(f"letters {start} to {start + length} of {size} are said to be unknown")
        letters[start : start + length] = ord("N")
    return letters.tobytes().decode()
