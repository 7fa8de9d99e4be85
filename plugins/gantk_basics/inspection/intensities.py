"""The pixel values of one channel over many images: lowest, highest and percentiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERCENTILES = (1.0, 50.0, 99.0, 99.9, 99.99)


@dataclass
class Channel:
    """The pixel values of one channel over all images of a class.

    Integers are counted, so that their percentiles are exact. Of floating-point numbers a sample is kept in which each
    pixel is as likely as any other, whatever the size of the images: a pixel stays if its random number, which it is
    given once, is below the share that fits.

    Args:
        lowest: of all pixels.
        highest: of all pixels.
        counts: of each value, where they are integers.
        kept: floating-point numbers, an array for each image, each beside its random number, (2, n).
        share: of the pixels that are kept.
        images: how many there were.
        most: floating-point numbers that are kept.
    """

    lowest: float = np.inf
    highest: float = -np.inf
    counts: NDArray[np.int64] | None = None
    kept: list[NDArray[np.float64]] = field(default_factory=list)
    share: float = 1.0
    images: int = 0
    most: int = 2**21

    def add(self, values: NDArray[Any]) -> None:
        """Counts one image (H, W)."""
        self.lowest = min(self.lowest, float(values.min()))
        self.highest = max(self.highest, float(values.max()))
        if values.dtype.kind == "u":
            self.counts = _sum(self.counts, np.bincount(values.ravel()))
        else:
            rng = np.random.default_rng([self.images, values.size])
            self._keep([np.stack([values.ravel().astype(np.float64), rng.random(values.size)])])
        self.images += 1

    def joined(self, other: Channel) -> Channel:
        """The pixels of both."""
        both = Channel(
            lowest=min(self.lowest, other.lowest),
            highest=max(self.highest, other.highest),
            counts=self.counts,
            share=min(self.share, other.share),
            images=self.images + other.images,
            most=self.most,
        )
        if other.counts is not None:
            both.counts = _sum(self.counts, other.counts)
        both._keep([*self.kept, *other.kept])
        return both

    def percentiles(self) -> list[float]:
        """The values at `PERCENTILES`: the least that so many of the pixels do not exceed."""
        shares = np.array(PERCENTILES) / 100
        numbers = [np.repeat(0.0, 0), *(part[0] for part in self.kept)]
        weights = [np.zeros(0), *(np.full(part.shape[1], 1 / self.share) for part in self.kept)]
        if self.counts is not None:
            numbers.append(np.arange(len(self.counts), dtype=np.float64))
            weights.append(self.counts.astype(np.float64))
        values, weight = np.concatenate(numbers), np.concatenate(weights)
        order = np.argsort(values, kind="stable")
        reached = np.cumsum(weight[order])
        places = np.searchsorted(reached, shares * reached[-1] * (1 - 1e-12))
        return values[order][places].tolist()

    def _keep(self, parts: list[NDArray[np.float64]]) -> None:
        self.kept += [part[:, part[1] < self.share] for part in parts]
        while sum(part.shape[1] for part in self.kept) > self.most:
            self.share /= 2
            self.kept = [part[:, part[1] < self.share] for part in self.kept]


def _sum(some: NDArray[np.int64] | None, more: NDArray[np.int64]) -> NDArray[np.int64]:
    if some is None:
        return more
    longer, shorter = (some, more) if len(some) >= len(more) else (more, some)
    total = longer.copy()
    total[: len(shorter)] += shorter
    return total
