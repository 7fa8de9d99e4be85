"""Reads sequences: FASTA, FASTQ, GenBank, 2bit, or one a line; every mistake names file, record and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gantk.errors import DataError
from gantk_dna.files import other_formats
from gantk_dna.files.source import bytes_of

_OTHER_COMPRESSIONS = {b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd"}
_LINE_END = re.compile("\r\n|\n|\r")
_BLANKS = b" \t\n\r\v\f"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """One sequence as a file has it.

    Args:
        name: how messages call it.
        sequence: its letters, without blanks, in the case of the file.
        line: where it starts, from 1; 0 where there are no lines.
        fields: what a table says beside it, by column; of FASTA, the rest of the heading as "description".
    """

    name: str
    sequence: str
    line: int
    fields: Mapping[str, str] = field(default_factory=dict)

    def place_in(self, path: Path) -> str:
        """The file and the line, for messages."""
        return f"{path}, line {self.line}" if self.line else str(path)


def lines_of(path: Path) -> list[str]:
    """All lines of a text file, plain or compressed, without their ends (\\n, \\r\\n or \\r).

    Raises:
        DataError: it cannot be read, is damaged, or is no UTF-8 text; the message says where.
    """
    return _LINE_END.split(_text(path, bytes_of(path)).decode())


def _text(path: Path, content: bytes) -> bytes:
    """The bytes of a text without the byte order mark, checked to be UTF-8 and no binary data."""
    for start, name in _OTHER_COMPRESSIONS.items():
        if content.startswith(start):
            raise DataError(f"{path}: is compressed with {name}; unpack it, or compress it with gzip instead")
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        if not content.isascii():
            content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; save the file as UTF-8, or "
            "give the sequence file itself if this is something else"
        ) from error
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(0)) + 1
        raise DataError(f"{path}, line {line}: binary data, not text")
    return content


def read_sequences(path: Path, *, only_contigs: bool = False) -> list[Record]:
    """The records of a file of sequences; in FASTA and in lines, `#` and `;` start comment lines.

    The format is told by how the file begins: `>` FASTA, `@` FASTQ, `LOCUS` GenBank, the number of 2bit; anything else
    has one sequence a line.

    Args:
        path: the file, plain or compressed.
        only_contigs: whether reads (FASTQ) and one sequence a line are an error.

    Raises:
        DataError: as `lines_of`; or there are no sequences, or a record without any.
    """
    content = bytes_of(path)
    if other_formats.is_twobit(content):
        return [Record(name, text, 0) for name, text in other_formats.twobit(path, content)]
    content = _text(path, content)
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    first = _first_line(content)
    if only_contigs and not first.startswith((b">", b"LOCUS")):
        raise DataError(
            f"{path}: not a FASTA file (no '>' line first), nor GenBank or 2bit; for one sequence a line, tables and "
            "FASTQ say data.use=dna/sequences"
        )
    if first.startswith(b">"):
        records = _fasta(path, content)
    elif first.startswith(b"LOCUS"):
        records = [Record(*each) for each in other_formats.genbank(path, content.decode())]
    elif first.startswith(b"@"):
        records = [Record(*each) for each in other_formats.fastq(path, content.decode())]
    else:
        records = _one_a_line(content.decode().split("\n"))
    if not records:
        raise DataError(f"{path}: holds no sequences")
    return records


def _first_line(content: bytes) -> bytes:
    """The first line that is neither empty nor a comment, without blanks around it; b"" where there is none."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line = content[start:end].strip()
        if line and line[0] not in b"#;":
            return line
        start = end + 1
    return b""


def _one_a_line(lines: list[str]) -> list[Record]:
    return [
        Record(f"line {number}", _without_blanks(line), number)
        for number, line in enumerate(lines, 1)
        if line.strip() and line.lstrip()[0] not in "#;"
    ]


def _without_blanks(text: str) -> str:
    return text if text.isalpha() else "".join(text.split())


def _fasta(path: Path, content: bytes) -> list[Record]:
    """Records of a FASTA file with line ends \\n: a heading's name reaches to the first blank or tab."""
    records: list[Record] = []
    line, counted, at = 1, 0, _next_heading(content, 0)
    while at >= 0:
        line, counted = line + content.count(b"\n", counted, at), at
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        following = _next_heading(content, end)
        name, *description = content[at + 1 : end].decode().split(None, 1) or [f"record {len(records) + 1}"]
        letters = _letters(content[end : len(content) if following < 0 else following])
        if not letters:
            raise DataError(f"{path}, line {line}: record '{name}' has no sequence; remove it or fill it in")
        records.append(Record(name, letters, line, {"description": description[0].strip() if description else ""}))
        at = following
    return records


def _next_heading(content: bytes, start: int) -> int:
    """Where the next `>` stands that only blanks stand before in its line; -1: nowhere."""
    at = content.find(b">", start)
    while at >= 0 and content[max(content.rfind(b"\n", 0, at), start - 1) + 1 : at].strip():
        at = content.find(b">", at + 1)
    return at


def _letters(body: bytes) -> str:
    """The letters of a record: its lines without blanks and comments."""
    if b";" in body or b"#" in body:
        body = b"\n".join(line for line in body.split(b"\n") if line.lstrip()[:1] not in (b";", b"#"))
    text = body.translate(None, _BLANKS).decode()
    return text if text.isascii() else "".join(text.split())
