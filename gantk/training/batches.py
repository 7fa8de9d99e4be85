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
    """

    def __init__(self, dataset: Dataset, batch: int, seed: int, side: str, ranks: Ranks, device: torch.device):
        self.dataset: Any = dataset
        self.order = Order(len(dataset), batch, seed, side)
        self.augmented: bool = member(dataset, "augments")  # then a batch is made whole before it is shared
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
        batch = self.dataset.batch(self._indices(number), rng).to(self.device)
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
        parts, position, wanted = [], number * self.batch, self.batch
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
