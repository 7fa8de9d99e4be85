"""Metric `morphology`: sizes, shapes, intensities and textures of generated cells against those of real ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from scipy.stats import ks_2samp
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Value
from gantk.plots import even_edges, histograms, legend_above, new_figure, to_image
from gantk.spec import DataSpec
from gantk_cells.metrics.pairs import Pairs, pairs_in, pairs_of
from gantk_cells.scikit_image import scikit_image
from gantk_cells.segmentation import inside
from gantk_cells.stack import channel_names

Measures = dict[str, NDArray[np.float64]]
SHAPES = ("area", "length", "width", "eccentricity")
LEAST = 5  # cells of a kind below which distributions are not compared
BINS = 30


class Morphology(Metric):
    """Area, length, width, eccentricity, intensity and texture of cells, generated against real.

    In each image the cell is the largest bright region, its holes filled; scikit-image measures it (`regionprops`):
    area, length and width of the ellipse with the same moments, its eccentricity; and in every channel the mean
    intensity, and the texture: the standard deviation of what a Gaussian of `grain` takes away, over that mean.
    Of each measure the Kolmogorov-Smirnov distance between generated and held-out real images (0: one distribution, 1:
    apart), beside that of as many training images. Where samples are of several proteins, each is compared with its
    own, and the mean over them is told. `empty`: the share of images without a cell.

    Args:
        samples: how many generated images are measured, and how many real ones at most.
        mask: what is bright: `background`, where a channel is above a tenth of its range; `otsu`, where the sum of the
            channels is above a threshold of its own in each image, for images whose ground is not dark.
        grain: standard deviation of that Gaussian, pixels.
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(1)] = 500,
        mask: Literal["background", "otsu"] = "background",
        grain: Annotated[float, Gt(0)] = 2.0,
    ):
        self.samples = samples
        self.mask = mask
        self.grain = grain
        self.measured: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self.unit = "pixels"

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """The distance of each measure, then `empty`.

        Raises:
            DoesNotFit: no images, or too few cells.
            MissingExtra: scikit-image is not installed.
        """
        spec = inputs.test.spec
        made = pairs_of(inputs.generated)
        made = Pairs(made.images[: self.samples], _first(made.labels, self.samples), made.names)
        real, train = (pairs_in(data, self.samples, inputs.rng) for data in (inputs.test, inputs.train))
        names = [re.sub(r"\W+", "_", name) for name in channel_names(spec)]
        size = spec.attributes.get("pixel_size_um")
        self.unit = "µm" if size else "pixels"
        every = [
            {name: measured(images, names, spec, self.mask, self.grain, size or 1.0) for name, images in each.groups()}
            for each in _alike(made, real, train)
        ]
        groups = [name for name in every[0] if all(name in side and _cells(side[name]) >= LEAST for side in every)]
        if not groups:
            counts = ", ".join(str(sum(map(_cells, side.values()))) for side in every)
            raise DoesNotFit(
                f"morphology compares {LEAST} cells or more of each kind; in generated, held-out and training images "
                f"there are {counts}. If cells are not darker than their ground, or it is not dark: mask: otsu"
            )
        found: dict[str, Value] = {}
        n, held_out = (sum(_cells(side[name]) for name in groups) for side in every[:2])
        for measure in every[0][groups[0]]:
            if measure == "empty":
                continue
            own, usual = (
                float(np.mean([_distance(every[side][name][measure], every[1][name][measure]) for name in groups]))
                for side in (0, 2)
            )
            found[measure] = Value(own, "lower", usual, "real training", n, held_out)
            self.measured[measure] = tuple(  # type: ignore[assignment]  # two of them
                np.concatenate([side[name][measure] for name in groups]) for side in every[:2]
            )
        empty = [float(np.mean(np.concatenate([each["empty"] for each in side.values()]))) for side in every[:2]]
        found["empty"] = Value(empty[0], "near", empty[1], "real test", len(made.images), len(real.images))
        return found

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """Histograms of every measure, generated over real."""
        if not self.measured:
            return {}
        columns = 4
        rows = -(-len(self.measured) // columns)
        figure = new_figure(3.2 * columns, 2.6 * rows)
        for number, (measure, (made, real)) in enumerate(self.measured.items(), 1):
            axes = figure.add_subplot(rows, columns, number)
            both = np.concatenate([made, real])
            edges = even_edges(both, BINS) if both.max() > both.min() else np.array([both[0] - 0.5, both[0] + 0.5])
            histograms(axes, made, real, edges, inputs.test.spec.origin)
            axes.set(xlabel=f"{measure.replace('_', ' ')}{self._unit_of(measure)}", yticks=[])
            if number == 1:
                legend_above(axes)
        return {"distributions": to_image(figure)}

    def _unit_of(self, measure: str) -> str:
        if measure in ("length", "width"):
            return f", {self.unit}"
        return f", {self.unit}²" if measure == "area" else ""

    def summary(self, values: Mapping[str, Value]) -> str:
        """Which measures are further from held-out cells than training cells are."""
        beyond = [
            (value.value - (value.reference or 0), name)
            for name, value in values.items()
            if name != "empty" and value.value > 2 * (value.reference or 0) and value.value > 0.1
        ]
        if not beyond:
            return "generated cells have the sizes, shapes, intensities and textures of real ones"
        named = ", ".join(f"{name} ({values[name].value:.2f})" for _, name in sorted(beyond, reverse=True))
        return f"generated cells differ from real ones in {named}; real training cells do not"


def measured(images: Tensor, names: list[str], spec: DataSpec, mask: str, grain: float, pixel: float) -> Measures:
    """The measures of each image with a cell, and for each image whether it is `empty`.

    Args:
        images: (N, C, H, W) within spec.range.
        names: of the channels.
        spec: of the samples.
        mask: "background" or "otsu".
        grain: pixels.
        pixel: its size, in the unit that lengths are told in.
    """
    measure = scikit_image("measure", "cells/morphology")
    low, high = spec.range or (float(images.min()), float(images.max()))
    light = ((images.double().numpy() - low) / max(high - low, 1e-12)).clip(0, 1)
    masks = inside(light) if mask == "background" else np.stack([_otsu(image.sum(0)) for image in light])
    found: dict[str, list[float]] = {name: [] for name in SHAPES}
    found |= {f"{what}_{name}": [] for name in names for what in ("intensity", "texture")}
    empty = []
    for image, region in zip(light, masks, strict=True):
        empty.append(not region.any())
        if empty[-1]:
            continue
        fine = image - ndimage.gaussian_filter(image, (0, grain, grain))
        (cell,) = measure.regionprops(region.astype(np.uint8), image.transpose(1, 2, 0))
        found["area"].append(cell.area * pixel**2)
        found["length"].append(cell.axis_major_length * pixel)
        found["width"].append(cell.axis_minor_length * pixel)
        found["eccentricity"].append(cell.eccentricity)
        for name, mean, texture in zip(names, np.atleast_1d(cell.intensity_mean), fine, strict=True):
            found[f"intensity_{name}"].append(float(mean))
            found[f"texture_{name}"].append(float(texture[region].std() / max(mean, 1e-6)))
    return {name: np.array(values) for name, values in found.items()} | {"empty": np.array(empty, float)}


def _otsu(light: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The largest region above the image's own threshold, its holes filled."""
    if light.max() <= light.min():
        return np.zeros(light.shape, bool)
    bright = light > scikit_image("filters", "cells/morphology").threshold_otsu(ndimage.gaussian_filter(light, 1))
    regions, count = ndimage.label(bright)
    if not count:
        return bright
    return ndimage.binary_fill_holes(regions == 1 + np.bincount(regions.ravel())[1:].argmax())


def _cells(measures: Measures) -> int:
    return int((measures["empty"] == 0).sum())


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(ks_2samp(one, other, method="asymp").statistic)


def _first(labels: Tensor | None, n: int) -> Tensor | None:
    return None if labels is None else labels[:n]


def _alike(*sides: Pairs) -> list[Pairs]:
    """All with their proteins, or all without them, where one side does not know."""
    if all(each.labels is not None and len(each.names) > 0 for each in sides):
        return list(sides)
    return [Pairs(each.images, None, ()) for each in sides]
