"""The known sequences that designs are compared with: every split of `data` and of `held_out_data`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gantk.class_counts import class_counts
from gantk.interfaces import Dataset
from gantk_dna.alphabet import decode
from gantk_dna.codes import Codes, distinct_in, first_version, versions
from gantk_dna.metrics.nearest import nearest_version


@dataclass
class Known:
    """Known sequences, each once.

    Args:
        codes: (N, L).
        names: of each, that of its record, or where records have none the data set and the number in it: test_7.
        scores: the scores that the data state, of all sequences that have one; empty: of none.
        total: how many sequences the data hold; more than were looked at where they are very many.
        like: the data set that says which versions of a sequence are the same.
    """

    codes: Codes
    names: list[str]
    scores: NDArray[np.float64]
    total: int
    like: Dataset

    def nearest(self, codes: Codes) -> tuple[NDArray[np.int64], list[str]]:
        """Of each sequence the Levenshtein distance to the nearest known one, on either strand where both count.

        Args:
            codes: (N, L).

        Returns:
            (N,) letters, and the names of the nearest ones.
        """
        distances, places = nearest_version([decode(each) for each in versions(codes, self.like)], decode(self.codes))
        return distances, [self.names[place] for place in places]


def known_sequences(datasets: Mapping[str, Dataset]) -> Known:
    """All sequences of some data sets, each once.

    Args:
        datasets: by the name that their sequences get; the first says which versions of a sequence are the same.
    """
    like = next(iter(datasets.values()))
    parts, names = [], []
    for name, each in datasets.items():
        found, own = distinct_in(each)
        parts.append(found)
        names += own or [f"{name}_{number}" for number in range(len(found))]
    codes = np.concatenate(parts)
    _, first = np.unique(first_version(codes, like), axis=0, return_index=True)
    first = np.sort(first)
    return Known(
        codes=codes[first],
        names=[names[at] for at in first],
        scores=np.concatenate([_scores(each) for each in datasets.values()]),
        total=sum(sum(class_counts(each).values()) for each in datasets.values()),
        like=like,
    )


def _scores(dataset: Dataset) -> NDArray[np.float64]:
    if not len(dataset):
        return np.zeros(0)
    scores = dataset.batch(torch.arange(len(dataset)), None).truth.get("score")
    return np.zeros(0) if scores is None else scores.double().numpy()
