"""From the images of each class to a data set: the split, and the three ways of giving out images."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from gantk_basics.data.augmented import AugmentedImages
from gantk_basics.files.images.class_images import ClassImages
from gantk_basics.image_augmentation import Augmentation
from gantk_basics.pixel_values import Levels
from torch import Tensor

from gantk.interfaces import Batch
from gantk.spec import DataSpec
from gantk_cells.data.nearest_red import Borrowed, borrowed
from gantk_cells.stack import stack_spec, unstacked

Layout = Literal["pairs", "per_class", "composite"]


class CellImages(AugmentedImages):
    """Images of several classes (proteins), resident on the device: as uint8 where that says all, else as floats.

    `pairs`: all classes together; a sample is (C, H, W), its label the class. `per_class`: a sample is one image of
    each class, (K, C, H, W); the classes are its units. Which images meet in a sample is chance: with `rng`, class k
    gives image (i + offset_k) mod n_k of its n_k, a fresh offset for each class and batch; without, i mod n_k. The
    length is then the size of the largest class. `composite`: a sample is a stack of one red channel and K green
    ones, (1 + K, H, W): red and its own green of one cell, the other greens of the cells with the nearest red, cut to
    the outline of the cell. Such data are judged as `per_class`.

    Args:
        classes: images of each class; equal sizes.
        layout: how they are given out.
        channel_names: a name for each channel.
        origin: "real" or "simulated".
        pixel_size: micrometres; None where it is not known.
        levels: of each channel; None: pixels of 8 bits as they are.
        augment: what training does to images at random; None: flips along both axes.
    """

    def __init__(
        self,
        classes: Sequence[ClassImages],
        layout: Layout,
        channel_names: Sequence[str],
        origin: str,
        pixel_size: float | None,
        levels: Levels | None = None,
        augment: Augmentation | None = None,
    ):
        names = tuple(part.name for part in classes)
        counts = torch.tensor([len(part.images) for part in classes])  # (K,)
        size = classes[0].images.shape[2:]
        levels = levels or Levels.whole("uint8", len(channel_names))
        spec = images_spec(size, channel_names, origin, pixel_size, levels, names, units=layout != "pairs")
        stored = torch.cat([levels.samples(part.images) for part in classes])  # (N, C, H, W), class after class
        labels = torch.arange(len(names)).repeat_interleave(counts)
        truth = {
            name: torch.from_numpy(np.concatenate([part.truth[name] for part in classes])) for name in classes[0].truth
        }
        turn = torch.cat([torch.arange(count) for count in counts.tolist()]).argsort(stable=True)
        if layout == "pairs":  # one of each class in turn, so that the first few show all
            stored, labels, truth = stored[turn], labels[turn], {name: values[turn] for name, values in truth.items()}
        super().__init__(
            stack_spec(spec) if layout == "composite" else spec,
            stored,
            labels=labels if layout == "pairs" else None,
            truth=truth,
            augment=augment,
            flips=("y", "x"),
        )
        self.layout = layout
        self.names, self.counts = names, counts
        self.longest = int(counts.max())
        if layout == "composite":
            self.pairs_spec, self.turn, self.borrowed = spec, turn, borrowed(_of_8_bits(stored), counts)

    def __len__(self) -> int:
        return self.longest if self.layout == "per_class" else len(self.stored)

    def to(self, device: torch.device) -> CellImages:
        """Moves everything to `device`, so that a batch needs nothing from elsewhere."""
        super().to(device)
        self.counts = self.counts.to(device)
        self.truth = {name: values.to(device) for name, values in self.truth.items()}
        if self.layout == "composite":
            self.turn = self.turn.to(device)
            self.borrowed = Borrowed(self.borrowed.lenders.to(device), self.borrowed.cell.to(device))
        return self

    @property
    def class_counts(self) -> dict[str, int]:
        """Protein to how many images there are of it."""
        return dict(zip(self.names, self.counts.tolist(), strict=True))

    @cached_property
    def judged(self) -> CellImages:
        """The data that metrics compare with: of stacks the real pairs, `per_class`; otherwise these data."""
        if self.layout != "composite":
            return self
        pairs = copy(self)  # of the same images
        pairs.layout, pairs.spec = "per_class", self.pairs_spec
        return pairs

    def as_judged(self, samples: Tensor) -> Tensor:
        """Samples in the form of `judged`: stacks (B, 1 + K, H, W), as a star-shaped net's samples are written, become
        the pairs of one cell (B, K, 2, H, W)."""
        return unstacked(samples) if self.layout != "pairs" and samples.dim() == 4 else samples

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of `indices`, (B,) on the CPU; with `rng`, augmented and partnered at random."""
        if self.layout == "pairs":
            return super().batch(indices, rng)
        if self.layout == "composite":
            return self._stacks(indices, rng)
        device, counts = self.stored.device, self.counts  # (K,)
        place = indices.to(device)[:, None]  # (B, 1)
        if rng is not None:
            place = place + (torch.rand(len(counts), generator=rng, device=device) * counts).long()
        rows = counts.cumsum(0) - counts + place % counts  # (B, K)
        truth = {name: values[rows] for name, values in self.truth.items()}
        return Batch(self.finish(self.stored[rows], rng), truth=truth)  # (B, K, C, H, W)

    def _stacks(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        rows = self.turn[indices.to(self.stored.device)]  # (B,)
        lenders = self.borrowed.lenders[rows]  # (B, K)
        seen = (lenders == rows[:, None])[..., None, None] | self.borrowed.cell[rows][:, None]  # (B, K, H, W)
        dark = -1 if self.stored.is_floating_point() else 0
        green = self.stored[lenders, 1].masked_fill(~seen, dark)
        stacks = torch.cat([self.stored[rows, :1], green], 1)  # (B, 1 + K, H, W)
        return Batch(self.finish(stacks, rng), truth={name: values[rows] for name, values in self.truth.items()})


def images_spec(
    size: Sequence[int],
    channels: Sequence[str],
    origin: str,
    pixel_size: float | None,
    levels: Levels,
    proteins: Sequence[str],
    units: bool,
) -> DataSpec:
    """What one image is, or with units one image of each protein.

    Args:
        size: height, width.
        channels: a name for each channel of an image.
        origin: "real" or "simulated".
        pixel_size: micrometres; None where it is not known.
        levels: of each channel of an image, or of each of every protein's.
        proteins: their names.
        units: whether a sample has one image of each protein; else the proteins are its classes.
    """
    shape, axes = (len(channels), *size), ("channel", "y", "x")
    names = {"channel": tuple(channels)} | ({"protein": tuple(proteins)} if units else {})
    every = levels.pick(k % len(levels.white) for k in range(len(channels) * (len(proteins) if units else 1)))
    known = {} if pixel_size is None else {"pixel_size_um": pixel_size}
    return DataSpec(
        shape=(len(proteins), *shape) if units else shape,
        axes=("protein", *axes) if units else axes,
        unit_axes=int(units),
        names=names,
        classes=() if units else tuple(proteins),
        view="cells/composite",
        formats=("cells/ome_tiff",),
        origin=origin,
        attributes={**known, "pixels": every.document()},
    )


def _of_8_bits(stored: Tensor) -> Tensor:
    """Images as uint8, for comparing them: those of -1 to 1 are rounded, chunk by chunk."""
    if not stored.is_floating_point():
        return stored
    return torch.cat([part.add(1).mul_(127.5).round_().to(torch.uint8) for part in stored.split(4096)])
