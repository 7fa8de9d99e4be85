"""Position weight matrices: read from JASPAR, MEME and TRANSFAC files, scored on both strands, with exact p-values."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from Bio import motifs as bio_motifs
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gantk.errors import DataError
from gantk_dna.alphabet import BASES, DNA

GRID = 1000
"""Steps to a bit: scores are sums of whole steps, so that their distribution can be computed exactly."""
MEME_BACKGROUND = "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n"
UNIFORM = (0.25, 0.25, 0.25, 0.25)

ENDINGS = {
    ".jaspar": "jaspar",
    ".pfm": "jaspar",
    ".meme": "minimal",
    ".transfac": "transfac",
    ".tf": "transfac",
}
"""Bio.motifs' formats by ending. An ordinary .meme is its `minimal` (its `meme` is the XML of a MEME run)."""


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


def read_motifs(path: Path) -> list[Motif]:
    """All matrices in a JASPAR (.jaspar, .pfm), MEME (.meme) or TRANSFAC (.transfac, .tf) file.

    Raises:
        DataError: no such file, an ending of none of these formats, damaged, or without a motif.
    """
    format_name = ENDINGS.get(path.suffix.lower())
    if format_name is None:
        raise DataError(f"{path}: motif files end in {', '.join(ENDINGS)}, which says what format they are in")
    try:
        text = path.read_text(encoding="utf-8")
        if format_name == "minimal" and "\nBackground letter frequencies" not in text:  # which MEME leaves to choice
            text = text.replace("\nMOTIF", f"\n{MEME_BACKGROUND}\nMOTIF", 1)
        found = bio_motifs.parse(io.StringIO(text), format_name, strict=False)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # Bio.motifs' parsers meet damage with whatever Python raises then
        raise DataError(f"{path}: not a {format_name} motif file: {type(error).__name__}: {error}") from error
    if not len(found):
        raise DataError(f"{path}: holds no motif in {format_name} format")
    motifs = [_motif(path, number, each) for number, each in enumerate(found, 1)]
    return _completed_from_meme(path, text, motifs) if format_name == "minimal" else motifs


def _completed_from_meme(path: Path, text: str, found: list[Motif]) -> list[Motif]:
    """What Bio.motifs leaves out: both words of "MOTIF MA0058.4 MAX", and that rows are missing of a cut file."""
    completed = []
    for motif, part in zip(found, re.split(r"^MOTIF\s+", text, flags=re.MULTILINE)[1:], strict=True):
        words = part.partition("\n")[0].split()
        if len(words) > 1:
            motif = replace(motif, identity=words[0], name=words[1])
        stated = re.search(r"^letter-probability matrix:.*\bw=\s*(\d+)", part, re.MULTILINE)
        if stated and int(stated[1]) != motif.width:
            raise DataError(f"{path}: motif {motif.name} says w= {stated[1]}, but has {motif.width} rows")
        completed.append(motif)
    return completed


def _motif(path: Path, number: int, found: bio_motifs.Motif) -> Motif:
    identity = str(getattr(found, "matrix_id", "") or _tag(found, "AC"))
    name = str(found.name or _tag(found, "ID") or identity or f"motif {number}")
    where = f"{path}: motif {number} ({name})"
    try:
        counts = np.array([list(found.counts[letter]) for letter in DNA[:BASES]], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where}: has no row of numbers for each of A, C, G, T") from error
    if counts.ndim != 2 or not counts.size:
        raise DataError(f"{where}: is empty")
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts.sum(0) <= 0).any():
        raise DataError(f"{where}: has a negative or missing number, or a position where all are 0")
    sites = float(getattr(found, "num_occurrences", 0) or 0)
    if counts.sum(0).max() < 1.5:  # probabilities: back to counts, so that a pseudocount weighs as it does elsewhere
        counts = counts * (sites or 100.0)
    return Motif(name, identity, counts)


def _tag(found: bio_motifs.Motif, name: str) -> str:
    get = getattr(found, "get", None)  # TRANSFAC motifs are mappings of their tags
    return str(get(name) or "") if get is not None else ""


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
