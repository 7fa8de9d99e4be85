"""The metric: how many strings hold the motif, and everything that a collapsed generator would give away."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, log2
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from gantk.data import take
from gantk.interfaces import Metric, MetricInput, Value
from gantk_motif.motifs import Motif, as_bits, chance_of_motif, covered, motif_of, occurrences, to_bits


def entropy(counts: Tensor) -> float:
    """Entropy of the distribution that counts (K,) describe, in bits; 0 where all are 0."""
    share = counts.double() / max(1, int(counts.sum()))
    return abs(float(torch.special.xlogy(share, share).sum())) / log(2)


def bit_entropy(strings: Tensor, outside: Tensor) -> float:
    """Entropy of single bits in bits, mean over the positions; only the strings that are outside count at each.

    Args:
        strings: (N, L) of 0 and 1.
        outside: (N, L) booleans: not within a motif.
    """
    seen = outside.sum(0)
    ones = (strings * outside).sum(0).double() / seen.clamp(min=1)  # (L,)
    both = torch.stack([ones, 1 - ones])
    bits = -torch.special.xlogy(both, both).sum(0) / log(2)  # (L,)
    return float(bits[seen > 0].mean()) if (seen > 0).any() else 0.0


def mean_pairwise_distance(strings: Tensor) -> float:
    """Mean Hamming distance of all pairs of different rows of (N, L), in letters, from the shares of ones."""
    n = len(strings)
    ones = strings.double().mean(0)
    return float((2 * ones * (1 - ones)).sum() * n / max(1, n - 1))


def nearest_distance(strings: Tensor, train: Tensor, chunk: int = 8192) -> Tensor:
    """Hamming distance of each string to its nearest training string, in letters.

    Args:
        strings: (N, L) of 0 and 1.
        train: (T, L) of 0 and 1.
        chunk: training strings compared at once.

    Returns:
        (N,) distances.
    """
    signs = strings.float() * 2 - 1
    best = torch.full((len(strings),), -float("inf"))
    for part in train.split(chunk):
        agreement = signs @ (part.float() * 2 - 1).T  # (N, chunk): L - 2 · distance
        best = torch.maximum(best, agreement.amax(1))
    return (strings.shape[1] - best) / 2


class MotifRate(Metric):
    """Counts generated strings with the motif, beside random and real strings, and what a collapse would show.

    Args:
        samples: how many generated strings to count in.
        motif: the pattern to look for, written as 0s and 1s; null: the one that the data name.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 1000, motif: Motif | None = None):
        self.samples = samples
        self.motif = motif

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """The numbers; `reference` is what as many held-out real strings give."""
        motif = motif_of(inputs.generated.spec, self.motif)
        made = to_bits(inputs.generated.samples[: self.samples], inputs.generated.spec)  # (N, L)
        held_out = take(inputs.test, len(made))
        real = to_bits(held_out.samples, held_out.spec)
        known = take(inputs.train, len(inputs.train))
        training = to_bits(known.samples, known.spec)
        length = made.shape[1]
        places = length - len(motif) + 1
        random = torch.randint(0, 2, made.shape, generator=inputs.rng, dtype=torch.uint8)
        found = self._describe(made, training, motif)
        truth = self._describe(real, training, motif)
        by_chance = int(occurrences(random, as_bits(motif)).any(1).sum())
        expected = len(made) * chance_of_motif(motif, length)

        as_many = len(made) / len(real)

        def value(name: str, better: Literal["higher", "near"], note: str, scale: float = 1.0) -> Value:
            return Value(found[name], better, truth[name] * scale, note, len(made), len(real))

        return {
            "hits": value("hits", "higher", "strings with the motif", as_many),
            "random_hits": Value(by_chance, None, expected, "in random strings; beside it the exact expectation"),
            "several": value("several", "near", "share of strings with the motif more than once"),
            "distinct": value("distinct", "higher", "different strings", as_many),
            "positions": value("positions", "higher", f"of {places} where the motif can start"),
            "position_entropy": value("position_entropy", "near", f"bits; at most {log2(places):.2f}"),
            "bit_entropy": value("bit_entropy", "near", "bits a letter, outside the motif"),
            "pairwise_distance": value("pairwise_distance", "near", "letters, mean Hamming distance of two strings"),
            "nearest_training": value("nearest_training", "near", "letters to the nearest training string, mean"),
            "nearest_training_min": value("nearest_training_min", "near", "the same, smallest; 0 is a copy"),
            "strings": Value(float(len(made)), note="generated and looked at"),
        }

    def _describe(self, strings: Tensor, training: Tensor, motif: str) -> dict[str, float]:
        found = occurrences(strings, as_bits(motif))  # (N, places)
        at_place = found.sum(0)
        nearest = nearest_distance(strings, training)
        return {
            "hits": float(found.any(1).sum()),
            "several": float((found.sum(1) > 1).double().mean()),
            "distinct": float(len(torch.unique(strings, dim=0))),
            "positions": float((at_place > 0).sum()),
            "position_entropy": entropy(at_place),
            "bit_entropy": bit_entropy(strings, ~covered(found, len(motif))),
            "pairwise_distance": mean_pairwise_distance(strings),
            "nearest_training": float(nearest.mean()),
            "nearest_training_min": float(nearest.min()),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """The course's line, with the expectation it leaves out."""
        n, random = int(values["strings"].value), values["random_hits"]
        return (
            f"motif count in generated sequences {int(values['hits'].value)}/{n}, in random sequences "
            f"{int(random.value)}/{n} (expected {random.reference:.2f})"
        )
