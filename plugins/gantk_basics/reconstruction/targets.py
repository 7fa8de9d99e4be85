"""Held-out samples that are to be reproduced, and the training samples nearest to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gantk.data import variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset

CHUNK = 512  # images that are compared together


@dataclass(frozen=True)
class Targets:
    """Real samples to reproduce; of data with units, each a unit.

    Args:
        images: (N, *spec.own_shape): images mostly, but strings and points are taken, too.
        group: which of `names` each is, (N,): its class, or its unit.
        names: of the classes or units.
        has_units: whether the generator makes one image of each group, of which the right one is compared.
        truth: what else is known of each, (N,).
    """

    images: Tensor
    group: Tensor
    names: tuple[str, ...]
    has_units: bool
    truth: Mapping[str, Tensor]


def targets(dataset: Dataset, each: int) -> Targets:
    """The first `each` samples of every class or unit of a data set, as they are.

    Args:
        dataset: with labels, with one image of each protein a sample, or with neither.
        each: how many of each.

    Raises:
        DoesNotFit: samples with several axes of units.
    """
    spec = dataset.spec
    if spec.unit_axes > 1:
        raise DoesNotFit(f"reconstruct compares samples or their units, but a sample is {' × '.join(spec.axes)}")
    if spec.unit_axes:
        batch = dataset.batch(torch.arange(min(each, len(dataset))), None).to("cpu")
        group = torch.arange(spec.units[0]).repeat(len(batch))
        images, truth = batch.samples.flatten(0, 1), {name: value.flatten() for name, value in batch.truth.items()}
        names = spec.names.get(spec.axes[0], tuple(f"unit {k}" for k in range(spec.shape[0])))
    else:
        batch = dataset.batch(torch.arange(len(dataset)), None).to("cpu")
        group = torch.zeros(len(batch), dtype=torch.int64) if batch.labels is None else batch.labels
        names = spec.classes or ("all",)
        chosen = torch.cat([(group == number).nonzero()[:each, 0] for number in range(len(names))]).sort().values
        group, images = group[chosen], batch.samples[chosen]
        truth = {name: value[chosen] for name, value in batch.truth.items()}
    return Targets(images, group, names, spec.unit_axes == 1, truth)


def nearest_training(wanted: Targets, train: Dataset) -> Tensor:
    """The training sample of the same class or unit that is nearest in L2, in the version that training shows.

    A class that was left out of training has none: its samples get the nearest of any class.

    Args:
        wanted: the targets.
        train: with labels, with one image of each protein a sample, or with neither.

    Returns:
        (N, *own_shape).
    """
    found, closest = _nearest(wanted, train, True)
    alone = closest.isinf()
    if alone.any():
        found[alone] = _nearest(wanted, train, False)[0][alone]
    ways = torch.stack(variants(train, found))  # (V, N, …)
    best = (ways - wanted.images).flatten(2).norm(dim=2).argmin(0)  # (N,)
    return ways[best, torch.arange(len(best))]


def _nearest(wanted: Targets, train: Dataset, same_class: bool) -> tuple[Tensor, Tensor]:
    """The nearest training samples, and how far they are: infinitely, where there is none of the class."""
    goals = variants(train, wanted.images)  # turned over, they are as far from an image as they are from it turned over
    closest = torch.full((len(wanted.images),), torch.inf)
    found = torch.empty_like(wanted.images)
    for indices in torch.arange(len(train)).split(CHUNK):
        batch = train.batch(indices, None).to("cpu")
        images = batch.samples if wanted.has_units else batch.samples[:, None]  # (n, U, C, H, W)
        for number in range(len(wanted.names)):
            mine = (wanted.group == number).nonzero()[:, 0]
            others = images[:, number] if wanted.has_units else images[:, 0]
            if same_class and not wanted.has_units and batch.labels is not None:
                others = others[batch.labels == number]
            if not len(mine) or not len(others):
                continue
            for goal in goals:
                apart, place = torch.cdist(goal[mine].flatten(1), others.flatten(1)).min(1)
                nearer = apart < closest[mine]
                closest[mine[nearer]] = apart[nearer]
                found[mine[nearer]] = others[place[nearer]]
    return found, closest
