"""Data that are read ahead: the same batches, in the background, one at a time."""

from __future__ import annotations

import pickle
import threading

import torch
from torch import Tensor

from gantk.data import AHEAD, Wrapped
from gantk.spec import DataSpec


class Slow:
    """Notes in which thread each batch was read."""

    spec = DataSpec((2,), ("coordinate",), range=None)

    def __init__(self, read_ahead: bool):
        self.read_ahead = read_ahead
        self.readers: list[str] = []

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> Tensor:
        return torch.full((2,), float(index))

    def __getitems__(self, indices: list[int]) -> list[Tensor]:
        self.readers.append(threading.current_thread().name)
        return [self[index] for index in indices]


def test_what_is_expected_is_read_in_the_background_and_once() -> None:
    data = Wrapped(Slow(read_ahead=True))
    data.prefetch(torch.tensor([3, 1]))
    assert data.batch(torch.tensor([3, 1]), None).samples[:, 0].tolist() == [3, 1]
    assert data.batch(torch.tensor([5]), None).samples[:, 0].tolist() == [5]  # another; by the same reader
    assert len(data.dataset.readers) == 2
    assert all(name.startswith("gantk-data") for name in data.dataset.readers)


def test_nothing_is_read_ahead_where_the_data_set_does_not_say_so() -> None:
    data = Wrapped(Slow(read_ahead=False))
    data.prefetch(torch.tensor([3, 1]))
    data.batch(torch.tensor([3, 1]), None)
    assert data.dataset.readers == ["MainThread"]


def test_what_nobody_asks_for_is_forgotten() -> None:
    data = Wrapped(Slow(read_ahead=True))
    for first in range(3 * AHEAD):
        data.prefetch(torch.tensor([first]))
    assert len(data._ahead) == AHEAD
    assert data.batch(torch.tensor([0]), None).samples[0, 0] == 0


def test_it_can_be_pickled_while_it_reads() -> None:
    data = Wrapped(Slow(read_ahead=True))
    data.prefetch(torch.tensor([3]))
    assert pickle.loads(pickle.dumps(data)).batch(torch.tensor([3]), None).samples[0, 0] == 3  # safe: own bytes
