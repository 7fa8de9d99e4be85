"""From records to a matrix of codes: letters checked, one length, ambiguity codes dropped, drawn or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from gantk.errors import DataError
from gantk_dna.alphabet import ANY, BASES, DNA, INVALID, RNA, SHARES, AlphabetName, encode
from gantk_dna.files.sequences import Record

OtherLengths = Literal["error", "drop", "crop", "pad"]
Anchor = Literal["start", "centre", "end"]
Ambiguous = Literal["error", "drop", "sample"]


def encode_all(
    path: Path, records: Sequence[Record], alphabet: AlphabetName, all_records: Iterable[Record] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Codes of some records, one behind the other, and where each starts: (total,) uint8 and (N + 1,).

    Args:
        path: for messages.
        records: which.
        alphabet: what letters there may be.
        all_records: of the file, for the message that says which alphabet has their letters; none: `records`.

    Raises:
        DataError: a letter that the alphabet does not have; the message names record, line and position.
    """
    starts = np.concatenate([[0], np.cumsum([len(record.sequence) for record in records])]).astype(np.int64)
    codes = encode("".join(record.sequence for record in records), alphabet)
    wrong = np.flatnonzero(codes == INVALID)
    if len(wrong):
        at = int(np.searchsorted(starts, wrong[0], side="right")) - 1
        position = int(wrong[0] - starts[at])
        letter = records[at].sequence[position]
        raise DataError(
            f"{records[at].place_in(path)}, record '{records[at].name}', position {position + 1}: {letter!r} is no "
            f"letter of the alphabet {alphabet} ({RNA if alphabet == 'rna' else DNA})"
            f"{_cure(tuple(all_records) or records, alphabet)}; {len(wrong):,} such letters in the file"
        )
    return codes, starts


def _cure(records: Sequence[Record], alphabet: AlphabetName) -> str:
    """Which alphabet knows every letter, in words; "" where none does, or only another mistake would follow."""
    alphabets: dict[AlphabetName, str] = {"rna": "for RNA", "dna": "for DNA", "iupac": "for T and U in one file"}
    for other, what in alphabets.items():
        if other != alphabet and not any((encode(record.sequence, other) == INVALID).any() for record in records):
            return f"; {what} say data.alphabet={other}"
    return ""


def to_matrix(
    path: Path,
    records: Sequence[Record],
    told: Counter[str],
    *,
    alphabet: AlphabetName,
    length: int | None,
    other_lengths: OtherLengths,
    anchor: Anchor,
    ambiguous: Ambiguous,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """One row of codes for each record that is kept: (N, length) uint8, and their numbers among the records, (N,).

    Args:
        path: for messages.
        records: what was read.
        told: counts by reason; what is done here is added.
        alphabet: what letters there may be.
        length: of every row; None takes the length that most records have.
        other_lengths: what happens to other lengths: an error; left out; the longer cut and the shorter left out;
            the longer cut and the shorter filled with N.
        anchor: which part of a longer one stays, and where a shorter one stands.
        ambiguous: what happens to ambiguity codes, unless the alphabet is "iupac", which keeps them.
        seed: of the bases drawn for ambiguity codes.

    Raises:
        DataError: a wrong letter; by policy, another length or an ambiguity code; or nothing is left.
    """
    codes, starts = encode_all(path, records, alphabet)
    lengths = np.diff(starts)
    if length is None:
        length = int(Counter(lengths.tolist()).most_common(1)[0][0])
    keep = _fitting(path, records, lengths, length, told, other_lengths)
    spare = lengths[keep] - length  # (N,), negative where filled
    first = {"start": 0 * spare, "centre": spare // 2, "end": spare}[anchor]
    place = first[:, None] + np.arange(length)  # (N, L): position within the record
    outside = (place < 0) | (place >= lengths[keep][:, None])
    source = np.clip(starts[keep][:, None] + place, 0, max(len(codes) - 1, 0))
    matrix = np.where(outside, np.uint8(ANY), codes[source])
    if alphabet != "iupac":
        names = [records[at] for at in keep]
        left = settle_ambiguous(matrix, told, ambiguous, seed, path=path, records=names, ignore=outside)
        matrix, keep = matrix[left], keep[left]
    if not len(matrix):
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in told.items())
        raise DataError(f"{path}: none of {len(records):,} sequences is left ({reasons})")
    return matrix, keep


def _fitting(
    path: Path,
    records: Sequence[Record],
    lengths: np.ndarray,
    length: int,
    told: Counter[str],
    policy: OtherLengths,
) -> np.ndarray:
    """Numbers of the records that this length is made from."""
    other = np.flatnonzero(lengths != length)
    if policy == "error" and len(other):
        record = records[other[0]]
        raise DataError(
            f"{record.place_in(path)}: record '{record.name}' has {lengths[other[0]]} letters, not {length}, and "
            f"{len(other) - 1:,} more have another length; say data.other_lengths=drop, crop or pad"
        )
    short, long = int((lengths < length).sum()), int((lengths > length).sum())
    if policy == "drop":
        told[f"not {length} letters long"] += len(other)
        return np.flatnonzero(lengths == length)
    told[f"cut to {length} letters *"] += long
    if policy == "pad":
        told[f"filled up to {length} letters *"] += short
        return np.arange(len(lengths))
    told[f"shorter than {length} letters"] += short
    return np.flatnonzero(lengths >= length)


def settle_ambiguous(
    matrix: np.ndarray,
    told: Counter[str],
    policy: Ambiguous,
    seed: int,
    *,
    path: Path,
    records: Sequence[Record] = (),
    ignore: np.ndarray | None = None,
) -> np.ndarray:
    """Which rows stay, after ambiguity codes were drawn in place, their rows dropped, or an error raised.

    Args:
        matrix: (N, L) codes; changed by "sample".
        told: counts by reason.
        policy: what happens.
        seed: of the bases drawn.
        path: for messages.
        records: (N,) for messages.
        ignore: (N, L) places that do not count.

    Raises:
        DataError: the policy is "error", and there are ambiguity codes.
    """
    unsure = matrix >= BASES
    if ignore is not None:
        unsure &= ~ignore
    rows = unsure.any(1)
    if not rows.any():
        return np.arange(len(matrix))
    if policy == "error":
        at = int(rows.argmax())
        position = int(unsure[at].argmax())
        where = f"{path}, sequence {at + 1}"
        if records:
            where = f"{records[at].place_in(path)}, record '{records[at].name}'"
        raise DataError(
            f"{where}, position {position + 1}: ambiguity code {DNA[matrix[at, position]]}; there are "
            f"{int(unsure.sum()):,} in {int(rows.sum()):,} sequences: say data.ambiguous=drop (those sequences) or "
            "sample (a base that the code allows)"
        )
    if policy == "drop":
        told["with ambiguity codes"] += int(rows.sum())
        return np.flatnonzero(~rows)
    drawn = np.random.default_rng(seed).random(int(unsure.sum()), np.float32)
    matrix[unsure] = (drawn[:, None] >= SHARES[matrix[unsure]].cumsum(1)[:, :-1]).sum(1)
    told["ambiguity codes replaced by a base drawn at random *"] += int(unsure.sum())
    return np.arange(len(matrix))
