"""Metric `objects`: nuclei found in translated pictures against those in the right ones, with a hallucination check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le
from gantk_basics.metrics.intervals import wilson
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk_cells.metrics.translated import Translated, translations
from gantk_cells.picture_grid import grey, grid
from gantk_cells.scikit_image import scikit_image

Labels = NDArray[np.int32]


@dataclass(frozen=True)
class Matched:
    """Objects of one picture against those of another.

    Args:
        made: how many there are in what was made.
        right: how many there are in what is right.
        pairs: how many of both are each other's, by their overlap.
        made_up: how many in what was made touch none of the right ones.
        areas_made: of what was made, pixels.
        areas_right: of what is right, pixels.
    """

    made: int
    right: int
    pairs: int
    made_up: int
    areas_made: NDArray[np.int64]
    areas_right: NDArray[np.int64]

    @property
    def f1(self) -> float:
        """2 · pairs over all objects of both; 1 where there are none."""
        return 2 * self.pairs / (self.made + self.right) if self.made + self.right else 1.0


class Objects(Metric):
    """Nuclei, or other bright objects, found in translated pictures against those found in the right ones.

    Both pictures are smoothed, cut by their own threshold (Otsu), and touching objects parted by a watershed, so that
    what is counted is what a user would find. Objects are each other's where the share of their overlap in their union
    reaches `overlap`. `f1`, `precision` and `recall`, with 95 % intervals of the latter two; `made_up`: share of the
    objects in what was made that touch no right one; `count` and `area` (median, pixels) beside the right numbers;
    `f1_ridge`: of ridge regression on local filters, where the data are `cells/paired`.

    Args:
        smooth: sigma of the Gaussian before the threshold, pixels.
        smallest: area of the smallest object that counts, pixels.
        overlap: of a match: intersection over union.
        channel: of what is wanted, from 0.
        samples_used: how many samples, at most, of data that are not regions.
    """

    def __init__(
        self,
        *,
        smooth: Annotated[float, Gt(0)] = 2.0,
        smallest: Annotated[int, Ge(1)] = 100,
        overlap: Annotated[float, Ge(0.5), Le(1)] = 0.5,
        channel: Annotated[int, Ge(0)] = 0,
        samples_used: Annotated[int, Ge(1)] = 200,
    ):
        self.smooth = smooth
        self.smallest = smallest
        self.overlap = overlap
        self.channel = channel
        self.samples_used = samples_used
        self._shown: list[tuple[Translated, Labels, Labels]] = []

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`f1` and the others, in this order.

        Raises:
            DoesNotFit: no such channel.
            MissingExtra: scikit-image is not installed.
        """
        if self.channel >= inputs.test.spec.own_shape[0]:
            raise DoesNotFit(f"cells/objects: there is no channel {self.channel} in what is wanted")
        found = translations(inputs, self.samples_used, "cells/objects")
        pictures = [each for part in found.values() for each in part if each.measured[self.channel]]
        if not pictures:
            raise DoesNotFit("cells/objects: the channel was measured in no held-out picture")
        self._shown = []
        made, ridge = [], []
        for each in pictures:
            right = self.find(each.right[self.channel])
            own = self.find(each.made[self.channel])
            self._shown.append((each, right, own))
            made.append(matched(own, right, self.overlap))
            if each.ridge is not None:
                ridge.append(matched(self.find(each.ridge[self.channel]), right, self.overlap))
        whole, rival = together(made), together(ridge) if ridge else None
        n = {"n": whole.made, "n_reference": whole.right}

        def share(part: int, of: int, better: str, note: str) -> Value:
            value = part / of if of else 0.0
            return Value(value, better, None, note, **n, **_interval(value, of))  # type: ignore[arg-type]

        note = f"{whole.pairs} of {whole.made} found and {whole.right} right ones match"
        values = {
            "f1": Value(whole.f1, "higher", rival.f1 if rival else None, note, **n),
            "precision": share(whole.pairs, whole.made, "higher", "of the found ones"),
            "recall": share(whole.pairs, whole.right, "higher", "of the right ones"),
            "made_up": share(whole.made_up, whole.made, "lower", f"{whole.made_up} touch no right one"),
            "count": Value(whole.made, "near", whole.right, "right", **n),
            "matched": Value(whole.pairs, None, None, "to be added up over folds"),
        }
        if whole.made and whole.right:
            areas = float(np.median(whole.areas_made)), float(np.median(whole.areas_right))
            values["area"] = Value(areas[0], "near", areas[1], "median, pixels", **n)
        if rival:
            said = f"{rival.pairs} of {rival.made} found and {rival.right} right ones match"
            values["f1_ridge"] = Value(rival.f1, None, None, said)
        return values

    def find(self, picture: NDArray[np.floating]) -> Labels:
        """The objects of a picture (H, W) from -1 to 1, numbered from 1; 0 is the ground."""
        filters = scikit_image("filters", "cells/objects")
        bright = ndimage.gaussian_filter(np.asarray(picture, np.float64), self.smooth)
        if bright.max() - bright.min() < 1e-6:
            return np.zeros(bright.shape, np.int32)
        inside = ndimage.binary_fill_holes(bright > filters.threshold_otsu(bright))
        depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(inside), self.smooth)
        apart = max(1, round(np.sqrt(self.smallest / np.pi)))
        peaks = scikit_image("feature", "cells/objects").peak_local_max(
            depth, min_distance=apart, labels=ndimage.label(inside)[0], exclude_border=False
        )
        seeds = np.zeros(bright.shape, np.int32)
        seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        labels = scikit_image("segmentation", "cells/objects").watershed(-depth, seeds, mask=inside)
        sizes = np.bincount(labels.ravel(), minlength=labels.max() + 1)
        kept = np.flatnonzero(sizes >= self.smallest)
        numbers = np.zeros(len(sizes), np.int32)
        numbers[kept[kept > 0]] = np.arange(1, (kept > 0).sum() + 1)
        return numbers[labels]

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """`outlines`: the objects of what is right in green, those of what was made in magenta, on what is right."""
        pages = {}
        for number, (each, right, made) in enumerate(self._shown[:4]):
            page = grey(each.right[self.channel])
            for labels, colour in ((right, (0, 220, 0)), (made, (255, 0, 255))):
                page[_outline(labels)] = colour
            pages[f"{each.name or number}"] = [page]
        return {"outlines": grid(pages, "green: in the right picture; magenta: in the one that was made", scale=1)}


def matched(made: Labels, right: Labels, overlap: float) -> Matched:
    """Objects of two label pictures that are each other's; an overlap above one half makes matches unique.

    Args:
        made: (H, W), 0 is the ground.
        right: the same.
        overlap: least intersection over union, 0.5 or more.
    """
    count = int(made.max()) + 1, int(right.max()) + 1
    shared = np.bincount(made.ravel() * count[1] + right.ravel(), minlength=count[0] * count[1]).reshape(count)
    areas_made, areas_right = shared.sum(1)[1:], shared.sum(0)[1:]
    inner = shared[1:, 1:]
    union = areas_made[:, None] + areas_right[None] - inner
    hits = inner >= overlap * np.maximum(union, 1)
    pairs = min(int(hits.any(0).sum()), int(hits.any(1).sum())) if hits.size else 0
    made_up = int((inner.sum(1) == 0).sum()) if len(areas_made) else 0
    return Matched(len(areas_made), len(areas_right), pairs, made_up, areas_made, areas_right)


def together(parts: list[Matched]) -> Matched:
    """The objects of several pictures."""
    return Matched(
        sum(each.made for each in parts),
        sum(each.right for each in parts),
        sum(each.pairs for each in parts),
        sum(each.made_up for each in parts),
        np.concatenate([each.areas_made for each in parts]),
        np.concatenate([each.areas_right for each in parts]),
    )


def _interval(share: float, count: int) -> dict[str, float]:
    if not count:
        return {}
    low, high = wilson(share, count)
    return {"low": low, "high": high}


def _outline(labels: Labels) -> NDArray[np.bool_]:
    """Pixels of objects that touch another label."""
    smallest = ndimage.minimum_filter(labels, 3)
    return (labels > 0) & ((smallest != labels) | (ndimage.maximum_filter(labels, 3) != labels))
