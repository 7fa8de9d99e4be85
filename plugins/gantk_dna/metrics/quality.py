"""Metric `quality`: repeats, diversity, homopolymers and letters that are none, beside real sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_dna.alphabet import BASES
from gantk_dna.codes import Codes, base_shares, first_version, versions
from gantk_dna.metrics.baselines import compared, too_few
from gantk_dna.metrics.nearest import nearest_other

LONG_RUN = 8
RUNS_OFF = 0.15
"""Relative difference of the mean longest homopolymer that is named."""


def longest_runs(codes: Codes) -> NDArray[np.int64]:
    """Letters of the longest homopolymer of each sequence: (N,); ambiguous letters end one.

    Args:
        codes: (N, L).
    """
    running = np.zeros(len(codes), np.int64)
    longest = running.copy()
    for place in range(codes.shape[1]):
        known = codes[:, place] < BASES
        same = known & (codes[:, place] == codes[:, place - 1]) if place else np.zeros(len(codes), bool)
        running = np.where(same, running + 1, known.astype(np.int64))
        longest = np.maximum(longest, running)
    return longest


def pairwise_distance(codes: Codes, other: Codes | None = None) -> float:
    """Mean Hamming distance of all pairs of different sequences, in letters; from column shares, not pair by pair.

    Args:
        codes: (N, L).
        other: (N, L) the same sequences in another version, to which the distance is; None: as they are.
    """
    other = codes if other is None else other
    n = len(codes)
    same = 1 - (base_shares(codes) * base_shares(other)).sum(0)  # (L,) of two at random, of one sequence too
    own = (codes != other).sum() / max(1, n)  # of a sequence and itself
    return float((same.sum() * n - own) / max(1, n - 1))


class Quality(Metric):
    """What a collapsed or broken generator gives away: repeats, low diversity, long homopolymers, invalid letters.

    Args:
        samples: how many generated sequences are judged, beside as many held-out ones.
        compared_with: of how many of them the nearest other one is looked for among all.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 2000, compared_with: Annotated[int, Ge(1)] = 200):
        self.samples = samples
        self.compared_with = compared_with

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`distinct` first; the references are those of real sequences, as many as the generated ones."""
        sets = compared(inputs, self.samples, orders=False)
        made, real = self._describe(sets.generated, inputs.train), self._describe(sets.real, inputs.train)
        sizes = {"n": len(sets.generated), "n_reference": len(sets.real)}
        notes = {
            "distinct": ("higher", "share of sequences that are not repeats"),
            "pairwise": ("near", "letters, mean Hamming distance of two sequences"),
            "nearest_other": ("near", "letters (Levenshtein) to the nearest other of the set, mean"),
            "longest_run": ("near", "letters of the longest homopolymer, mean"),
            "long_runs": ("near", f"share of sequences with {LONG_RUN} equal letters in a row"),
            "invalid": ("lower", "share of letters that are ambiguous or none"),
        }
        values = {
            name: Value(made[name], better, real[name], f"{note}; real", **sizes)  # type: ignore[arg-type]
            for name, (better, note) in notes.items()
        }
        sharp = inputs.generated.samples[: len(sets.generated), :BASES].float().amax(1).mean()
        values["sharpness"] = Value(float(sharp), None, 1.0, "largest channel, mean; below 1 where output is soft")
        return values

    def _describe(self, codes: Codes, like: Dataset) -> dict[str, float]:
        runs, distances = longest_runs(codes), nearest_other(codes, like, self.compared_with)
        return {
            "distinct": len(np.unique(first_version(codes, like), axis=0)) / len(codes),
            "pairwise": float(np.mean([pairwise_distance(codes, each) for each in versions(codes, like)])),
            "nearest_other": float(distances.mean()) if len(distances) else 0.0,
            "longest_run": float(runs.mean()),
            "long_runs": float((runs >= LONG_RUN).mean()),
            "invalid": float((codes >= BASES).mean()),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether the generator collapsed, and whether it makes what real sequences do not have."""
        few = too_few(values["distinct"].n, values["distinct"].n_reference)
        if few:
            return f"variety: {few}"
        low = [
            f"{name} {values[name].value:.3g}, real {values[name].reference:.3g}"
            for name, share in (("distinct", 0.9), ("pairwise", 0.75), ("nearest_other", 0.75))
            if values[name].value < share * (values[name].reference or 0.0)
        ]
        line = "collapsed: " + "; ".join(low) if low else f"diverse: {values['distinct'].value:.1%} distinct"
        return "; ".join([line, *self._invented(values)])

    def _invented(self, values: Mapping[str, Value]) -> list[str]:
        """What is more frequent, or rarer, than chance allows beside real sequences."""
        found = []
        for name, words in (("long_runs", f"runs of {LONG_RUN} equal letters or more"), ("invalid", "invalid letters")):
            value, real = values[name], values[name].reference or 0.0
            spread = 1.96 * (2 * max(real, value.value) / max(value.n or 1, 1)) ** 0.5
            if abs(value.value - real) > max(spread, 0.5 * real, 0.002):
                more = "too many" if value.value > real else "too few"
                found.append(f"{more} {words}: {value.value:.2%}, real {real:.2%}")
        runs = values["longest_run"]
        if runs.reference and abs(runs.value / runs.reference - 1) > RUNS_OFF:
            more = "longer" if runs.value > runs.reference else "shorter"
            found.append(f"homopolymers {more} than real: {runs.value:.2f} letters, real {runs.reference:.2f}")
        return found
