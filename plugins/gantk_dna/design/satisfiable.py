"""Whether any sequence meets fixed letters, forbidden words and a range of GC at once: decided exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GC_BASES = (1, 2)
MOST_STATES = 20_000
"""Sets of partial matches that are followed at most; beyond, a sequence counts as possible."""


def satisfiable(
    allowed: NDArray[np.bool_], words: Sequence[NDArray[np.bool_]], gc_counts: tuple[int, int] | None
) -> bool:
    """Whether there is a sequence of allowed letters without any of the words and with G and C in range.

    Letter by letter, by the Shift-And automaton of all words together (Baeza-Yates & Gonnet 1992, Commun. ACM 35:74):
    its state is the set of words' beginnings that the sequence ends with, and beside each state stand the numbers of G
    and C that sequences which lead there can have.

    Args:
        allowed: (4, L) which bases may stand at each position.
        words: (W, 4) each, the bases at each letter of a word that must not occur.
        gc_counts: lowest and highest number of G and C; None: any.
    """
    starts = ends = 0
    masks = [0, 0, 0, 0]
    at = 0
    for word in words:
        starts |= 1 << at
        ends |= 1 << (at + len(word) - 1)
        for letter in word:
            for base in np.flatnonzero(letter):
                masks[base] |= 1 << at
            at += 1
    reached = {0: 1}  # state to numbers of G and C, as bits
    for place in range(allowed.shape[1]):
        following: dict[int, int] = {}
        for state, counts in reached.items():
            for base in np.flatnonzero(allowed[:, place]):
                after = ((state << 1) | starts) & masks[base]
                if not after & ends:
                    following[after] = following.get(after, 0) | counts << (base in GC_BASES)
        if len(following) > MOST_STATES:
            return True
        reached = following
    if gc_counts is None:
        return bool(reached)
    low, high = gc_counts
    wanted = (1 << (high + 1)) - (1 << low) if high >= low else 0
    return any(counts & wanted for counts in reached.values())
