"""Reads motif files: JASPAR, MEME and TRANSFAC. Every heading has a matrix, every line is used or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gantk.console import say
from gantk.errors import DataError
from gantk_dna.alphabet import BASES
from gantk_dna.files.sequences import lines_of
from gantk_dna.motifs import Motif

LETTERS = {"A": 0, "C": 1, "G": 2, "T": 3, "U": 3}
SITES = 20
"""Of a MEME matrix that does not say how many sites it was made from, or says 0: what MEME itself takes then."""
SHARES_ONLY = 100
"""Sites that other matrices of probabilities count as."""

Lines = Sequence[tuple[int, str]]
"""Numbers of lines, from 1, and their text without blanks around it; empty lines are left out."""


@dataclass
class Block:
    """One motif as its file has it.

    Args:
        line: of its heading.
        name: what users call it.
        identity: its number in a collection.
        rows: numbers at each position, (W, 4), or in JASPAR also (4, W), with the lines they stand in.
        sites: how many it was made from; 0 where the file does not say.
        letters: of each row in JASPAR, "" where none stands there.
    """

    line: int
    name: str = ""
    identity: str = ""
    rows: list[list[float]] = field(default_factory=list)
    sites: float = 0.0
    letters: list[str] = field(default_factory=list)


def read_motifs(path: Path) -> list[Motif]:
    """All matrices in a JASPAR (.jaspar, .pfm), MEME (.meme) or TRANSFAC (.transfac, .tf) file, plain or compressed.

    Raises:
        DataError: no such file, an ending of none of these formats, damaged, or without a motif; the message names
            the line.
    """
    name = path.with_suffix("").name if path.suffix.lower() in (".gz", ".bz2", ".xz") else path.name
    read = READERS.get(Path(name).suffix.lower())
    if read is None:
        raise DataError(f"{path}: motif files end in {', '.join(READERS)}, which says what format they are in")
    if not path.exists():
        raise DataError(f"no such file of motifs: {path.absolute()}; paths are relative to the working directory")
    lines = [(number, line.strip()) for number, line in enumerate(lines_of(path), 1) if line.strip()]
    motifs = [_motif(path, number, block) for number, block in enumerate(read(path, lines), 1)]
    if not motifs:
        raise DataError(f"{path}: holds no motif in {read.__name__.removeprefix('_of_').upper()} format")
    return motifs


def choose_motifs(path: Path, names: Sequence[str] | None) -> list[Motif]:
    """The motifs of a file that go by these names or identities; all of them where `names` is None.

    Raises:
        DataError: as `read_motifs`, or there is no such motif; lists those there are.
    """
    found = read_motifs(path)
    if names is None:
        return found
    chosen = []
    for name in names:
        matching = [each for each in found if name in (each.name, each.identity)]
        if not matching:
            known = ", ".join(each.name for each in found[:20])
            raise DataError(f"{path}: has no motif {name!r}; it has {known}{', …' if len(found) > 20 else ''}")
        chosen += matching
    return chosen


def _motif(path: Path, number: int, block: Block) -> Motif:
    name = block.name or block.identity or f"motif {number}"
    where = f"{path}, line {block.line}: motif {number} ({name})"
    if not block.rows:
        raise DataError(f"{where}: has no matrix")
    counts = np.array(block.rows, np.float64).T  # (4, W)
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts.sum(0) <= 0).any():
        raise DataError(f"{where}: has a negative or missing number, or a position where all are 0")
    if counts.sum(0).max() < 1.5:  # probabilities: back to counts, so that a pseudocount weighs as it does elsewhere
        counts = counts * (block.sites or SHARES_ONLY)
    return Motif(name, block.identity, counts)


def _numbers(path: Path, line: int, words: Sequence[str]) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError as error:
        raise DataError(f"{path}, line {line}: not a row of numbers: {' '.join(words)[:60]!r}") from error


def _of_jaspar(path: Path, lines: Lines) -> Iterator[Block]:
    """Motifs headed `>identity name`; each has a row of numbers for A, C, G and T, with or without letter and brackets.

    A matrix with a row of four numbers for each position is turned, and that is told. One file without a heading may
    have a single matrix, which is then named after it.
    """
    block, blocks = Block(1, path.name.split(".")[0]), []
    for line, text in lines:
        if text.startswith("#"):
            continue
        if text.startswith(">"):
            identity, *name = text[1:].split() or [""]
            block = Block(line, name[0] if name else identity, identity)
            blocks.append(block)
            continue
        if not blocks:
            blocks.append(block)
        letter = text[0].upper() if text[0].upper() in LETTERS else ""
        block.letters.append(letter)
        block.rows.append(
            _numbers(path, line, text[len(letter) :].lstrip(" \t:|").removeprefix("[").removesuffix("]").split())
        )
    for block in blocks:
        widths = {len(row) for row in block.rows}
        if len(widths) > 1:
            where = f"{path}, line {block.line}: motif {block.name}"
            raise DataError(f"{where} has rows of {min(widths)} to {max(widths)} numbers; is one cut short?")
    bare = [block for block in blocks if block.rows and not any(block.letters)]
    turned = _have_a_row_for_each_position(path, bare)
    for block in blocks:
        order = [LETTERS.get(letter, -1) for letter in block.letters] if any(block.letters) else list(range(BASES))
        if not block.rows or (turned and block in bare):
            continue
        if sorted(order) != list(range(BASES)):
            where = f"{path}, line {block.line}: motif {block.name}"
            raise DataError(f"{where} has no row of numbers for each of A, C, G, T")
        rows = [block.rows[order.index(base)] for base in range(BASES)]
        block.rows = [list(position) for position in zip(*rows, strict=True)]
    yield from blocks


def _have_a_row_for_each_position(path: Path, bare: Sequence[Block]) -> bool:
    """Whether matrices without letters have a row for each position, and not for each of A, C, G, T; that is told.

    Positions have equal sums: as many sites at each, or probabilities.

    Raises:
        DataError: they are neither, or some are the one and some the other.
    """
    matrices = [np.array(block.rows) for block in bare]
    bases = [len(matrix) == BASES for matrix in matrices]
    positions = all(matrix.shape[1] == BASES and _equal_sums(matrix) for matrix in matrices)
    if all(bases) and not (positions and not all(_equal_sums(matrix.T) for matrix in matrices)):
        return False
    if not positions or max(map(len, matrices)) == 1:  # one row of four alone may be what is left of a matrix
        block, matrix = next((block, m) for block, m, fits in zip(bare, matrices, bases, strict=True) if not fits)
        raise DataError(
            f"{path}, line {block.line}: motif {block.name} has {matrix.shape[0]} rows of {matrix.shape[1]} numbers; "
            "expected a row for each of A, C, G, T, or in the whole file one for each position, with equal sums"
        )
    some = ", ".join(block.name for block in bare[:5]) + (", …" if len(bare) > 5 else "")
    say(f"{path}: {len(bare)} motifs have a row for each position, and A, C, G, T in it: {some}")
    return True


def _equal_sums(matrix: np.ndarray) -> bool:
    sums = matrix.sum(1)
    return bool(sums.min() > 0 and sums.max() <= 1.02 * sums.min())


def _of_meme(path: Path, lines: Lines) -> Iterator[Block]:
    """Motifs headed `MOTIF identity name`, each with a letter-probability matrix; DNA where no ALPHABET stands.

    Raises:
        DataError: another alphabet, fewer rows than stated, or a row that does not sum to 1.
    """
    if not any(text.startswith("MEME version") for _, text in lines):
        raise DataError(f"{path}: not a MEME file (no line 'MEME version')")
    block: Block | None = None
    stated, first, reading = 0, 0, False
    for line, text in [*lines, (0, "MOTIF")]:
        words = text.split()
        if reading and block is not None:
            if len(block.rows) < (stated or len(lines)) and re.match(r"[-+]?\.?\d", text):
                block.rows.append(_meme_row(path, line, words))
                continue
            reading = False
            if stated and stated != len(block.rows):
                raise DataError(
                    f"{path}, line {first}: motif {block.name} says w= {stated}, but has {len(block.rows)} rows"
                )
        if words[0] == "MOTIF":
            if block is not None:
                yield block
            identity, *name = words[1:] or [""]
            block = Block(line, name[0] if name else identity, identity)
        elif text.startswith("ALPHABET"):
            _check_alphabet(path, line, text)
        elif text.startswith("letter-probability matrix:"):
            if block is None or block.rows:
                raise DataError(f"{path}, line {line}: a matrix without a line MOTIF before it")
            words = text.partition(":")[2].replace("=", " ").split()
            given = dict(zip(words[::2], words[1::2], strict=False))
            if given.get("alength", "4") != "4":
                raise DataError(
                    f"{path}, line {line}: only motifs of DNA and RNA are read, not of {given['alength']} letters"
                )
            if not given.get("w", "0").isdecimal():
                raise DataError(f"{path}, line {line}: w= {given['w']} is no number of rows")
            stated, first, reading = int(given.get("w", "0")), line, True
            block.sites = _numbers(path, line, [given.get("nsites", "0")])[0] or SITES


def _meme_row(path: Path, line: int, words: Sequence[str]) -> list[float]:
    row = _numbers(path, line, words)
    if len(row) != BASES or not abs(sum(row) - 1) <= 0.05:
        raise DataError(f"{path}, line {line}: expected four probabilities that sum to 1, not {' '.join(words)[:60]!r}")
    return row


def _check_alphabet(path: Path, line: int, text: str) -> None:
    """Refuses an alphabet whose first four letters are not A, C, G and T or U."""
    letters = re.match(r"ALPHABET\s*=\s*(\w+)", text)
    named = re.match(r'ALPHABET\s+"?(DNA|RNA)\b', text)
    if named is None and (letters is None or letters[1].upper() not in ("ACGT", "ACGU")):
        raise DataError(f"{path}, line {line}: only motifs of DNA and RNA are read, not {text!r}")


def _of_transfac(path: Path, lines: Lines) -> Iterator[Block]:
    """Motifs between lines `//`, of which the last may lack: AC, ID or NA name them, P0 (or PO) heads the matrix."""
    block: Block | None = None
    order: list[int] | None = None
    tags: dict[str, str] = {}
    for line, text in [*lines, (0, "//")]:
        tag, *words = text.split()
        if tag == "//":
            if block is not None:
                block.identity = tags.get("AC", "")
                block.name = tags.get("ID") or tags.get("NA") or block.identity
                yield block
            block, order, tags = None, None, {}
            continue
        if block is None and tag in ("AC", "ID", "NA", "P0", "PO"):
            block = Block(line)
        if tag in ("P0", "PO") and block is not None:
            if block.rows:
                raise DataError(f"{path}, line {line}: a second matrix in one entry; is a line // missing before it?")
            order = [LETTERS.get(word.upper(), -1) for word in words[:BASES]]
            if sorted(order) != list(range(BASES)):
                raise DataError(f"{path}, line {line}: expected {tag} and A C G T, not {text!r}")
        elif tag.isdecimal() and order is not None and block is not None:
            block.rows.append(_transfac_row(path, line, tag, words, order, block))
        else:
            order = None
            if tag in tags and tag in ("AC", "ID"):
                raise DataError(f"{path}, line {line}: a second {tag} in one entry; is a line // missing before it?")
            tags.setdefault(tag, " ".join(words))


def _transfac_row(
    path: Path, line: int, tag: str, words: Sequence[str], order: Sequence[int], block: Block
) -> list[float]:
    """The numbers of one position, in the order A, C, G, T; positions count from 01, or from 00."""
    if not block.letters:
        block.letters.append(tag)
    if int(block.letters[0]) > 1 or int(tag) != int(block.letters[0]) + len(block.rows):
        raise DataError(f"{path}, line {line}: position {tag} where {len(block.rows)} stand before; is one missing?")
    row = _numbers(path, line, words[:BASES])
    if len(row) != BASES:
        raise DataError(f"{path}, line {line}: expected four numbers behind {tag}, not {' '.join(words)[:60]!r}")
    return [row[order.index(base)] for base in range(BASES)]


READERS = {
    ".jaspar": _of_jaspar,
    ".pfm": _of_jaspar,
    ".meme": _of_meme,
    ".transfac": _of_transfac,
    ".tf": _of_transfac,
}
"""By the ending, which says what format a file is in."""
