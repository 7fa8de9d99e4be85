"""Metric `quality`: repeats, diversity, homopolymers and letters that are none, beside real sequences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import nn

from gantk.interfaces import Dataset, Samples, Value
from gantk_dna.alphabet import BASES, decode
from gantk_dna.codes import Codes, base_shares
from gantk_dna.metrics.baselines import compared
from gantk_dna.metrics.nearest import nearest

LONG_RUN = 8


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


def pairwise_distance(codes: Codes) -> float:
    """Mean Hamming distance of all pairs of different sequences, in letters; from column shares, not pair by pair."""
    shares, n = base_shares(codes), len(codes)
    return float((1 - (shares**2).sum(0)).sum() * n / max(1, n - 1))


class Quality:
    """What a collapsed or broken generator gives away: repeats, low diversity, long homopolymers, invalid letters.

    Args:
        samples: how many generated sequences are judged, beside as many held-out ones.
        compared_with: of how many of them the nearest other one is looked for among all.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 2000, compared_with: Annotated[int, Ge(1)] = 200):
        self.samples = samples
        self.compared_with = compared_with

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`distinct` first; the references are those of real sequences, as many as the generated ones."""
        sets = compared(generated, train, test, self.samples, rng, orders=False)
        made, real = self._describe(sets.generated), self._describe(sets.real)
        notes = {
            "distinct": ("higher", "share of sequences that are not repeats"),
            "pairwise": ("near", "letters, mean Hamming distance of two sequences"),
            "nearest_other": ("near", "letters (Levenshtein) to the nearest other of the set, mean"),
            "longest_run": ("near", "letters of the longest homopolymer, mean"),
            "long_runs": ("near", f"share of sequences with {LONG_RUN} equal letters in a row"),
            "invalid": ("lower", "share of letters that are ambiguous or none"),
        }
        values = {
            name: Value(made[name], better, real[name], f"{note}; real")  # type: ignore[arg-type]
            for name, (better, note) in notes.items()
        }
        sharp = generated.samples[: len(sets.generated), :BASES].float().amax(1).mean()
        values["sharpness"] = Value(float(sharp), None, 1.0, "largest channel, mean; below 1 where output is soft")
        return values

    def _describe(self, codes: Codes) -> dict[str, float]:
        texts, runs = decode(codes), longest_runs(codes)
        distances, _ = nearest(texts[: self.compared_with], texts, but_itself=True)
        return {
            "distinct": len(set(texts)) / len(texts),
            "pairwise": pairwise_distance(codes),
            "nearest_other": float(distances.mean()) if len(texts) > 1 else 0.0,
            "longest_run": float(runs.mean()),
            "long_runs": float((runs >= LONG_RUN).mean()),
            "invalid": float((codes >= BASES).mean()),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether the generator collapsed."""
        low = [
            f"{name} {values[name].value:.3g}, real {values[name].reference:.3g}"
            for name, share in (("distinct", 0.9), ("pairwise", 0.75), ("nearest_other", 0.75))
            if values[name].value < share * (values[name].reference or 0.0)
        ]
        return "collapsed: " + "; ".join(low) if low else f"diverse: {values['distinct'].value:.1%} distinct"
