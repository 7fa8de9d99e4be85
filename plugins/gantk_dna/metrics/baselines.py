"""What numbers can be expected on the same data: real against real, and Markov models of the training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from gantk.errors import DataError
from gantk.interfaces import Dataset, Samples
from gantk_dna.codes import Codes, codes_in, codes_of, random_part
from gantk_dna.markov import Markov

ORDERS = {"iid": 0, "Markov-1": 1, "Markov-3": 3, "Markov-5": 5}


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
