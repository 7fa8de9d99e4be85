"""Reads text, FASTA and one-sequence-a-line files, plain or gzip; every mistake names file, record and line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gantk.errors import DataError, MissingData
from gantk.files import content_of

_OTHER_COMPRESSIONS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
_LINE_END = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Record:
    """One sequence as a file has it.

    Args:
        name: how messages call it.
        sequence: its letters, without blanks, in the case of the file.
        line: where it starts, from 1.
        fields: what a table says beside it, by column; of FASTA, the rest of the heading as "description".
    """

    name: str
    sequence: str
    line: int
    fields: Mapping[str, str] = field(default_factory=dict)


def cache_folder() -> Path:
    """Where indices of large files are kept: never beside the data. May be deleted at any time."""
    if own := os.environ.get("GANTK_CACHE"):
        return Path(own) / "dna"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gantk" / "dna"


def check_file(path: Path) -> Path:
    """The path, if there is such a file.

    Raises:
        DataError: there is none, or it is a folder.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the file of sequences in it: data.path={path / 'FILE'}")
    if not path.exists():
        raise MissingData(
            f"no such file: {path.absolute()}\n"
            "Paths are relative to the working directory: give data.path=FILE with a file of yours. The recipe "
            "dna_planted.yaml needs no file at all."
        )
    return path


def is_gzip(path: Path) -> bool:
    """Whether the file starts as gzip does, whatever its name."""
    try:
        with check_file(path).open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def lines_of(path: Path) -> list[str]:
    """All lines of a text file, plain or gzip, without their ends (\\n, \\r\\n or \\r).

    Raises:
        DataError: it cannot be read, is damaged, or is no UTF-8 text; the message says where.
    """
    try:
        content = content_of(check_file(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    for start, name in _OTHER_COMPRESSIONS.items():
        if content.startswith(start):
            raise DataError(f"{path}: is compressed with {name}; unpack it, or compress it with gzip instead")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; save the file as UTF-8, or "
            "give the sequence file itself if this is something else"
        ) from error
    if "\0" in text:
        raise DataError(f"{path}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}: binary data, not text")
    return _LINE_END.split(text)


def read_sequences(path: Path, *, only_fasta: bool = False) -> list[Record]:
    """The records of a FASTA file, or of a text file with one sequence a line; `#` and `;` start comment lines.

    Args:
        path: the file, plain or gzip.
        only_fasta: whether one sequence a line is an error.

    Raises:
        DataError: as `lines_of`; or there are no sequences, or a record without any.
    """
    lines = lines_of(path)
    first = next((line.strip() for line in lines if not _is_comment(line)), "")
    if only_fasta and not first.startswith(">"):
        raise DataError(f"{path}: not a FASTA file (no '>' line first); for one sequence a line use dna/sequences")
    records = _fasta(path, lines) if first.startswith(">") else _one_a_line(lines)
    if not records:
        raise DataError(f"{path}: holds no sequences")
    return records


def _is_comment(line: str) -> bool:
    text = line.lstrip()
    return not text or text[0] in "#;"


def _without_blanks(text: str) -> str:
    return text if text.isalpha() else "".join(text.split())


def _one_a_line(lines: list[str]) -> list[Record]:
    return [
        Record(f"line {number}", _without_blanks(line), number)
        for number, line in enumerate(lines, 1)
        if not _is_comment(line)
    ]


def _fasta(path: Path, lines: list[str]) -> list[Record]:
    records: list[Record] = []
    parts: list[str] = []
    name, description, start = "", "", 0

    def finish() -> None:
        if start and not parts:
            raise DataError(f"{path}, line {start}: record '{name}' has no sequence; remove it or fill it in")
        if start:
            records.append(Record(name, "".join(parts), start, {"description": description}))

    for number, line in enumerate(lines, 1):
        if line.startswith(">"):
            finish()
            name, _, description = line[1:].strip().partition(" ")
            name, start, parts = name or f"record {len(records) + 1}", number, []
        elif not _is_comment(line):
            parts.append(_without_blanks(line))
    finish()
    return records
