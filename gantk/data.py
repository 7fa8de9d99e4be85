"""What data sets build on: resident tensors, wrapped map-style data sets, the endless order of batches."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gantk.interfaces import Batch, Dataset, Samples
from gantk.interfaces.optional_members import member
from gantk.spec import DataSpec

AHEAD = 4  # batches of a wrapped data set that are read, or wait, in the background


class Resident:
    """Data that fit: one compact tensor on the device, gathered, flipped and scaled there. A base for data sets.

    Args:
        spec: what one sample is.
        stored: (N, *spec.shape), uint8 (0 … `top` is scaled to spec.range) or floating (taken as it is).
        labels: (N,) integers or None.
        condition: (N, *spec.condition_shape) or None.
        truth: facts for metrics, (N, …) each.
        flips: names of the axes along which each sample is turned over at random, independently for each unit.
        top: the stored value that means the upper end of spec.range, for integer data.
    """

    def __init__(
        self,
        spec: DataSpec,
        stored: Tensor,
        *,
        labels: Tensor | None = None,
        condition: Tensor | None = None,
        truth: Mapping[str, Tensor] | None = None,
        flips: tuple[str, ...] = (),
        top: int = 255,
    ):
        self.spec = spec
        self.stored = stored
        self.labels = labels
        self.condition = condition
        self.truth = dict(truth or {})
        self.flips = flips
        self.top = top

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def nbytes(self) -> int:
        """Bytes of the stored samples."""
        return self.stored.numel() * self.stored.element_size()

    def to(self, device: torch.device) -> Resident:
        """Moves everything to `device`."""
        self.stored = self.stored.to(device)
        self.labels = None if self.labels is None else self.labels.to(device)
        self.condition = None if self.condition is None else self.condition.to(device)
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of `indices`, (B,) on the CPU; turned over at random where `rng` is given."""
        chosen = indices.to(self.stored.device)
        return Batch(
            self.finish(self.stored[chosen], rng),
            None if self.labels is None else self.labels[chosen],
            None if self.condition is None else self.condition[chosen],
            {name: values[indices] for name, values in self.truth.items()},
        )

    def finish(self, stored: Tensor, rng: torch.Generator | None) -> Tensor:
        """Stored values (B, *spec.shape) to samples: flips, then scaling to spec.range."""
        if rng is not None:
            for axis in self.flips:
                stored = self._flip(stored, 1 + self.spec.axes.index(axis), rng)
        if stored.is_floating_point():
            return stored
        low, high = self.spec.range or (0.0, float(self.top))
        return stored.float().mul_((high - low) / self.top).add_(low)

    @property
    def units_apart(self) -> bool:
        """Whether units are turned over each on its own, so that metrics look at each on its own."""
        return bool(self.flips) and self.spec.unit_axes > 0

    def variants(self, samples: Tensor) -> list[Tensor]:
        """Samples, or single units, as they are and turned over in every way that training shows.

        Args:
            samples: (N, …), whose last axes are those of one unit.
        """
        found = [samples]
        for name in self.flips:
            axis = self.spec.axes.index(name) - len(self.spec.axes)
            found += [each.flip(axis) for each in found]
        return found

    def _flip(self, stored: Tensor, axis: int, rng: torch.Generator) -> Tensor:
        per_unit = stored.shape[: 1 + self.spec.unit_axes]
        turned = torch.rand(per_unit, generator=rng, device=stored.device) < 0.5
        turned = turned.reshape(*per_unit, *[1] * (stored.dim() - len(per_unit)))
        return torch.where(turned, stored.flip(axis), stored)


class Wrapped:
    """A plain map-style torch data set with a `spec`; items are tensors, (tensor, label) pairs, or `Batch` fields.

    Nothing in a batch is drawn at random, so of several ranks each reads only its own share.
    Where the data set says `read_ahead = True`, a thread reads the batch that training will want next while the nets
    are busy; its items must then draw nothing from global random numbers.

    Args:
        dataset: has `__getitem__`, `__len__` and `spec`; `__getitems__(indices)` is used where it exists.
    """

    augments = False

    def __init__(self, dataset: Any):
        self.dataset = dataset
        self.spec: DataSpec = dataset.spec
        self.device = torch.device("cpu")
        self._reader: ThreadPoolExecutor | None = None
        self._ahead: dict[tuple[int, ...], Future[Batch]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_reader": None, "_ahead": {}}  # threads cannot be pickled

    def __len__(self) -> int:
        return len(self.dataset)

    def to(self, device: torch.device) -> Wrapped:
        """Batches will be moved to `device`."""
        self.device = device
        return self

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The items of `indices`, stacked. A map-style data set has no place for `rng`, so it is not used."""
        wanted = tuple(indices.tolist())
        if self._reader is None:
            return self._read(wanted).to(self.device)
        reading = self._ahead.pop(wanted, None) or self._reader.submit(self._read, wanted)  # one reader: one at a time
        return reading.result().to(self.device)

    @property
    def units_apart(self) -> bool:
        """What the data set says."""
        return units_apart(self.dataset)

    def variants(self, samples: Tensor) -> list[Tensor]:
        """What the data set says."""
        return variants(self.dataset, samples)

    def prefetch(self, indices: Tensor) -> None:
        """These will be asked for soon: starts to read them in the background, where the data set allows it."""
        if not member(self.dataset, "read_ahead"):
            return
        while len(self._ahead) >= AHEAD:  # the oldest was not wanted after all
            self._ahead.pop(next(iter(self._ahead))).cancel()
        self._reader = self._reader or ThreadPoolExecutor(1, thread_name_prefix="gantk-data")
        wanted = tuple(indices.tolist())
        self._ahead[wanted] = self._reader.submit(self._read, wanted)

    def _read(self, indices: tuple[int, ...]) -> Batch:
        many = member(self.dataset, "__getitems__")
        wanted = list(indices) or [0]  # of no items: what the first one is like
        items = many(wanted) if many else [self.dataset[i] for i in wanted]
        fields = [item if isinstance(item, dict) else _as_fields(item) for item in items]
        stacked: dict[str, Any] = {
            name: torch.stack([torch.as_tensor(item[name]) for item in fields]) for name in fields[0]
        }
        return Batch(**stacked)[: len(indices)]


def _as_fields(item: Any) -> dict[str, Any]:
    return {"samples": item[0], "labels": item[1]} if isinstance(item, tuple | list) else {"samples": item}


def as_dataset(dataset: Any) -> Dataset:
    """The data set itself where it has `batch`, else wrapped."""
    return dataset if hasattr(dataset, "batch") else Wrapped(dataset)


def variants(dataset: Any, samples: Tensor) -> list[Tensor]:
    """Every version of samples that training treats as the same, the samples themselves first.

    A data set that turns samples over, or shows either strand, says so by a method `variants(samples)`; of any other
    a sample is like itself only. Metrics compare a sample with the nearest version of another, and sets of samples
    with all their versions, so that no number depends on which version of a sample somebody has.

    Args:
        dataset: which samples are alike is its matter.
        samples: (N, *spec.shape), or where its units are apart single units, (N, *spec.own_shape).

    Returns:
        of each version all samples in their order. A version rearranges the numbers of a sample, so that two samples
        are as far apart as the same versions of both.
    """
    own: Any = member(dataset, "variants")
    return [samples] if own is None else list(own(samples))


def units_apart(dataset: Any) -> bool:
    """Whether units of one sample say nothing of each other: they meet by chance, or are turned over each on its own.

    Metrics then look at the units one by one. A data set says so by an attribute `units_apart`.
    """
    return bool(member(dataset, "units_apart"))


def one_version(dataset: Any, samples: Tensor) -> Tensor:
    """Samples, or single units, in that of their versions whose numbers come first in order: equal for equal ones.

    Args:
        dataset: which samples are alike is its matter.
        samples: (N, *spec.shape), or where its units are apart single units, (N, *spec.own_shape).
    """
    best, *others = variants(dataset, samples)
    for other in others:
        apart = (other != best).flatten(1)  # (N, D)
        first = apart.byte().argmax(1, keepdim=True)  # where they differ first
        lower = other.flatten(1).gather(1, first) < best.flatten(1).gather(1, first)  # (N, 1)
        best = torch.where(lower.reshape(-1, *[1] * (samples.dim() - 1)), other, best)
    return best


def any_version(dataset: Any, samples: Tensor, rng: torch.Generator) -> Tensor:
    """Samples in one of their versions each, at random; where their units are apart, each unit in one of its own.

    Args:
        dataset: which versions there are is its matter.
        samples: (N, *spec.shape).
        rng: draws, on the device of the samples.
    """
    spec = dataset.spec
    parts = samples.reshape(-1, *spec.own_shape) if units_apart(dataset) else samples
    found = torch.stack(variants(dataset, parts))  # (V, N, …)
    chosen = torch.randint(len(found), (len(parts),), generator=rng, device=parts.device)
    return found[chosen, torch.arange(len(parts), device=parts.device)].reshape(samples.shape)


def evaluation_data(dataset: Dataset) -> Dataset:
    """The data set as metrics see it: its own `judged` where it has one."""
    judged = member(dataset, "judged")
    return dataset if judged is None else judged  # one without samples is false


def take(dataset: Dataset, n: int, rng: torch.Generator | None = None, *, augment: bool = False) -> Samples:
    """Up to n samples of a data set, on the CPU: the first ones, or with `rng` different ones at random.

    Args:
        dataset: where from.
        n: how many at most.
        rng: a CPU generator that chooses; None takes the first n.
        augment: whether the data set's own random flips apply (needs rng).
    """
    n = min(n, len(dataset))
    indices = torch.arange(n) if rng is None else torch.randperm(len(dataset), generator=rng)[:n]
    batch = dataset.batch(indices, rng if augment else None).to("cpu")
    return Samples(
        samples=batch.samples,
        labels=batch.labels,
        condition=batch.condition,
        truth=batch.truth,
        spec=dataset.spec,
        attributes={"origin": dataset.spec.origin},
    )


def generated(samples: Tensor, spec: DataSpec, **attributes: Any) -> Samples:
    """Samples that a generator made, marked as such; of a model of simulated data the mark says so."""
    origin = "generated" if spec.origin == "real" else f"generated, modelled on {spec.origin} data"
    return Samples(samples=samples, spec=replace(spec), attributes={"origin": origin, **attributes})
