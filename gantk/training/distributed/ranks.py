"""Ranks: the processes that share the batches of one run. Alone, every method gives back what it was given.

Each rank holds the whole state and computes its share of every batch; gradients are averaged after backward, so that
all take the same step. The first rank alone writes and decides; the others are told by a word after each step.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from gantk.errors import GantkError, RankLost, RecipeError

GO_ON, RESTORE, ENOUGH = 0, 1000, 1001  # words of the first rank; any other is the exit code to end with
BUCKET = 8 * 2**20  # numbers, or bytes, that are sent at a time
LAUNCHER = "GANTK_LAUNCHER"  # the number of the `gantk run` that has started this process

Shared = TypeVar("Shared", bound=Any)  # a tensor or a Batch


class Ranks:
    """This process among those that share the batches of a run.

    Args:
        number: which it is, from 0.
        count: how many there are.
        local: which it is on its machine, from 0.
        store: what all can write notes to, where there are several.
    """

    def __init__(self, number: int = 0, count: int = 1, local: int = 0, store: dist.Store | None = None):
        self.number = number
        self.count = count
        self.local = local
        self.store = store

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and decides."""
        return self.number == 0

    # What each computes.

    def share_of(self, batch: int) -> int:
        """How many samples of a batch are this rank's.

        Raises:
            RecipeError: the batch cannot be shared equally.
        """
        if batch % self.count:
            less, more = batch // self.count * self.count, -(-batch // self.count) * self.count
            near = f"{less} or {more}" if less else f"{more}"
            raise RecipeError(
                f"train.batch is {batch}, which {self.count} processes cannot share equally: take {near}, "
                "or another number of processes"
            )
        return batch // self.count

    def of_one(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A resolved recipe with the batch that one rank computes: what a process needs memory for.

        Raises:
            RecipeError: the batch cannot be shared equally.
        """
        train = values["train"]
        return {**values, "train": {**train, "batch": self.share_of(train["batch"])}}

    def share(self, values: Shared) -> Shared:
        """This rank's rows of what was drawn for the whole batch.

        Args:
            values: (B, …) of the whole batch, a tensor or a `Batch`; or None.
        """
        if self.count == 1 or values is None:
            return values
        rows = self.share_of(len(values))
        return values[self.number * rows : (self.number + 1) * rows]

    def own(self, purpose: str) -> str:
        """The name of a random stream of which each rank has its own; the first rank's is that of a run alone."""
        return purpose if self.first else f"{purpose}/rank {self.number}"

    def average_gradients(self, parameters: Sequence[nn.Parameter], terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Averages gradients over the ranks, in place; returns the terms averaged, which travel with them."""
        if self.count == 1:
            return terms
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        values = [value.clone() for value in terms.values()]
        self._average(gradients + values)
        return dict(zip(terms, values, strict=True))

    def keep_buffers(self, *modules: nn.Module | None) -> list[tuple[Tensor, Tensor]]:
        """The floating buffers (batch statistics) of nets and losses, and copies of them; alone, none."""
        if self.count == 1:
            return []
        buffers = [buffer for module in modules if module is not None for buffer in module.buffers()]
        return [(buffer, buffer.clone()) for buffer in buffers if buffer.is_floating_point()]

    @torch.no_grad()
    def average_changes(self, kept: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Averages the changes of buffers over the ranks; an unchanged buffer stays the same bit for bit.

        Args:
            kept: from `keep_buffers`.
        """
        changes = [buffer - before for buffer, before in kept]
        self._average(changes)
        for (buffer, before), change in zip(kept, changes, strict=True):
            buffer.copy_(before + change)

    @torch.no_grad()
    def _average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces tensors by their mean over the ranks; all ranks get the same bits."""
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            with self._together():
                dist.all_reduce(flat)
            parts = flat.div_(self.count).split([tensor.numel() for tensor in bucket])
            for tensor, part in zip(bucket, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    # What they agree on.

    def agree(self, number: int | None) -> int | None:
        """The signal that any of the ranks has received, so that all stop after the same step; None: none has."""
        if self.count == 1:
            return number
        if number is None and _orphaned():
            number = signal.SIGTERM
        word = torch.tensor([number or 0])
        with self._together():
            dist.all_reduce(word, dist.ReduceOp.MAX)
        return int(word) or None

    @contextmanager
    def leading(self, word: int | Callable[[], int] = GO_ON, later: type[Exception] | tuple[()] = ()) -> Iterator[None]:
        """A context of the first rank while the others `listen`: at its end they receive `word`, or its error.

        Args:
            word: what they are told when all went well, or what then says it.
            later: an error after which they are told nothing yet.
        """
        try:
            yield
        except later:
            raise
        except BaseException as error:
            self._tell(getattr(error, "exit_code", 1))
            raise
        self._tell(word if isinstance(word, int) else word())

    def listen(self) -> int:
        """The word of the first rank."""
        return self._tell(0)

    def _tell(self, word: int) -> int:
        if self.count == 1:
            return word
        told = torch.tensor([word])
        with self._together():
            dist.broadcast(told, 0)
        return int(told)

    def hand_out(self, content: bytes | memoryview = b"") -> bytes:
        """Broadcasts the bytes of the first rank to all ranks."""
        length = self._tell(len(content))
        if self.count == 1 or not length:
            return bytes(content)
        buffer = bytearray(content) if self.first else bytearray(length)
        sent = torch.frombuffer(buffer, dtype=torch.uint8)
        with self._together():
            for piece in sent.split(BUCKET):
                dist.broadcast(piece, 0)
        return bytes(buffer)

    @contextmanager
    def first_on_each_machine(self) -> Iterator[None]:
        """Inside it, one process of each machine goes before the others (which then find what it has cached)."""
        if self.local:
            self._wait()
        yield
        if not self.local:
            self._wait()

    def _wait(self) -> None:
        self.agree(None)

    def place(self, device: torch.device) -> torch.device:
        """The device of this rank: each has a card of its own.

        Raises:
            GantkError: there are fewer cards than processes here, or devices that processes cannot share.
        """
        if self.count == 1 or device.type == "cpu":
            return device
        if device.type != "cuda":
            raise GantkError(
                f"several processes cannot train on {device.type}: take machine.device=cpu, or one process"
            )
        cards = torch.cuda.device_count()
        if self.local >= cards:
            raise GantkError(
                f"there are more processes on this machine than CUDA devices ({cards}): start at most {cards}, "
                "or take machine.device=cpu"
            )
        torch.cuda.set_device(self.local)
        return torch.device("cuda", self.local)

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # what torch.distributed raises where a peer does not answer
            raise RankLost(
                f"another of the {self.count} processes of this run has ended, and training cannot go on without it"
            ) from error

    def may_say(self, topic: str) -> bool:
        """Whether this rank is the first to say something about this; one is enough.

        Args:
            topic: "cause" of the run's end, or "how to go on".
        """
        if self.store is None:
            return True
        try:
            return self.store.add(topic, 1) == 1
        except RuntimeError:  # the one that held the notes is gone
            return True

    def leave(self) -> None:
        """Leaves the process group after training."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


ALONE = Ranks()


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Tensors in their order, in groups of one type, of about BUCKET numbers at most."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        size = sum(each.numel() for each in bucket)
        if bucket and (tensor.dtype != bucket[0].dtype or size + tensor.numel() > BUCKET):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _orphaned() -> bool:
    """Whether the `gantk run` that has started this process is gone."""
    launcher = os.environ.get(LAUNCHER)
    return launcher is not None and os.getppid() != int(launcher)
