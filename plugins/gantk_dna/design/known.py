"""The known sequences that designs are compared with: every split of `data` and of `held_out_data`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gantk.class_counts import class_counts
from gantk.interfaces import Dataset
from gantk_dna.alphabet import decode, shared_codes
from gantk_dna.codes import Codes, codes_in, distinct_in, first_version, versions
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
        stated: (N,) the score that the data state of each; NaN: none.
    """

    codes: Codes
    names: list[str]
    scores: NDArray[np.float64]
    total: int
    like: Dataset
    stated: NDArray[np.float64]

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
    scored = [scored_in(each) for each in datasets.values()]
    stated: dict[bytes, float] = {}
    for own_codes, own_scores in scored:
        for row, score in zip(first_version(own_codes, like), own_scores, strict=True):
            stated.setdefault(row.tobytes(), float(score))
    return Known(
        codes=codes[first],
        names=[names[at] for at in first],
        scores=np.concatenate([own_scores for _, own_scores in scored]),
        total=sum(sum(class_counts(each).values()) for each in datasets.values()),
        like=like,
        stated=np.array([stated.get(row.tobytes(), np.nan) for row in first_version(codes[first], like)]),
    )


def scored_in(dataset: Dataset) -> tuple[Codes, NDArray[np.float64]]:
    """The sequences of a data set with the scores that it states, (n, L) and (n,); none where it states none."""
    nothing = np.zeros((0, dataset.spec.shape[1]), np.uint8), np.zeros(0)
    if not len(dataset):
        return nothing
    batch = dataset.batch(torch.arange(len(dataset)), None).to("cpu")
    scores = batch.truth.get("score")
    return nothing if scores is None else (shared_codes(batch.samples).numpy(), scores.double().numpy())


def digest_of_data(datasets: Mapping[str, Dataset]) -> str:
    """A digest of the sequences of some data sets: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for each in datasets.values():
        digest.update(np.ascontiguousarray(codes_in(each)).tobytes())
    return digest.hexdigest()[:16]
