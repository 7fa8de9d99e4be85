"""Batch and Samples, and the Dataset that returns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from gantk.plugin import interface
from gantk.spec import DataSpec

SPLITS = ("train", "validation", "test")


@dataclass
class Batch:
    """Some samples and what belongs to them, all with the same first axis.

    Args:
        samples: (B, *spec.shape), floating, within spec.range.
        labels: (B,) integers that index spec.classes, or None.
        condition: (B, *spec.condition_shape), what a generator is given besides the latent, or None.
        truth: facts for metrics and losses, (B, …) each; nets never see them.
    """

    samples: Tensor
    labels: Tensor | None = None
    condition: Tensor | None = None
    truth: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, chosen: slice | Tensor) -> Batch:
        def pick(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor[chosen]

        return Batch(
            self.samples[chosen],
            pick(self.labels),
            pick(self.condition),
            {name: values[chosen] for name, values in self.truth.items()},
        )

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on `device`."""

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        return Batch(
            self.samples.to(device, non_blocking=True),
            move(self.labels),
            move(self.condition),
            {name: values.to(device) for name, values in self.truth.items()},
        )


@dataclass
class Samples(Batch):
    """A batch with its DataSpec and its origin: what metrics, views and formats work on.

    Args:
        spec: the DataSpec of the samples.
        attributes: JSON values that say where they come from: `origin` ("real", "simulated", "generated"), `step`,
            `latent_seed`, `model` (digest of the checkpoint), …
        names: what each is called in its file; None where samples have no names.
    """

    spec: DataSpec = None  # type: ignore[assignment]  # always given; dataclass fields behind defaults need one
    attributes: dict[str, Any] = field(default_factory=dict)
    names: Sequence[str] | None = None

    def __getitem__(self, chosen: slice | Tensor) -> Samples:
        part = Batch.__getitem__(self, chosen)
        names = None
        if self.names is not None:
            which = chosen.cpu() if isinstance(chosen, Tensor) else chosen
            names = [self.names[at] for at in torch.arange(len(self))[which].tolist()]
        return replace(
            self, samples=part.samples, labels=part.labels, condition=part.condition, truth=part.truth, names=names
        )


@interface("dataset")
class Dataset(Protocol):
    """Real samples. Built as `Component(split, *, …)` once for each of "train", "validation", "test".

    The `rng` of `batch` lives on the device of the data; every random choice (flips, crops) comes from it alone, so
    that a run can be repeated. Metrics and fixed pictures pass `rng=None`: then the samples come as they are.
    A plain map-style torch dataset (`__getitem__`, `__len__`) with a `spec` is also taken, and wrapped. Data that are
    judged in another form than they are trained in also define `judged` and `as_judged`
    (see gantk/evaluation/representation.py).
    Data that are shown turned over, or on either strand, also define `variants(samples) -> list[Tensor]`, all versions
    of the same samples, and `units_apart` (see `gantk.data`): metrics then treat as the same what training does.
    Data whose samples have names define `sample_names(indices) -> list[str]`.
    """

    spec: DataSpec

    def __len__(self) -> int: ...

    def to(self, device: torch.device) -> Dataset:
        """The same data, resident on `device` where that makes sense."""
        ...

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of `indices`, an int64 tensor of shape (B,) on the CPU."""
        ...
