"""Whether held-out sequences are nearer to the training set than those of random splits: then the split leaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from gantk.console import say, warn
from gantk_dna.alphabet import COMPLEMENT, decode
from gantk_dna.data.splitting import TEST, TRAIN

ASKED = 60
"""Held-out sequences whose nearest training sequence is looked for, in the split and in all redraws together."""

COMPARED, WORD = 50_000, 64
"""Training sequences that each of them is compared with at most, and up to which length; of longer ones fewer, as a
comparison takes the longer by the square of that."""

REDRAWS = 3
LEAK = 0.5
"""The split leaks where held-out sequences are on average less than this share of the redrawn distance away."""

FEWEST = 10
"""Held-out sequences below which nothing is said."""


@dataclass(frozen=True)
class Leak:
    """Letters from a held-out sequence to the nearest training one, mean.

    Args:
        distance: in this split.
        redrawn: in splits of the same sizes that were drawn at random from the same sequences.
    """

    distance: float
    redrawn: float

    @property
    def is_one(self) -> bool:
        """Whether the split leaks."""
        return self.distance < LEAK * self.redrawn

    def __str__(self) -> str:
        near = f"{self.distance:.1f} letters from the nearest training sequence"
        return f"held-out sequences are {near} on average (in splits drawn at random {self.redrawn:.1f})"


def tell_of_leak(path: Path, codes: NDArray[np.uint8], sides: NDArray[np.int64], both_strands: bool) -> None:
    """Says how near the test split is to the training split, and warns where it leaks. See `leak_of`."""
    found = leak_of(codes, sides, both_strands)
    if found is None:
        return
    if found.is_one:
        warn(
            f"{path}: the split leaks: {found}. Numbers on the test split will say little of new sequences: look for "
            "copies and variants of training sequences in it, or keep what is alike together (dna/sequences: "
            "split_by=identity)"
        )
    else:
        say(f"{path}: {found}")


def leak_of(
    codes: NDArray[np.uint8], sides: NDArray[np.int64], both_strands: bool = False, seed: int = 0
) -> Leak | None:
    """How near the test split is to the training split, beside redrawn splits; None where there is too little of one.

    Args:
        codes: (N, L) different sequences.
        sides: (N,) as `gantk_dna.data.splitting` numbers them.
        both_strands: whether a sequence and its reverse complement are the same.
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    most = int(COMPARED * min(1.0, WORD / codes.shape[1]) ** 2)
    train, test = np.flatnonzero(sides == TRAIN), np.flatnonzero(sides == TEST)
    if min(len(train), len(test)) < FEWEST:
        return None

    def distance(queries: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
        found = codes[rng.permutation(known)[:most]]
        versions = [found, COMPLEMENT[found[:, ::-1]]] if both_strands else [found]
        asked, texts = decode(codes[queries]), [text for each in versions for text in decode(each)]
        return cdist(asked, texts, scorer=Levenshtein.distance, dtype=np.int32, workers=torch.get_num_threads()).min(1)

    here = distance(rng.permutation(test)[:ASKED], train)
    everything = np.concatenate([train, test])
    there = []
    for _ in range(REDRAWS):
        order = rng.permutation(everything)
        queries, known = order[: len(test)], order[len(test) :]
        there.append(distance(queries[: ASKED // REDRAWS], known))
    return Leak(float(here.mean()), float(np.concatenate(there).mean()))
