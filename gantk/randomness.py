"""Randomness as a function of (seed, purpose, step, update): nothing to save, and a resumed run is the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

import torch
from torch import Tensor

Drawn = TypeVar("Drawn", bound=Any)  # a tensor, or None


def derive(seed: int, purpose: str, step: int = 0, update: int = 0) -> int:
    """A seed of 63 bits (what torch takes everywhere) that depends on nothing but the arguments.

    Args:
        seed: the recipe's seed.
        purpose: what the numbers are for ("latent", "order", "augmentation"); different purposes never share a stream.
        step: training step, or epoch, from 0.
        update: which update within the step, from 0.
    """
    digest = blake2b(f"{seed}/{purpose}/{step}/{update}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(
    seed: int, purpose: str, step: int = 0, update: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A fresh torch.Generator on `device` with the seed that `derive` gives; each kind of device has its own stream."""
    rng = torch.Generator(device=device)
    rng.manual_seed(derive(seed, purpose, step, update))
    return rng


def seed_layers(seed: int, device: torch.device) -> None:
    """Seeds torch's global streams, from which layers draw that take no generator (dropout).

    Args:
        seed: made by `derive`.
        device: where the nets are. For the CPU it is done without `torch.manual_seed`, which turns to every kind of
            accelerator too: .1 ms a step, much for a small net.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


@dataclass(frozen=True)
class Streams:
    """The random streams of one update of one side: one for each purpose, the same whenever the update is repeated.

    What belongs to the samples of a batch is drawn for the whole batch, and each rank takes its rows: the number of
    ranks then changes nothing.

    Args:
        seed: the recipe's.
        side: whose update this is.
        step: the training step, from 0.
        update: which update of this side within the step, from 0.
        device: where the numbers are drawn.
        rank: which of the processes that share the batch this is, from 0.
        ranks: how many there are.
    """

    seed: int
    side: str
    step: int
    update: int
    device: torch.device
    rank: int = 0
    ranks: int = 1

    def rng(self, purpose: str) -> torch.Generator:
        """The stream of a purpose; each rank has its own, and the first rank's is that of a single process."""
        return self._stream(purpose if self.rank == 0 else f"{purpose}/rank {self.rank}")

    def uniform(self, shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        """Numbers from [0, 1); `per_sample` where the first axis counts the samples of this rank's batch."""
        return self._drawn(torch.rand, shape, purpose, per_sample)

    def normal(self, shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        """Numbers from N(0, 1); `per_sample` where the first axis counts the samples of this rank's batch."""
        return self._drawn(torch.randn, shape, purpose, per_sample)

    def latent(self, draw: Callable[[int, torch.Generator], Drawn], batch: int) -> Drawn:
        """`batch` latents, this rank's rows of those that `draw(n, rng)` gives for the whole batch, or None."""
        return self._share(draw(batch * self.ranks, self._stream("latent")), batch)

    def _stream(self, purpose: str) -> torch.Generator:
        return generator(self.seed, f"{self.side}/{purpose}", self.step, self.update, self.device)

    def _drawn(self, draw: Callable[..., Tensor], shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        whole = (shape[0] * self.ranks, *shape[1:]) if per_sample else shape
        drawn = draw(whole, generator=self._stream(purpose), device=self.device)
        return self._share(drawn, shape[0]) if per_sample else drawn

    def _share(self, whole: Drawn, rows: int) -> Drawn:
        return whole if whole is None or self.ranks == 1 else whole[self.rank * rows : (self.rank + 1) * rows]
