"""Every metric by class: the same numbers of each class on its own, for entries of `evaluate` with `by_class: true`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.class_counts import FEW_HELD_OUT, all_labels
from gantk.data import first_of_each, sample_names, take, units_apart, variants
from gantk.errors import DoesNotFit
from gantk.evaluation.results import Entry
from gantk.interfaces import Batch, Dataset, MetricInput, Samples, Value
from gantk.sampling import draw_like
from gantk.training.from_recipe import refuse_untold

log = logging.getLogger(__name__)

LEAST = 10
"""Samples of a class, on every side, below which its numbers are not computed."""


class ClassSubset:
    """The samples of one class of a data set, which is a data set.

    Args:
        dataset: the whole one.
        indices: which of its samples, (n,).
    """

    augments = True

    def __init__(self, dataset: Any, indices: Tensor):
        self.dataset = dataset
        self.indices = indices
        self.spec = dataset.spec

    def __len__(self) -> int:
        return len(self.indices)

    def to(self, device: torch.device) -> ClassSubset:
        """The same with the whole data set on `device`."""
        return ClassSubset(self.dataset.to(device), self.indices)

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of `indices`, (B,), which count those of the class."""
        return self.dataset.batch(self.indices[indices], rng)

    @property
    def units_apart(self) -> bool:
        """What the data set says."""
        return units_apart(self.dataset)

    def variants(self, samples: Tensor) -> list[Tensor]:
        """What the data set says."""
        return variants(self.dataset, samples)

    def first_of_each(self) -> Tensor:
        """What the data set says, of these samples."""
        return torch.isin(self.indices, first_of_each(self.dataset)).nonzero().squeeze(1)

    def sample_names(self, indices: Tensor) -> list[str] | None:
        """What the data set says."""
        return sample_names(self.dataset, self.indices[indices])


@dataclass(frozen=True)
class OneClass:
    """What there is of one class.

    Args:
        name: of the class.
        generated: samples of it.
        train: its training samples.
        held_out: those of the split that is compared with.
    """

    name: str
    generated: Samples
    train: Dataset
    held_out: Dataset


def subsets(train: Dataset, held_out: Dataset) -> Iterator[tuple[str, Dataset, Dataset]]:
    """Name, training and held-out samples of each class.

    Raises:
        DoesNotFit: the data have no classes.
    """
    names = train.spec.classes
    if not names:
        raise DoesNotFit("by_class needs data with classes, and these name none: leave it out")
    labels = [all_labels(each) for each in (train, held_out)]
    for number, name in enumerate(names):
        own = ((each == number).nonzero().squeeze(1) for each in labels)
        yield name, *(ClassSubset(*two) for two in zip((train, held_out), own, strict=True))  # type: ignore[misc]


def share_of(samples: int, classes: int) -> int:
    """How many generated samples each class gets of those that a metric wants: equally many, and 10 at least."""
    return max(LEAST, samples // classes) if samples else 0


def of_generator(
    generator: nn.Module | None,
    train: Dataset,
    held_out: Dataset,
    entries: Sequence[Entry],
    *,
    seed: int,
    purpose: str,
    device: torch.device | str,
) -> list[OneClass]:
    """The parts of each class, with samples that the generator draws of it.

    Args:
        generator: is told the class; None where only a critic was trained.
        train: the training split.
        held_out: the split that is compared with.
        entries: that are computed by class.
        seed: of the latents.
        purpose: name of the random stream.
        device: where the generator is.

    Raises:
        DoesNotFit: no classes, or a generator that is not told them.
    """
    refuse_untold(generator)
    wanted = max(share_of(entry.metric.samples, len(train.spec.classes) or 1) for entry in entries)
    parts = []
    for name, known, held in subsets(train, held_out):
        made = take(held_out, 0)
        if generator is not None and wanted and len(held):
            made = draw_like(generator, held, wanted, seed=seed, purpose=f"{purpose}/class {name}", device=device)
        parts.append(OneClass(name, made, known, held))
    return parts


def of_samples(samples: Samples, train: Dataset, held_out: Dataset) -> list[OneClass]:
    """The parts of each class, with samples that come with labels.

    Raises:
        DoesNotFit: no classes, other ones, or no labels.
    """
    if samples.labels is None or samples.spec.classes != train.spec.classes:
        raise DoesNotFit("by_class needs samples that are labelled with the classes of the data: leave it out")
    parts = []
    for number, (name, known, held) in enumerate(subsets(train, held_out)):
        parts.append(OneClass(name, samples[(samples.labels == number).nonzero().squeeze(1)], known, held))
    return parts


def values_by_class(
    entry: Entry, parts: Sequence[OneClass], whole: Dataset, nets: Mapping[str, nn.Module], *, seed: int, purpose: str
) -> dict[str, Value]:
    """A metric of each class: "precision[3]" to Value. A class that it cannot be computed of is told of once.

    Args:
        entry: the metric.
        parts: of all classes.
        whole: the training split, for metrics that learn to tell the classes.
        nets: as for the metric of all classes together.
        seed: of whatever the metric draws.
        purpose: name of the random stream.
    """
    values: dict[str, Value] = {}
    for part in parts:
        with _left_out(entry, part.name):
            wanted = share_of(entry.metric.samples, len(parts))
            sides = {"generated": len(part.generated), "training": len(part.train), "held-out": len(part.held_out)}
            few = [
                f"{count} {side}" for side, count in sides.items() if count < LEAST and (wanted or side != "generated")
            ]
            if few:
                raise DoesNotFit(f"there are {' and '.join(few)} samples of it, and {LEAST} or more are needed")
            rng = randomness.generator(seed, f"{purpose}/{entry.name}/class {part.name}")
            given = part.generated[:wanted]
            known = whole if entry.metric.learns_classes else part.train
            found = entry.metric.compute(MetricInput(given, known, part.held_out, rng=rng, nets=nets))
            values |= {f"{name}[{part.name}]": _counted(each, part, given) for name, each in found.items()}
    return values


def _counted(value: Value, part: OneClass, given: Samples) -> Value:
    """A value of a class with how many samples stand behind it, and whether these are few."""
    held_out = len(part.held_out)
    note = value.note
    if held_out < FEW_HELD_OUT:
        note = f"{note}; only {held_out} held out".removeprefix("; ")
    n = value.n if value.n is not None else len(given) or None
    behind = value.n_reference if value.n_reference is not None or value.reference is None else held_out
    return replace(value, note=note, n=n, n_reference=behind)


@contextmanager
def _left_out(entry: Entry, name: str) -> Iterator[None]:
    try:
        yield
    except (DoesNotFit, RuntimeError, ValueError, IndexError) as error:  # of all classes together it was computed
        if name not in entry.classes_left_out:
            entry.classes_left_out.add(name)
            reason = str(error) if isinstance(error, DoesNotFit) else f"{type(error).__name__}: {error}"
            log.warning("%s is not computed of class '%s': %s", entry.name, name, reason)
