"""k-mer spectra and their Jensen-Shannon divergence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from gantk_dna.alphabet import BASES
from gantk_dna.codes import Codes


def kmer_numbers(codes: Codes, k: int) -> NDArray[np.int64]:
    """The number of the k-mer that starts at each position, its letters as digits of base 4; -1 where one is unknown.

    Args:
        codes: (N, L) codes.
        k: letters of a k-mer.

    Returns:
        (N, L - k + 1) of -1 … 4^k - 1; no columns where sequences are shorter than k.
    """
    n, length = codes.shape
    places = max(length - k + 1, 0)
    numbers = np.zeros((n, places), np.int64)
    known = np.ones((n, places), bool)
    for offset in range(k):
        letters = codes[:, offset : offset + places]
        numbers = numbers * 4 + np.minimum(letters, 3)
        known &= letters < BASES
    return np.where(known, numbers, -1)


def kmer_counts(codes: Codes, k: int) -> NDArray[np.int64]:
    """How often each k-mer occurs in all sequences together: (4^k,), in alphabetical order."""
    numbers = kmer_numbers(codes, k)
    return np.bincount(numbers[numbers >= 0], minlength=4**k)


def divergence(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Jensen-Shannon divergence of two spectra in bits: 0 where they are the same, 1 where they share no k-mer.

    It is the divergence, not its square root (which is what `scipy.spatial.distance.jensenshannon` gives), with
    logarithms of base 2 (Lin 1991, eq. 4.1). It is biased upwards by about (4^k - 1) / (4 n ln 2) for n k-mers each,
    so only numbers from equally many sequences compare.

    Args:
        one: counts (K,).
        other: counts (K,).

    Returns:
        bits; 1 where one of them is empty.
    """
    if not one.sum() or not other.sum():
        return 1.0
    return float(np.nan_to_num(jensenshannon(one, other, base=2)) ** 2)
