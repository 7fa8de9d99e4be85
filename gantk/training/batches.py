"""Which samples each batch takes, and how it is fetched: read ahead, augmented, shared among ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gantk import randomness
from gantk.interfaces import Batch, Dataset
from gantk.interfaces.optional_members import member
from gantk.training.distributed.ranks import Ranks


class Batches:
    """The real batches of one side, one for each of its updates.

    Args:
        dataset: the training split.
        batch: samples a draw, over all ranks.
        seed: the recipe's.
        side: "critic" or "generator": each has an order and an augmentation of its own.
        ranks: the processes that share each batch.
        device: where the samples are wanted.
        balanced_by: labels (N,), whose classes are all drawn equally often; None: samples are.
        augment: whether the data set draws its augmentation.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch: int,
        seed: int,
        side: str,
        ranks: Ranks,
        device: torch.device,
        balanced_by: Tensor | None = None,
        augment: bool = True,
    ):
        self.dataset: Any = dataset
        self.order: Order | BalancedOrder = (
            Order(len(dataset), batch, seed, side)
            if balanced_by is None
            else BalancedOrder(balanced_by, batch, seed, side)
        )
        self.augment = augment
        self.augmented: bool = augment and member(dataset, "augments")  # then a batch is made whole before it is shared
        self.read_ahead: Callable[[Tensor], None] | None = member(dataset, "prefetch")
        self.seed, self.side, self.ranks, self.device = seed, side, ranks, device

    def fetch(self, step: int, update: int, number: int) -> Batch:
        """This rank's share of draw `number`, on the device; the next draw is read meanwhile.

        Args:
            step: with `update` what the random numbers of the augmentation depend on.
            update: which update of the side within the step.
            number: which draw of the side, from 0.
        """
        rng = randomness.generator(self.seed, f"{self.side}/augmentation", step, update, self.device)
        batch = self.dataset.batch(self._indices(number), rng if self.augment else None).to(self.device)
        if self.read_ahead is not None:
            self.read_ahead(self._indices(number + 1))
        return self.ranks.share(batch) if self.augmented else batch

    def _indices(self, number: int) -> Tensor:
        indices = self.order.draw(number)
        return indices if self.augmented else self.ranks.share(indices)


class Order:
    """The endless order in which a data set is visited: epoch after epoch, each a permutation of its own.

    Draw d is the samples at positions d·batch … (d+1)·batch - 1, so any draw can be had without the ones before it.

    Args:
        length: size of the data set.
        batch: how many samples a draw has.
        seed: the recipe's seed.
        purpose: orders of different purposes are independent.
    """

    def __init__(self, length: int, batch: int, seed: int, purpose: str):
        self.length = length
        self.batch = batch
        self.seed = seed
        self.purpose = purpose
        self._epochs: dict[int, Tensor] = {}

    def draw(self, number: int) -> Tensor:
        """Indices of draw `number` (from 0), int64 of shape (batch,)."""
        return self.at(number * self.batch, self.batch)

    def at(self, position: int, wanted: int) -> Tensor:
        """Indices at `wanted` positions from `position` on, int64 of shape (wanted,)."""
        parts = []
        while wanted:
            epoch, offset = divmod(position, self.length)
            part = self._epoch(epoch)[offset : offset + wanted]
            parts.append(part)
            position, wanted = position + len(part), wanted - len(part)
        return torch.cat(parts)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            rng = randomness.generator(self.seed, f"order/{self.purpose}", epoch)
            kept = {earlier: order for earlier, order in self._epochs.items() if earlier == epoch - 1}
            self._epochs = kept | {epoch: torch.randperm(self.length, generator=rng)}
        return self._epochs[epoch]


TURNS = 64  # rounds whose turns are drawn at once


class BalancedOrder:
    """The endless order in which all classes are drawn equally often, and the samples of each in epochs of their own.

    Position p of it belongs to round p // K of K classes. In a round each class has one turn, in random order; turn r
    of a class is position r of the `Order` of its samples. Any draw can be had without the ones before it, and of any
    number of positions in a row the classes' shares differ by two turns at most.

    Args:
        labels: of the data set, (N,); a class without samples has no turns.
        batch: how many samples a draw has.
        seed: the recipe's seed.
        purpose: orders of different purposes are independent.
    """

    def __init__(self, labels: Tensor, batch: int, seed: int, purpose: str):
        self.batch = batch
        self.seed = seed
        self.purpose = purpose
        classes = labels.unique().tolist()
        self.members = [(labels == each).nonzero().squeeze(1) for each in classes]
        self.orders = [
            Order(len(members), batch, seed, f"{purpose}/class {each}")
            for each, members in zip(classes, self.members, strict=True)
        ]
        self._turns: dict[int, Tensor] = {}

    def draw(self, number: int) -> Tensor:
        """Indices of draw `number` (from 0), int64 of shape (batch,)."""
        positions = torch.arange(number * self.batch, (number + 1) * self.batch)
        rounds = positions // len(self.members)
        turns = torch.stack([self._turns_of(each) for each in range(int(rounds[0]), int(rounds[-1]) + 1)])
        classes = turns[rounds - rounds[0], positions % len(self.members)]
        drawn = torch.empty_like(positions)
        for each in classes.unique().tolist():
            at = classes == each
            own = self.orders[each].at(int(rounds[at][0]), int(at.sum()))  # its turns are of rounds in a row
            drawn[at] = self.members[each][own]
        return drawn

    def _turns_of(self, number: int) -> Tensor:
        """The order of the classes in a round, (K,)."""
        block, row = divmod(number, TURNS)
        if block not in self._turns:
            rng = randomness.generator(self.seed, f"order/{self.purpose}/turns", block)
            kept = {earlier: turns for earlier, turns in self._turns.items() if earlier == block - 1}
            drawn = torch.rand(TURNS, len(self.members), generator=rng).argsort(1)
            self._turns = kept | {block: drawn}
        return self._turns[block][row]
