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
    numbers = np.zeros((n, places), np.int32 if k <= 15 else np.int64)
    letters = np.minimum(codes, BASES - 1).astype(numbers.dtype)
    for offset in range(k):
        numbers *= BASES
        numbers += letters[:, offset : offset + places]
    unknown = codes >= BASES
    if unknown.any():
        for offset in range(k):
            numbers[unknown[:, offset : offset + places]] = -1
    return numbers.astype(np.int64)


def kmer_counts(codes: Codes, k: int) -> NDArray[np.int64]:
    """How often each k-mer occurs in all sequences together: (4^k,), in alphabetical order."""
    return np.bincount(kmer_numbers(codes, k).ravel() + 1, minlength=4**k + 1)[1:]


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
