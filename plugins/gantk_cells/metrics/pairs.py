"""Red-green pairs and the protein of each, from samples of either layout: what the metrics here work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Dataset, Samples
from gantk.spec import DataSpec
from gantk_cells.stack import protein_names

CHUNK = 512  # samples taken from a data set at a time


@dataclass(frozen=True)
class Pairs:
    """Images one by one.

    Args:
        images: (N, C, H, W).
        labels: which of `names` each shows, (N,); None where that is not known.
        names: of the proteins; empty where there are none.
    """

    images: Tensor
    labels: Tensor | None
    names: tuple[str, ...]

    def groups(self) -> Iterator[tuple[str, Tensor]]:
        """The images of each protein by its name, or all as "all"."""
        if self.labels is None:
            yield "all", self.images
            return
        for number, name in enumerate(self.names):
            yield name, self.images[self.labels == number]


def pairs_of(samples: Samples) -> Pairs:
    """Generated samples, one pair after another."""
    return _pairs(samples, samples.spec)


def pairs_in(dataset: Dataset, most: int, rng: torch.Generator) -> Pairs:
    """Pairs of a data set, as they are (no flips), on the CPU.

    Args:
        dataset: of either layout.
        most: how many pairs at most; if there are more, they are chosen by `rng`.
        rng: a CPU generator.
    """
    wanted = max(1, most // dataset.spec.unit_count)
    if len(dataset) <= wanted:
        indices = torch.arange(len(dataset))
    else:
        indices = torch.randperm(len(dataset), generator=rng)[:wanted]
    parts = [_pairs(dataset.batch(chunk, None).to("cpu"), dataset.spec) for chunk in indices.split(CHUNK)]
    labels = None if parts[0].labels is None else torch.cat([part.labels for part in parts if part.labels is not None])
    return Pairs(torch.cat([part.images for part in parts]), labels, parts[0].names)


def _pairs(batch: Batch, spec: DataSpec) -> Pairs:
    if len(spec.own_shape) != 3 or spec.unit_axes > 1:
        raise DoesNotFit(f"this metric looks at images (channel, y, x), but a sample is {' × '.join(spec.axes)}")
    images = batch.samples.reshape(-1, *spec.own_shape)  # (B·K, C, H, W)
    if spec.unit_axes == 0:
        return Pairs(images, batch.labels, spec.classes)
    labels = torch.arange(spec.units[0], device=images.device).repeat(len(batch))
    return Pairs(images, labels, protein_names(spec))
