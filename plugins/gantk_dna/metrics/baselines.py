"""What numbers can be expected on the same data: real against real, and Markov models of the training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch

from gantk.errors import DataError
from gantk.interfaces import Dataset, Samples
from gantk_dna.codes import Codes, codes_in, codes_of, random_part
from gantk_dna.kmers import kmer_counts

ORDERS = {"iid": 0, "Markov-1": 1, "Markov-3": 3, "Markov-5": 5}


class Markov:
    """A stationary Markov chain over A, C, G, T, fitted to sequences; order 0 draws letters independently.

    The first letters are drawn as the contexts occur anywhere in the sequences, so the chain knows no positions. A
    context that never occurs is followed by letters as often as they occur at all.

    Args:
        sequences: (N, L) of 0 … 4; windows with an unknown letter do not count.
        order: how many letters the next one depends on.

    Raises:
        DataError: there is no window of order + 1 known letters.
    """

    def __init__(self, sequences: Codes, order: int):
        counts = kmer_counts(sequences, order + 1).reshape(-1, 4).astype(float)  # (4^order, 4)
        if not counts.sum():
            raise DataError(f"no {order + 1} known letters in a row to fit a Markov model of order {order} to")
        self.order = order
        self.contexts = counts.sum(1) / counts.sum()  # (4^order,)
        overall = counts.sum(0) / counts.sum()
        seen = counts.sum(1, keepdims=True)
        self.next = np.where(seen > 0, counts / np.maximum(seen, 1), overall)  # (4^order, 4)

    def sample(self, n: int, length: int, rng: torch.Generator) -> Codes:
        """n sequences (n, length), all at once: one step a letter.

        Args:
            n: how many.
            length: letters of each.
            rng: a CPU generator.
        """
        draws = torch.rand((length + 1, n), generator=rng, dtype=torch.float64).numpy()
        context = np.searchsorted(np.cumsum(self.contexts), draws[length], side="right")
        context = np.minimum(context, len(self.contexts) - 1)
        made = np.zeros((n, max(length, self.order)), np.uint8)
        for place in range(self.order):
            made[:, place] = context // 4 ** (self.order - 1 - place) % 4
        reached = np.cumsum(self.next, 1)[:, :3]  # (4^order, 3)
        for place in range(self.order, length):
            letter = (draws[place, :, None] >= reached[context]).sum(1)
            made[:, place] = letter
            context = (context * 4 + letter) % 4**self.order
        return made[:, :length]


def models_of(train: Dataset) -> dict[str, Markov]:
    """Markov models of a training set by the names in `ORDERS`, fitted once; shorter sequences have fewer."""
    if train not in _fitted:
        codes = codes_in(train)
        orders = {name: order for name, order in ORDERS.items() if order < codes.shape[1]}
        _fitted[train] = {name: Markov(codes, order) for name, order in orders.items()}
    return _fitted[train]


_fitted: WeakKeyDictionary[Dataset, dict[str, Markov]] = WeakKeyDictionary()


@dataclass
class Comparison:
    """Sets of sequences to be compared with `held_out`, all of one size; codes (N, L) each.

    Args:
        generated: what is judged.
        held_out: real sequences that nothing was trained on.
        real: other real sequences, from the training set.
        models: from Markov models of the training set, by the names in `ORDERS`.
        training: the training set, or a part of it where it is very large.
    """

    generated: Codes
    held_out: Codes
    real: Codes
    models: dict[str, Codes]
    training: Codes

    @property
    def all(self) -> dict[str, Codes]:
        """Everything that is compared with `held_out`, by name: "generated", "real", "iid", "Markov-1", …"""
        return {"generated": self.generated, "real": self.real, **self.models}


def compared(
    generated: Samples, train: Dataset, test: Dataset, most: int, rng: torch.Generator, orders: bool = True
) -> Comparison:
    """Generated sequences and all that they are compared with.

    Args:
        generated: what is judged.
        train: the training split.
        test: the held-out split.
        most: sequences a set, at most; fewer where there are fewer generated or training sequences.
        rng: chooses sequences and draws from the models.
        orders: whether to draw from Markov models.

    Raises:
        DataError: there is nothing to compare.
    """
    made, training, held_out = codes_of(generated), codes_in(train), codes_in(test)
    n = min(most, len(made), len(training))
    if not n or not len(held_out):
        raise DataError("there are no generated, no training or no held-out sequences to compare")
    models = {}
    if orders:
        models = {name: model.sample(n, training.shape[1], rng) for name, model in models_of(train).items()}
    return Comparison(
        generated=made[:n],
        held_out=random_part(held_out, n, rng),
        real=random_part(training, n, rng),
        models=models,
        training=training,
    )


def floors_note(found: Mapping[str, float], reference: str = "real v. real") -> str:
    """The floors of a number in words, for the table: "real v. real; iid 0.0404, Markov-1 0.0226, …".

    Args:
        found: the number by the names of `Comparison.all`.
        reference: what the number beside it in the table is.
    """
    return f"{reference}; " + ", ".join(f"{name} {found[name]:.3g}" for name in ORDERS if name in found)


def read_floors(note: str) -> dict[str, float]:
    """The floors of the Markov models that `floors_note` wrote, by name."""
    listed = [part.rpartition(" ") for part in note.partition("; ")[2].split(", ")]
    return {name: float(number) for name, _, number in listed if name in ORDERS}
