"""Held-out images that are to be reproduced, and the training images nearest to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gantk.data import variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset
from gantk_cells.stack import protein_names

CHUNK = 512  # images that are compared together


@dataclass(frozen=True)
class Targets:
    """Real images to reproduce.

    Args:
        images: (N, C, H, W).
        protein: which of `names` each shows, (N,).
        names: of the proteins.
        has_units: whether the generator makes one image of each protein, of which the right one is compared.
        truth: what else is known of each, (N,).
    """

    images: Tensor
    protein: Tensor
    names: tuple[str, ...]
    has_units: bool
    truth: Mapping[str, Tensor]


def targets(dataset: Dataset, each: int) -> Targets:
    """The first `each` images of every protein of a data set, as they are.

    Args:
        dataset: pairs with labels, or one image of each protein a sample.
        each: how many of each protein.

    Raises:
        DoesNotFit: samples that are no images.
    """
    spec = dataset.spec
    if len(spec.own_shape) != 3 or spec.unit_axes > 1:
        raise DoesNotFit(f"reconstruct compares images (channel, y, x), but a sample is {' × '.join(spec.axes)}")
    if spec.unit_axes:
        batch = dataset.batch(torch.arange(min(each, len(dataset))), None).to("cpu")
        protein = torch.arange(spec.units[0]).repeat(len(batch))
        images, truth = batch.samples.flatten(0, 1), {name: value.flatten() for name, value in batch.truth.items()}
        names = protein_names(spec)
    else:
        batch = dataset.batch(torch.arange(len(dataset)), None).to("cpu")
        protein = torch.zeros(len(batch), dtype=torch.int64) if batch.labels is None else batch.labels
        names = spec.classes or ("all",)
        chosen = torch.cat([(protein == number).nonzero()[:each, 0] for number in range(len(names))]).sort().values
        protein, images = protein[chosen], batch.samples[chosen]
        truth = {name: value[chosen] for name, value in batch.truth.items()}
    return Targets(images, protein, names, spec.unit_axes == 1, truth)


def nearest_training(wanted: Targets, train: Dataset) -> Tensor:
    """The training image of the same protein that is nearest in L2, turned over as training shows it: (N, C, H, W).

    Args:
        wanted: the targets.
        train: pairs with labels, or one image of each protein a sample.
    """
    goals = variants(train, wanted.images)  # turned over, they are as far from an image as they are from it turned over
    closest = torch.full((len(wanted.images),), torch.inf)
    found = torch.empty_like(wanted.images)
    for indices in torch.arange(len(train)).split(CHUNK):
        batch = train.batch(indices, None).to("cpu")
        images = batch.samples if wanted.has_units else batch.samples[:, None]  # (n, U, C, H, W)
        for number in range(len(wanted.names)):
            mine = (wanted.protein == number).nonzero()[:, 0]
            others = images[:, number] if wanted.has_units else images[:, 0]
            if not wanted.has_units and batch.labels is not None:
                others = others[batch.labels == number]
            if not len(mine) or not len(others):
                continue
            for goal in goals:
                apart, place = torch.cdist(goal[mine].flatten(1), others.flatten(1)).min(1)
                nearer = apart < closest[mine]
                closest[mine[nearer]] = apart[nearer]
                found[mine[nearer]] = others[place[nearer]]
    ways = torch.stack(variants(train, found))  # (V, N, C, H, W)
    best = (ways - wanted.images).flatten(2).norm(dim=2).argmin(0)  # (N,)
    return ways[best, torch.arange(len(best))]
