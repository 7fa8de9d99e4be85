"""What numbers can be expected on the same data: real against real, and models of the training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch

from gantk.errors import DataError
from gantk.interfaces import Dataset, MetricInput
from gantk_dna.codes import Codes, codes_in, codes_of, random_part, versions
from gantk_dna.markov import Markov

ORDERS = {"iid": 0, "Markov-1": 1, "Markov-3": 3, "Markov-5": 5}
POSITIONS = "position-wise"
FLOORS = ("iid", POSITIONS, "Markov-1", "Markov-3", "Markov-5")
"""Names of the models, in the order of the notes."""

ENOUGH = 50
"""Sequences on either side below which no verdict is given."""


class PositionWise:
    """Letters drawn independently of each other, at each position as often as in sequences (a weight matrix).

    Args:
        sequences: (N, L); letters that are ambiguous do not count.
    """

    def __init__(self, sequences: Codes):
        counts = np.stack([(sequences == base).sum(0) for base in range(4)]).astype(float)  # (4, L)
        total = counts.sum(0)
        self.shares = np.where(total > 0, counts / np.maximum(total, 1), 0.25)

    def sample(self, n: int, length: int, rng: torch.Generator) -> Codes:
        """n sequences (n, length).

        Args:
            n: how many.
            length: letters of each, as many as the sequences have.
            rng: a CPU generator.
        """
        draws = torch.rand((n, 1, length), generator=rng, dtype=torch.float64).numpy()
        return (draws >= self.shares.cumsum(0)[None, :3]).sum(1).astype(np.uint8)


def models_of(train: Dataset) -> dict[str, Markov | PositionWise]:
    """Models of a training set, in all its versions, by the names in `FLOORS`; shorter sequences have fewer."""
    if train not in _fitted:
        codes = np.concatenate(versions(codes_in(train), train))
        orders = {name: order for name, order in ORDERS.items() if order < codes.shape[1]}
        _fitted[train] = {POSITIONS: PositionWise(codes), **{name: Markov(codes, k) for name, k in orders.items()}}
    return _fitted[train]


_fitted: WeakKeyDictionary[Dataset, dict[str, Markov | PositionWise]] = WeakKeyDictionary()


@dataclass
class Comparison:
    """Sets of sequences to be compared with `held_out`, all of one size; codes (N, L) each.

    Args:
        generated: what is judged.
        held_out: real sequences that nothing was trained on.
        real: other real sequences, from the training set.
        models: from models of the training set, by the names in `FLOORS`.
        training: the training set, or a part of it where it is very large.
        like: the data set that says which versions of a sequence are the same.
    """

    generated: Codes
    held_out: Codes
    real: Codes
    models: dict[str, Codes]
    training: Codes
    like: Dataset

    def versions(self, codes: Codes) -> Codes:
        """Sequences in all versions that the data set treats as the same: (N or 2 N, L)."""
        return np.concatenate(versions(codes, self.like))

    @property
    def all(self) -> dict[str, Codes]:
        """Everything that is compared with `held_out`, by name: "generated", "real", "iid", "Markov-1", …"""
        return {"generated": self.generated, "real": self.real, **self.models}


def compared(inputs: MetricInput, most: int, orders: bool = True) -> Comparison:
    """Generated sequences and all that they are compared with.

    Args:
        inputs: what a metric was given; its `rng` chooses sequences and draws from the models.
        most: sequences a set, at most; fewer where there are fewer generated or training sequences.
        orders: whether to draw from Markov models.

    Raises:
        DataError: there is nothing to compare.
    """
    made, training, held_out = codes_of(inputs.generated), codes_in(inputs.train), codes_in(inputs.test)
    n = min(most, len(made), len(training))
    if not n or not len(held_out):
        raise DataError("there are no generated, no training or no held-out sequences to compare")
    models = {}
    if orders:
        models = {
            name: model.sample(n, training.shape[1], inputs.rng) for name, model in models_of(inputs.train).items()
        }
    return Comparison(
        generated=made[:n],
        held_out=random_part(held_out, n, inputs.rng),
        real=random_part(training, n, inputs.rng),
        models=models,
        training=training,
        like=inputs.train,
    )


def too_few(n: int | None, n_reference: int | None) -> str:
    """Why numbers of so few sequences carry no verdict; empty where there are enough.

    Args:
        n: generated sequences.
        n_reference: held-out real ones.
    """
    if min(n or 0, n_reference or 0) >= ENOUGH:
        return ""
    return f"too few sequences to say ({n} generated, {n_reference} held-out real; {ENOUGH} of each at least)"


def floors_note(found: Mapping[str, float], reference: str = "real v. real") -> str:
    """The floors of a number in words, for the table: "real v. real; iid 0.0404, Markov-1 0.0226, …".

    Args:
        found: the number by the names of `Comparison.all`.
        reference: what the number beside it in the table is.
    """
    return f"{reference}; " + ", ".join(f"{name} {found[name]:.3g}" for name in FLOORS if name in found)
