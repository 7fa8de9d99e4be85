"""Metric `nearest`: are generated sequences copies of training sequences? Levenshtein distances, by rapidfuzz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from torch import nn

from gantk.interfaces import Dataset, Samples, Value
from gantk_dna.alphabet import decode
from gantk_dna.codes import random_part
from gantk_dna.metrics.baselines import compared, floors_note

MEMORISED, CLOSE = 0.5, 0.9
"""Below these ratios of generated-to-training over test-to-training, the verdict is memorised, or close to training."""


def nearest(
    queries: Sequence[str], known: Sequence[str], *, but_itself: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each query, the distance to the nearest known sequence and which one that is.

    Args:
        queries: sequences.
        known: sequences to compare each of them with.
        but_itself: `known` begins with the queries, and none is compared with itself.

    Returns:
        (Q,) Levenshtein distances in letters and (Q,) indices into `known`.
    """
    distances, places = [], []
    for start in range(0, len(queries), 64):
        part = queries[start : start + 64]
        table = cdist(part, known, scorer=Levenshtein.distance, dtype=np.int32, workers=torch.get_num_threads())
        if but_itself:
            table[np.arange(len(part)), np.arange(start, start + len(part))] = np.iinfo(np.int32).max
        places.append(table.argmin(1))
        distances.append(table.min(1))
    return np.concatenate(distances).astype(np.int64), np.concatenate(places).astype(np.int64)


class Nearest:
    """Distance of generated sequences to the nearest training sequence, beside that of held-out real ones.

    A ratio near 1 says that generated sequences are as far from the training set as new real ones; well below 1, that
    they were copied. Distances are Levenshtein's (letters changed, added or left out), to the whole training set, or
    to 100,000 of its sequences.

    Args:
        samples: how many generated and held-out sequences are compared; a quarter as many of each Markov model.
    """

    def __init__(self, *, samples: Annotated[int, Ge(4)] = 200):
        self.samples = samples

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`ratio` first: mean distance of generated over that of held-out sequences."""
        sets = compared(generated, train, test, self.samples, rng)
        training = decode(sets.training)
        made, _ = nearest(decode(sets.generated), training)
        held_out, _ = nearest(decode(random_part(sets.held_out, self.samples, rng)), training)
        usual = max(float(held_out.mean()), 1e-9)
        few = max(1, self.samples // 4)
        floors = {name: nearest(decode(each[:few]), training)[0].mean() for name, each in sets.models.items()}
        ratios = {name: float(floor) / usual for name, floor in floors.items()}
        return {
            "ratio": Value(float(made.mean()) / usual, "near", 1.0, floors_note(ratios, "held-out real")),
            "distance": Value(float(made.mean()), "near", usual, "letters to the nearest training sequence, mean"),
            "smallest": Value(float(made.min()), "near", float(held_out.min()), "the same, smallest; 0 is a copy"),
            "copies": Value(
                float((made == 0).mean()),
                "lower",
                float((held_out == 0).mean()),
                "share that stand in the training set",
            ),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether the training set was memorised."""
        ratio, copies = values["ratio"].value, values["copies"]
        beyond = copies.value - (copies.reference or 0.0)
        line = f"{ratio:.2f} times as far from training sequences as held-out real ones are, {copies.value:.0%} copies"
        if ratio < MEMORISED or beyond > 0.05:
            return f"memorised: {line}"
        if ratio < CLOSE:
            return f"close to training: {line}; copied in part, or less varied than real (see quality)"
        return f"not memorised: {line}"
