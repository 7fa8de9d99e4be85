"""Markov models of sequences, for baselines."""

from __future__ import annotations

import numpy as np
import torch

from gantk.errors import DataError
from gantk_dna.codes import Codes
from gantk_dna.kmers import kmer_counts


class Markov:
    """A stationary Markov chain over A, C, G, T, fitted to sequences; order 0 draws letters independently.

    The first letters are drawn as the contexts occur anywhere in the sequences, so the chain knows no positions. A
    context that never occurs is followed by letters as often as they occur at all.

    Args:
        sequences: (N, L) of 0 … 4; windows with an unknown letter do not count.
        order: how many letters the next one depends on.

    Raises:
        DataError: there is no window of order + 1 known letters.
    """

    def __init__(self, sequences: Codes, order: int):
        counts = kmer_counts(sequences, order + 1).reshape(-1, 4).astype(float)  # (4^order, 4)
        if not counts.sum():
            raise DataError(f"no {order + 1} known letters in a row to fit a Markov model of order {order} to")
        self.order = order
        self.contexts = counts.sum(1) / counts.sum()  # (4^order,)
        overall = counts.sum(0) / counts.sum()
        seen = counts.sum(1, keepdims=True)
        self.next = np.where(seen > 0, counts / np.maximum(seen, 1), overall)  # (4^order, 4)

    def sample(self, n: int, length: int, rng: torch.Generator) -> Codes:
        """n sequences (n, length), all at once: one step a letter.

        Args:
            n: how many.
            length: letters of each.
            rng: a CPU generator.
        """
        draws = torch.rand((length + 1, n), generator=rng, dtype=torch.float64).numpy()
        context = np.searchsorted(np.cumsum(self.contexts), draws[length], side="right")
        context = np.minimum(context, len(self.contexts) - 1)
        made = np.zeros((n, max(length, self.order)), np.uint8)
        for place in range(self.order):
            made[:, place] = context // 4 ** (self.order - 1 - place) % 4
        reached = np.cumsum(self.next, 1)[:, :3]  # (4^order, 3)
        for place in range(self.order, length):
            letter = (draws[place, :, None] >= reached[context]).sum(1)
            made[:, place] = letter
            context = (context * 4 + letter) % 4**self.order
        return made[:, :length]
