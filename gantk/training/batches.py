"""Which samples each batch takes: an endless sequence of permutations."""

from __future__ import annotations

import torch
from torch import Tensor

from gantk import randomness


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
