"""Motifs in 0/1 strings: where they occur, and how often they do so by chance."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import StringConstraints
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec


def as_bits(motif: str) -> Tensor:
    """(M,) uint8 from a motif written as text, such as "1100"."""
    return torch.tensor([int(letter) for letter in motif], dtype=torch.uint8)


def occurrences(strings: Tensor, motif: Tensor) -> Tensor:
    """Where the motif starts.

    Args:
        strings: (N, L) integers 0 or 1.
        motif: (M,) integers 0 or 1, M ≤ L.

    Returns:
        (N, L - M + 1) booleans: the motif occurs at this position. Occurrences may overlap.
    """
    windows = strings.unfold(1, len(motif), 1)  # (N, L - M + 1, M), a view
    return (windows == motif.to(strings)).all(-1)


def covered(found: Tensor, motif_length: int) -> Tensor:
    """Which places of the strings lie inside an occurrence.

    Args:
        found: (N, L - M + 1) booleans of `occurrences`.
        motif_length: M, in places.

    Returns:
        (N, L) booleans.
    """
    inside = torch.zeros(len(found), found.shape[1] + motif_length - 1, dtype=torch.bool)
    for offset in range(motif_length):
        inside[:, offset : offset + found.shape[1]] |= found
    return inside


def chance_of_motif(motif: str, length: int) -> float:
    """Exact probability that a uniformly random 0/1 string contains the motif at least once.

    The automaton of Knuth, Morris and Pratt (1977) walks over the string; its state is how much of the motif the
    letters so far end with, so self-overlaps are counted right, which the naive (L - M + 1) / 2^M does not.

    Args:
        motif: letters 0 and 1.
        length: L, letters of the random string.
    """
    size = len(motif)

    def longest_end(text: str) -> int:  # the longest prefix of the motif that `text` ends with
        return next(k for k in range(min(size, len(text)), -1, -1) if text.endswith(motif[:k]))

    step = np.zeros((size + 1, size + 1))
    step[size, size] = 1.0  # once seen, seen
    for state in range(size):
        for letter in "01":
            step[state, longest_end(motif[:state] + letter)] += 0.5
    at = np.zeros(size + 1)
    at[0] = 1.0
    for _ in range(length):
        at = at @ step
    return float(at[size])


Motif = Annotated[str, StringConstraints(pattern="^[01]+$")]


def motif_of(spec: DataSpec, given: str | None) -> str:
    """The motif to look for: the one given, else the one that the data name.

    Raises:
        DoesNotFit: neither says one.
    """
    motif = given or spec.attributes.get("motif")
    if not motif:
        raise DoesNotFit("these data name no motif; say which to look for: motif: '1100110011001100'")
    return str(motif)


def to_bits(samples: Tensor, spec: DataSpec) -> Tensor:
    """Samples (N, 1, L) as strings of 0 and 1, (N, L) uint8: above the middle of the range is 1.

    Raises:
        DoesNotFit: samples are not strings of one channel.
    """
    if len(spec.shape) != 2 or spec.shape[0] != 1:
        raise DoesNotFit(f"0/1 strings have the shape (1, length), but a sample is {spec.axes} {spec.shape}")
    low, high = spec.range or (0.0, 1.0)
    return (samples[:, 0] > (low + high) / 2).to(torch.uint8).cpu()
