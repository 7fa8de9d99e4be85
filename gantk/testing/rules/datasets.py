"""Rules of data sets and formats."""

from __future__ import annotations

import pickle
import random
import tempfile
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gantk.components.construct import component
from gantk.data import as_dataset, one_version, take, units_apart, variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Dataset, Samples
from gantk.interfaces.optional_members import has_member, member
from gantk.testing import specs, toys
from gantk.testing.rule import NotChecked, demand, demand_finite, demand_shape, rule
from gantk.testing.subject import Subject

FEW = 6


def _first(dataset: Dataset) -> Tensor:
    return torch.arange(min(FEW, len(dataset)))


def _same(one: Batch, other: Batch) -> bool:
    fields = [(one.samples, other.samples), (one.labels, other.labels), (one.condition, other.condition)]
    return all((a is None and b is None) or (a is not None and b is not None and torch.equal(a, b)) for a, b in fields)


@rule("length", "dataset", says="It has a length, the training split of 1 or more, and every index below it works.")
def length(subject: Subject) -> None:
    """The first and the last sample of each split."""
    for split, dataset in subject.splits().items():
        count = len(dataset)
        demand(count > 0 or split != "train", "a training split of 1 sample or more", count)
        if count:
            got = len(dataset.batch(torch.tensor([0, count - 1]), None))
            demand(got == 2, f"2 samples for 2 indices of the {split} split", got)


@rule("types", "dataset", says="Batches are as the spec says: floating samples of its shape, labels, conditions.")
def types(subject: Subject) -> None:
    """Shapes and types of everything in a batch."""
    for dataset in subject.splits().values():
        if not len(dataset):
            continue
        spec, indices = dataset.spec, _first(dataset)
        batch = dataset.batch(indices, None)
        demand_shape(batch.samples, (len(indices), *spec.shape), "samples")
        if spec.classes:
            demand(batch.labels is not None, "labels, since the spec names classes", "none")
        if batch.labels is not None:
            demand(tuple(batch.labels.shape) == (len(indices),), f"{len(indices)} labels", tuple(batch.labels.shape))
            demand(not batch.labels.is_floating_point(), "labels that are integers", batch.labels.dtype)
        if spec.condition_shape is not None:
            demand_shape(batch.condition, (len(indices), *spec.condition_shape), "condition")
        for name, values in batch.truth.items():
            demand(len(values) == len(indices), f"as many '{name}' as samples", len(values))


@rule(
    "range",
    "dataset",
    says="Samples lie within spec.range, labels index spec.classes, categorical positions sum to 1.",
)
def ranges(subject: Subject) -> None:
    """Over up to 500 samples of each split."""
    for dataset in subject.splits().values():
        if not len(dataset):
            continue
        spec, batch = dataset.spec, take(dataset, 500)
        demand_finite(batch.samples, "samples")
        lowest, highest = batch.samples.min().item(), batch.samples.max().item()
        if spec.range is not None:
            low, high = spec.range
            inside = low - 1e-5 <= lowest and highest <= high + 1e-5
            demand(inside, f"samples in [{low:g}, {high:g}]", f"from {lowest:.4g} to {highest:.4g}")
        if spec.categorical:
            bases = batch.samples.sum(1 + spec.unit_axes)
            demand(bool((bases > 0.99).all()), "channels that sum to 1 (or more, with annotations)", bases.min().item())
        if batch.labels is not None and spec.classes:
            wrong = [int(each) for each in batch.labels.unique() if not 0 <= each < len(spec.classes)]
            demand(not wrong, f"labels from 0 to {len(spec.classes) - 1}", wrong)


@rule("splits", "dataset", says="All splits have one spec, and different samples.")
def splits(subject: Subject) -> None:
    """The first samples of no two splits are all the same."""
    found = subject.splits()
    one = found["train"].spec
    for split, dataset in found.items():
        demand(dataset.spec == one, f"the {split} split with the spec of the training split", dataset.spec)
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        if len(found[first]) >= FEW and len(found[second]) >= FEW:
            same = _same(found[first].batch(torch.arange(FEW), None), found[second].batch(torch.arange(FEW), None))
            demand(not same, f"other samples in {second} than in {first}", "the same ones: is `split` used?")


@rule(
    "repeatable",
    "dataset",
    says="Built twice it is the same; and a batch depends on its indices and `rng` alone.",
)
def repeatable(subject: Subject) -> None:
    """Global random numbers of torch, numpy and random change nothing."""
    dataset, again = (as_dataset(subject.build(split="train")) for _ in range(2))
    indices = _first(dataset)
    demand(_same(dataset.batch(indices, None), again.batch(indices, None)), "the same data when built twice", "others")
    batches = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        batches.append(dataset.batch(indices, torch.Generator().manual_seed(3)))
    demand(_same(*batches), "the same batch for the same rng", "another: it draws from elsewhere")
    forth, back = dataset.batch(indices, None), dataset.batch(indices.flip(0), None)
    ordered = torch.equal(forth.samples, back.samples.flip(0))
    demand(ordered, "samples in the order of the indices", "another order")


@rule(
    "variants",
    "dataset",
    says="Where it has `variants`, they rearrange the samples, which come first, and hold what training shows.",
)
def versions(subject: Subject) -> None:
    """Of whichever version, all versions are the same; single units where units are apart."""
    dataset = as_dataset(subject.build(split="train"))
    indices = _first(dataset)
    samples = dataset.batch(indices, None).samples
    parts = samples.reshape(-1, *dataset.spec.own_shape) if units_apart(dataset) else samples
    found = variants(dataset, parts)
    demand(torch.equal(found[0], parts), "the samples themselves as the first version", "another one")
    for each in found:
        demand(each.shape == parts.shape, f"versions of shape {tuple(parts.shape)}", tuple(each.shape))
        same = torch.equal(each.flatten(1).sort(1).values, parts.flatten(1).sort(1).values)
        demand(same, "versions that rearrange the numbers of a sample", "other numbers")
        one = torch.equal(one_version(dataset, each), one_version(dataset, parts))
        demand(one, "the same versions of each version", "others")
    if len(found) > 1 and not units_apart(dataset):
        shown = dataset.batch(indices, torch.Generator().manual_seed(3)).samples
        among = (torch.stack(found) == shown).flatten(2).all(2).any(0).all()
        demand(bool(among), "what `batch` shows with an `rng` among the versions", "samples that are none of them")


@rule("picklable", "dataset", says="It can be pickled, for worker processes, and is then the same.")
def picklable(subject: Subject) -> None:
    """Compares a batch before and after pickling."""
    dataset = as_dataset(subject.build(split="train"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch 2.4 warns of its own unpickling
        back = pickle.loads(pickle.dumps(dataset))  # safe: bytes that were made in this line
    indices = _first(dataset)
    demand(_same(dataset.batch(indices, None), back.batch(indices, None)), "the same batch after pickling", "another")


@rule("getitems", "dataset", says="Where it has `__getitems__`, that gives what `__getitem__` gives, one by one.")
def getitems(subject: Subject) -> None:
    """Compares `__getitems__` with `__getitem__`, item by item."""
    dataset = subject.build(split="train")
    if not has_member(dataset, "__getitems__"):
        return
    indices = list(range(min(FEW, len(dataset))))[::-1]
    together, single = dataset.__getitems__(indices), [dataset[index] for index in indices]
    demand(len(together) == len(single), f"{len(single)} items", len(together))
    for one, other in zip(together, single, strict=True):
        same = all(torch.equal(a, b) for a, b in zip(_fields(one), _fields(other), strict=True))
        demand(same, "items that agree with __getitem__", "others")


def _fields(item: object) -> list[Tensor]:
    values = item.values() if isinstance(item, dict) else item if isinstance(item, tuple | list) else [item]
    return [torch.as_tensor(value) for value in values]


@rule("shown", "dataset", says="The view and the formats that its spec names are installed, and take its samples.")
def shown(subject: Subject) -> None:
    """A picture of two samples."""
    dataset = as_dataset(subject.build(split="train"))
    for full in dataset.spec.formats:
        subject.plugin.registry.find("format", full)
    if dataset.spec.view is not None:
        subject.plugin.registry.find("view", dataset.spec.view)
        if subject.plugin.registry is _installed():
            drawn = component("view", {"use": dataset.spec.view}, spec=dataset.spec).draw(take(dataset, 2))
            demand(hasattr(drawn, "save"), "a picture from its view", type(drawn).__name__)


def _installed() -> object:
    from gantk.components.registry import installed_registry

    return installed_registry()


def candidates(subject: Subject) -> Iterator[Samples]:
    """Samples to write: of the plugin's own data, and of every family."""
    for data in subject.plugin.datasets:
        yield take(data["test"], 8)
    for spec in (*subject.plugin.specs, *specs.at_random(40)):
        yield take(toys.data(spec)["test"], 8)


@rule("round_trip", "format", says="What it writes it reads: the same samples within 1 % of their range.")
def round_trip(subject: Subject) -> None:
    """With each ending, for a few kinds of samples that it takes."""
    made = subject.build()
    if not member(made, "writes"):
        raise NotChecked("it only reads")
    endings = list(made.endings)
    demand(bool(endings) and all(each.startswith(".") for each in endings), "endings such as '.h5'", endings)

    def tried() -> Iterator[bool]:
        for samples in candidates(subject):
            try:
                for ending in endings:
                    _written_and_read(made, samples, ending)
                yield True
            except DoesNotFit:
                continue

    demand(any(list(islice(tried(), 3))), "a format that takes some kind of samples", "DoesNotFit for all")


def _written_and_read(made: object, samples: Samples, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples{ending}"
        made.write(path, samples)  # type: ignore[attr-defined]
        back = made.read(path)  # type: ignore[attr-defined]
    as_written = member(made, "as_written")
    given = samples.samples if as_written is None else as_written(samples)
    shape, came = tuple(given.shape), tuple(back.samples.shape)
    demand(came == shape, f"samples of shape {shape} in a {ending} file", came)
    extent = (given.max() - given.min()).clamp(min=1e-6)
    apart = ((back.samples - given).abs().max() / extent).item()
    demand(apart <= 0.01, f"the same samples from a {ending} file", f"up to {apart:.1%} of their extent apart")
