"""Splits that do not leak: what is equal, of one group, or too alike never stands on two sides.

Sides are decided by hashes of the sequences or groups themselves, so that they depend on nothing but the seed.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from hashlib import blake2b

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gantk.errors import DataError
from gantk.interfaces import SPLITS
from gantk_dna.alphabet import COMPLEMENT

TRAIN, VALIDATION, TEST = range(len(SPLITS))
MOST_COMPARED = 20_000
"""Identity clusters compare each sequence with each other one: more than this many would take too long."""

Shares = tuple[float, float]
"""Of the validation and of the test split."""


def keys_of(codes: np.ndarray, both_strands: bool) -> list[bytes]:
    """What makes a sequence the same as another: its codes, or the lesser of these and their reverse complement.

    Args:
        codes: (N, L) uint8.
        both_strands: whether a sequence and its reverse complement are the same.
    """
    width = codes.shape[1]
    forward = np.ascontiguousarray(codes).tobytes()
    keys = [forward[at : at + width] for at in range(0, len(forward), width)]
    if not both_strands:
        return keys
    backward = np.ascontiguousarray(COMPLEMENT[codes[:, ::-1]]).tobytes()
    return [min(key, backward[at * width : (at + 1) * width]) for at, key in enumerate(keys)]


def first_of_each(keys: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct key stands first, (D,) ascending, and for each key the number of its first, (N,)."""
    seen: dict[Hashable, int] = {}
    inverse = np.fromiter((seen.setdefault(key, len(seen)) for key in keys), np.int64, len(keys))
    first = np.full(len(seen), len(keys), np.int64)
    np.minimum.at(first, inverse, np.arange(len(keys)))
    return first, inverse


def _draw(key: bytes, seed: int) -> float:
    """A number in [0, 1) that depends on the key and the seed alone."""
    return int.from_bytes(blake2b(key, digest_size=8, key=str(seed).encode()).digest(), "big") / 2**64


def sides_by_sequence(keys: Sequence[bytes], shares: Shares, seed: int) -> np.ndarray:
    """The side of each sequence, (N,) of 0 train, 1 validation, 2 test; equal keys have equal sides.

    Args:
        keys: what makes a sequence what it is.
        shares: expected shares of validation and test.
        seed: another seed is another split.
    """
    drawn = np.array([_draw(key, seed) for key in keys])
    return np.where(drawn < shares[1], TEST, np.where(drawn < shares[0] + shares[1], VALIDATION, TRAIN))


CURES = {
    "contig": "say data.split_by=block",
    "blocks": "give data.block a smaller number",
    "": "say data.split_by=sequence",
}
"""What to do where there are too few groups, by the first word of what groups are called; "" is any other."""


def sides_by_group(
    groups: Sequence[Hashable], shares: Shares, seed: int, what: str, test_groups: Collection[Hashable] = ()
) -> np.ndarray:
    """The side of each sequence, whole groups together.

    Groups are gone through in the order of their hashes; each goes to the test split if it still fits there, else to
    the validation split, else to training. A split that no group fits gets the smallest one. Where `test_groups` says
    which groups the test split has, the other splits share the rest.

    Args:
        groups: the group of each sequence.
        shares: shares of validation and test.
        seed: another seed is another split.
        what: what groups are called, for the message.
        test_groups: those that make the test split; none: by the share of it.

    Raises:
        DataError: there are fewer groups than splits.
    """
    first, member = first_of_each(groups)
    sizes = np.bincount(member)
    named = [group for group in range(len(sizes)) if groups[int(first[group])] in test_groups]
    free = sorted(
        set(range(len(sizes))) - {*named}, key=lambda group: _draw(repr(groups[int(first[group])]).encode(), seed)
    )
    left_over = len(groups) - int(sizes[named].sum())
    shares_of = ((VALIDATION, shares[0]),) if test_groups else ((TEST, shares[1]), (VALIDATION, shares[0]))
    wanted = {side: share * left_over for side, share in shares_of if share}
    if len(free) <= len(wanted):
        beside = " beside those of the test split" if test_groups else ""
        there = "there is only 1" if len(free) == 1 else f"there are only {len(free)}"
        raise DataError(
            f"a split by {what} needs {len(wanted) + 1} of them or more{beside}, and {there}; "
            f"{CURES.get(what.split()[0], CURES[''])}, or hold nothing out: data.validation=0 data.test=0"
        )
    side = np.full(len(sizes), TRAIN)
    side[named] = TEST
    left = dict(wanted)
    for group in free:
        for candidate in left:
            if sizes[group] <= left[candidate]:
                side[group] = candidate
                left[candidate] -= sizes[group]
                break
    for empty in (each for each in wanted if not (side == each).any()):
        givers = [group for group in free if (side == side[group]).sum() > 1]  # no side is left empty for another one
        givers = [group for group in givers if side[group] == TRAIN] or givers
        side[min(givers, key=lambda group: sizes[group])] = empty
    return side[member]


def clusters(texts: Sequence[str], identity: float, opposite: Sequence[str] | None = None) -> np.ndarray:
    """The cluster of each sequence: any two that are at least so alike are in one (single linkage), (N,).

    Args:
        texts: distinct sequences.
        identity: 1 - Levenshtein distance / longer length, from 0 to 1.
        opposite: their reverse complements, where those count as well.

    Raises:
        DataError: too many sequences to compare each with each.
    """
    if len(texts) > MOST_COMPARED:
        raise DataError(
            f"a split by identity compares each sequence with each: {len(texts):,} are too many (at most "
            f"{MOST_COMPARED:,}); choose data.split_by=sequence, or cluster them with another program and give the "
            "clusters as a column (data.split_by=group)"
        )
    pairs = []
    for start in range(0, len(texts), 512):
        for others in (texts,) if opposite is None else (texts, opposite):
            alike = cdist(
                texts[start : start + 512],
                others[start:],
                scorer=Levenshtein.normalized_similarity,
                score_cutoff=identity,
                dtype=np.float32,
            )
            pairs.append(np.argwhere(alike > 0) + start)
    one, other = np.concatenate(pairs).T
    graph = coo_matrix((np.ones(len(one), bool), (one, other)), shape=(len(texts), len(texts)))
    return connected_components(graph, directed=False)[1]


_GIVEN = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}


def side_named(name: str) -> int | None:
    """The side that a table means by `name` ("train", "training", "val", …), or None."""
    return _GIVEN.get(name.lower())
