"""Position weight matrices, scored on both strands, with exact p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gantk_dna.alphabet import DNA

GRID = 1000
"""Steps to a bit: scores are sums of whole steps, so that their distribution can be computed exactly."""
UNIFORM = (0.25, 0.25, 0.25, 0.25)


@dataclass(frozen=True)
class Motif:
    """How probable each base is at each position of a binding site.

    Args:
        name: what users call it: "ETS1".
        identity: its number in a collection: "MA0098.4"; "" where there is none.
        counts: (4, W) occurrences, or probabilities times the number of sites.
    """

    name: str
    identity: str
    counts: NDArray[np.float64]

    @property
    def width(self) -> int:
        """W, in letters."""
        return self.counts.shape[1]

    def probabilities(self, pseudocount: float = 1.0) -> NDArray[np.float64]:
        """(4, W), each column summing to 1, with `pseudocount` shared evenly among the bases of each position."""
        counts = self.counts + pseudocount / 4
        return counts / counts.sum(0)

    def log_odds(self, background: Sequence[float] = UNIFORM, pseudocount: float = 1.0) -> NDArray[np.int64]:
        """(4, W) log2(probability / background), in steps of 1/GRID bit."""
        odds = self.probabilities(pseudocount) / np.asarray(background)[:, None]
        return np.round(np.log2(odds) * GRID).astype(np.int64)

    @property
    def consensus(self) -> str:
        """The most probable base of each position."""
        return "".join(DNA[base] for base in self.counts.argmax(0))


def complement(log_odds: Tensor) -> Tensor:
    """The matrix (4, W) of the other strand: a hit of it here is a hit of the motif there."""
    return log_odds.flip(0, 1)


def scan(samples: Tensor, log_odds: NDArray[np.int64]) -> Tensor:
    """Scores of a motif at every position of both strands, by convolution; gradients flow to soft samples.

    Args:
        samples: (N, 4 or more channels, L), one-hot or soft.
        log_odds: (4, W) in steps of 1/GRID bit, W ≤ L.

    Returns:
        (N, 2, L - W + 1) scores in bits of the forward and of the reverse strand, both at the leftmost letter.
    """
    matrix = torch.from_numpy(log_odds / GRID).to(samples)
    return F.conv1d(samples[:, :4], torch.stack([matrix, complement(matrix)]))


def score_distribution(
    log_odds: NDArray[np.int64], background: Sequence[float] = UNIFORM
) -> tuple[int, NDArray[np.float64]]:
    """The exact distribution of a random window's score, letter by letter (dynamic programming; Staden 1989).

    Args:
        log_odds: (4, W) in whole steps.
        background: probability of each base in the random window.

    Returns:
        the lowest score in steps, and (S,) the probability of each score from there on.
    """
    lowest, reach = log_odds.min(0), log_odds.max(0) - log_odds.min(0)
    distribution = np.ones(1)
    for position in range(log_odds.shape[1]):
        longer = np.zeros(len(distribution) + int(reach[position]))
        for base, share in enumerate(background):
            shift = int(log_odds[base, position] - lowest[position])
            longer[shift : shift + len(distribution)] += share * distribution
        distribution = longer
    return int(lowest.sum()), distribution


def threshold(log_odds: NDArray[np.int64], p_value: float, background: Sequence[float] = UNIFORM) -> float:
    """The lowest score that a random window reaches with a probability of at most `p_value`.

    Args:
        log_odds: (4, W) in whole steps of 1/GRID bit.
        p_value: for one position of one strand.
        background: probability of each base in the random window.

    Returns:
        bits; infinity where even the best score is more probable than that (a short motif).
    """
    lowest, distribution = score_distribution(log_odds, background)
    at_least = distribution[::-1].cumsum()[::-1]  # P(score ≥ lowest + index)
    reached = np.flatnonzero((at_least <= p_value * (1 + 1e-9)) & (distribution > 0))
    return math.inf if not len(reached) else (lowest + int(reached[0])) / GRID


def hits(samples: Tensor, log_odds: NDArray[np.int64], least: float) -> Tensor:
    """Whether each sequence has the motif somewhere on either strand: (N,) booleans; False where it is too short.

    Args:
        samples: (N, 4 or more channels, L), one-hot.
        log_odds: (4, W) in steps of 1/GRID bit.
        least: the threshold in bits.
    """
    if samples.shape[2] < log_odds.shape[1]:
        return torch.zeros(len(samples), dtype=torch.bool)
    half_step = 0.5 / GRID  # scores are whole steps, but their sum is in floating point
    parts = [scan(part, log_odds).amax((1, 2)) >= least - half_step for part in samples.split(4096)]
    return torch.cat(parts)


def least_score(log_odds: NDArray[np.int64], p_value: float, background: Sequence[float] = UNIFORM) -> float:
    """The threshold in bits, or for a motif so short that its best word is more frequent than that, the best score.

    Args:
        log_odds: (4, W) in whole steps of 1/GRID bit.
        p_value: for one position of one strand.
        background: probability of each base in the random window.
    """
    least = threshold(log_odds, p_value, background)
    return float(log_odds.max(0).sum()) / GRID if math.isinf(least) else least


@dataclass(frozen=True)
class Hit:
    """Where a sequence has a motif.

    Args:
        motif: its number among those that were looked for.
        place: the leftmost letter, from 0.
        width: in letters.
        strand: "+", "-", or "+-" where it reads alike on both.
    """

    motif: int
    place: int
    width: int
    strand: str


def places_of_hits(samples: Tensor, motifs: Sequence[Motif], p_value: float) -> list[list[Hit]]:
    """Every hit of some motifs in each sequence, by place.

    Args:
        samples: (N, 4 or more channels, L), one-hot.
        motifs: what is looked for; those that are longer than a sequence are nowhere.
        p_value: of a hit at one position of one strand, bases being a quarter each.
    """
    found: list[list[Hit]] = [[] for _ in samples]
    for number, motif in enumerate(motifs):
        if motif.width > samples.shape[2]:
            continue
        log_odds = motif.log_odds()
        reached = scan(samples, log_odds) >= least_score(log_odds, p_value) - 0.5 / GRID  # (N, 2, places)
        for row, place in reached.any(1).nonzero().tolist():
            strand = "".join(sign for sign, hit in zip("+-", reached[row, :, place].tolist(), strict=True) if hit)
            found[row].append(Hit(number, place, motif.width, strand))
    return [sorted(each, key=lambda hit: (hit.place, hit.motif)) for each in found]
