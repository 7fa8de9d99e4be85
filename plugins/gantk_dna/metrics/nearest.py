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

from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_dna.alphabet import decode
from gantk_dna.codes import Codes, distinct_in, first_version, random_part, versions
from gantk_dna.metrics.baselines import (
    POSITIONS,
    Comparison,
    PositionWise,
    compared,
    floors_note,
    models_of,
    too_few,
)

MEMORISED, CLOSE = 0.5, 0.9
"""Below these ratios of generated-to-training over test-to-training, the verdict is memorised, or close to training."""

FULL = 0.05
"""Share of position-wise drawn sequences that are copies, from which on the space of sequences counts as full."""


def letters_apart(queries: Sequence[str], known: Sequence[str]) -> NDArray[np.int32]:
    """Levenshtein distances in letters, (Q, K).

    Args:
        queries: sequences.
        known: sequences to compare each of them with.
    """
    return cdist(queries, known, scorer=Levenshtein.distance, dtype=np.int32, workers=torch.get_num_threads())


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
        table = letters_apart(part, known)
        if but_itself:
            table[np.arange(len(part)), np.arange(start, start + len(part))] = np.iinfo(np.int32).max
        places.append(table.argmin(1))
        distances.append(table.min(1))
    return np.concatenate(distances).astype(np.int64), np.concatenate(places).astype(np.int64)


def nearest_version(
    queries: Sequence[Sequence[str]], known: Sequence[str], *, but_itself: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `nearest`, of queries that are the same in several versions: the distance of that version which is nearest.

    Args:
        queries: of each version all sequences, in the same order.
        known: sequences to compare each of them with.
        but_itself: `known` begins with the queries, and none is compared with itself in any version.
    """
    found = [nearest(each, known, but_itself=but_itself) for each in queries]
    distances, places = (np.stack(each) for each in zip(*found, strict=True))  # (versions, Q)
    best = distances.argmin(0)[None]
    return np.take_along_axis(distances, best, 0)[0], np.take_along_axis(places, best, 0)[0]


def nearest_other(codes: Codes, like: Dataset, most: int | None = None) -> NDArray[np.int64]:
    """Of (the first `most`) sequences, the distance to the nearest other one in letters: (N,); none of a single one.

    Args:
        codes: (N, L).
        like: the data set that says which versions of a sequence are the same.
        most: of how many; None: of all.
    """
    if len(codes) < 2:
        return np.zeros(0, np.int64)
    return nearest_version([decode(each[:most]) for each in versions(codes, like)], decode(codes), but_itself=True)[0]


REDRAWN = 2000
"""Sequences that are drawn position by position, for the share of copies among them."""

VARIED = 0.1
"""Share of different ones from which on generated sequences are modelled, too: a repeated copy models itself."""

LISTED = 3
"""Copies that are named in the table."""


class Nearest(Metric):
    """Distance of generated sequences to the nearest training sequence, beside that of held-out real ones.

    A ratio near 1 says that generated sequences are as far from the training set as new real ones; well below 1, that
    they were copied. Distances are Levenshtein's (letters changed, added or left out), to the whole training set, or
    to 100,000 of its sequences.

    Args:
        samples: how many generated and held-out sequences are compared; a quarter as many of each Markov model.
    """

    def __init__(self, *, samples: Annotated[int, Ge(4)] = 200):
        self.samples = samples

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`ratio` first: mean distance of generated over that of held-out sequences."""
        sets = compared(inputs, self.samples)
        known, names = distinct_in(inputs.train)
        training = decode(known)

        def nearest_known(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            return nearest_version([decode(each) for each in versions(codes, inputs.train)], training)

        def distances(codes: Codes) -> NDArray[np.int64]:
            return nearest_known(codes)[0]

        made, places = nearest_known(sets.generated)
        held_out = distances(random_part(sets.held_out, self.samples, inputs.rng))
        usual = max(float(held_out.mean()), 1e-9)
        few = max(1, self.samples // 4)
        models = {name: distances(each[:few]) for name, each in sets.models.items()}
        ratios = {name: float(each.mean()) / usual for name, each in models.items()}
        sizes = {"n": len(made), "n_reference": len(held_out)}
        low, high = _ratio_interval(made, held_out, inputs.rng)
        independent = _copies_by_chance(sets, known, inputs.train, inputs.rng)
        return {
            "ratio": Value(
                float(made.mean()) / usual,
                "near",
                1.0,
                floors_note(ratios, "held-out real"),
                low=low,
                high=high,
                **sizes,
            ),
            "distance": Value(
                float(made.mean()), "near", usual, "letters to the nearest training sequence, mean", **sizes
            ),
            "smallest": Value(
                float(made.min()), "near", float(held_out.min()), "the same, smallest; 0 is a copy", **sizes
            ),
            "copies": Value(
                float((made == 0).mean()),
                "lower",
                float((held_out == 0).mean()),
                "share that stand in the training set"
                + _listed(sets.rows, made, places, inputs.generated.names, names),
                **sizes,
            ),
            "copies_by_chance": Value(
                independent, None, None, "the same of letters drawn position by position", n=REDRAWN
            ),
        }

    def summary(self, values: Mapping[str, Value]) -> str:
        """Whether the training set was memorised; not where there are few sequences, or where anything is a copy."""
        ratio, copies, chance = values["ratio"], values["copies"], values["copies_by_chance"].value
        beyond = copies.value - max(copies.reference or 0.0, chance)
        line = f"{ratio.value:.2f} times as far from training sequences as held-out real ones are, "
        line += f"{copies.value:.0%} copies"
        few = too_few(ratio.n, ratio.n_reference)
        if chance > FULL and beyond <= 0.05 + 2 * (chance / max(ratio.n or 1, 1)) ** 0.5:
            return (
                f"memorising cannot be judged here: {chance:.0%} of letters drawn position by position are copies, "
                f"since there are so few possible sequences; {line}"
            )
        if few:
            return f"memorising: {few}; {line}"
        if (ratio.high or ratio.value) < MEMORISED or beyond > 0.05:
            return f"memorised: {line}"
        if (ratio.high or ratio.value) < 1 and ratio.value < CLOSE:
            return f"close to training: {line}; copied in part, or less varied than real (see quality)"
        return f"not memorised: {line}"


def _copies_by_chance(sets: Comparison, known: Codes, like: Dataset, rng: torch.Generator) -> float:
    """Share of copies among sequences whose letters are drawn position by position.

    They are drawn as frequent as in the training set, and as in the generated sequences, where these are varied: a
    generator of independent letters may be sharper than the training set, and then is right more often.

    Args:
        sets: what is compared.
        known: (N, L) different training sequences.
        like: the data set that says which versions of a sequence are the same.
        rng: draws.
    """
    length = known.shape[1]
    there = set(map(bytes, first_version(known, like)))
    models = [models_of(like)[POSITIONS]]
    if sets.generated.shape[1] == length and len(np.unique(sets.generated, axis=0)) >= VARIED * len(sets.generated):
        models.append(PositionWise(sets.versions(sets.generated)))
    drawn = [first_version(model.sample(REDRAWN, length, rng), like) for model in models]
    return max(float(np.mean([bytes(each) in there for each in codes])) for codes in drawn)


def _listed(
    rows: NDArray[np.int64],
    distances: NDArray[np.int64],
    places: NDArray[np.int64],
    names: Sequence[str] | None,
    known: Sequence[str] | None,
) -> str:
    """Which sequences are copies of which: ": sample_3 is chr1:100-150, …"; "" where training sequences have no names.

    Args:
        rows: (N,) number of each among the samples.
        distances: (N,) to its nearest training sequence.
        places: (N,) number of that one.
        names: of the samples; None: sample_0, sample_1, …
        known: of the training sequences.
    """
    if known is None:
        return ""
    found = dict.fromkeys((int(rows[at]), known[places[at]]) for at in np.flatnonzero(distances == 0))
    named = [f"{f'sample_{row}' if names is None else names[row]} is {name}" for row, name in list(found)[:LISTED]]
    return (": " if named else "") + ", ".join(named) + (", …" if len(found) > LISTED else "")


def _ratio_interval(
    made: NDArray[np.int64], held_out: NDArray[np.int64], rng: torch.Generator, redraws: int = 300
) -> tuple[float, float]:
    """95 % bootstrap interval of the ratio of mean distances."""
    means = []
    for each in (made, held_out):
        chosen = torch.randint(len(each), (redraws, len(each)), generator=rng).numpy()
        means.append(each[chosen].mean(1))
    low, high = np.quantile(means[0] / np.maximum(means[1], 1e-9), [0.025, 0.975])
    return float(low), float(high)
