"""Metric `translation`: how near translated pictures are to the right ones, beside simple rivals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from gantk.console import warn
from gantk.errors import MissingExtra
from gantk.interfaces import Metric, MetricInput, Value
from gantk_cells.metrics.translated import Translated, translations
from gantk_cells.picture_grid import Picture, grey, grid, in_colours_of_error
from gantk_cells.scikit_image import scikit_image

OCTAVES = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 128))
"""Periods, pixels."""

SMOOTH = 2.0  # sigma, pixels, before a threshold
TILE = 128  # pixels of a picture's side, at most
ROWS = 6

Array = NDArray[np.floating]


class Translation(Metric):
    """How near what a generator makes of held-out pictures is to the right ones, beside simple rivals.

    Of `cells/paired` the held-out regions are translated whole. The reference of each number is that of ridge
    regression on local filters of all planes (Gaussian, Laplacian, gradient, local standard deviation at 1, 2, 4 and 8
    pixels), fitted to the training regions; of two domains, where `translated` is known, that of the picture as it is.
    `r` is Pearson's correlation over the pixels of a picture, averaged over pictures and channels; of two domains that
    of the worse direction. `r_ridge`, `r_plane`: those of the rivals. `ssim`: structural similarity (Wang et al. 2004).
    `error`: mean absolute difference, as a share of the range from background to white. `foreground_error`: the same
    within the foreground of the right picture (Otsu), as a share of its mean there. Of each octave of periods in pixels
    `power_8_16`: spectral power over that of the right picture; and `error_8_16`: power of the difference over it.
    `cycle`, of two domains: mean absolute difference of the way there and back.

    Args:
        samples_used: how many samples, at most, of data that are not regions.
        spectrum: whether to give the octaves.
    """

    def __init__(self, *, samples_used: Annotated[int, Ge(1)] = 200, spectrum: bool = True):
        self.samples_used = samples_used
        self.spectrum = spectrum
        self.found: dict[str, list[Translated]] = {}

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`r` and the others, in this order.

        Raises:
            DoesNotFit: a generator or data without a condition.
        """
        self.found = translations(inputs, self.samples_used, "cells/translation")
        every = [each for part in self.found.values() for each in part]
        regions = every[0].ridge is not None
        note = "ridge on local filters" if regions else "as it was given"

        def value(measure: Callable[[Array, Array], float | None], better: str) -> Value | None:
            made = _mean(every, lambda each: each.made, measure)
            rival = _mean(every, lambda each: each.ridge if regions else each.single, measure)
            return None if made is None else Value(made, better, rival, note, len(every))  # type: ignore[arg-type]

        values: dict[str, Value | None] = {"r": self._correlation(regions, note)}
        if regions:
            for name, of in (("ridge", lambda each: each.ridge), ("plane", lambda each: each.single)):
                rival = _mean(every, of, correlation)
                values[f"r_{name}"] = None if rival is None else Value(rival, None, None, "a rival")
        for name in self.found if len(self.found) > 1 else ():
            own = _mean(self.found[name], lambda each: each.made, correlation)
            as_given = _mean(self.found[name], lambda each: each.single, correlation)
            values[f"r_{name}"] = None if own is None else Value(own, "higher", as_given, note, len(self.found[name]))
        try:
            values["ssim"] = value(_similarity(), "higher")
            values["error"] = value(lambda made, right: float(np.abs(made - right).mean()) / 2, "lower")
            values["foreground_error"] = value(_foreground_error(), "lower")
        except MissingExtra as error:
            warn(f"cells/translation leaves ssim and foreground_error out: {error}")
            values["error"] = value(lambda made, right: float(np.abs(made - right).mean()) / 2, "lower")
        if self.spectrum:
            smallest = min(min(each.right.shape[1:]) for each in every)
            for low, high in OCTAVES:
                if high <= smallest:
                    values[f"power_{low}_{high}"] = _near_one(value(_power(low, high, False), "near"))
                    values[f"error_{low}_{high}"] = value(_power(low, high, True), "lower")
        if every[0].back is not None:
            cycle = [float(np.abs(each.back - each.given).mean()) / 2 for each in every if each.back is not None]
            values["cycle"] = Value(float(np.mean(cycle)), "lower", None, "there and back", len(cycle))
        return {name: each for name, each in values.items() if each is not None}

    def _correlation(self, regions: bool, note: str) -> Value | None:
        """Of two domains that of the worse direction; the reference is then that of its own direction."""
        found = []
        for part in self.found.values():
            made = _mean(part, lambda each: each.made, correlation)
            rival = _mean(part, lambda each: each.ridge if regions else each.single, correlation)
            if made is not None:
                if rival is not None and not regions:
                    rival = abs(rival)  # the best line through it
                found.append((made, rival, len(part)))
        if not found:
            return None
        made, rival, count = min(found, key=lambda each: each[0])
        return Value(made, "higher", rival, note + ("" if regions or rival is None else ", either way up"), count)

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """`tiles`: fixed ones of what was given, right and made, and the error; `region`: of a region all of it."""
        drawn = {"tiles": grid(self._tiles(), scale=None)}
        first = next(iter(self.found.values()))[0]
        if first.ridge is not None:
            turned = first.right.shape[1] > first.right.shape[2]
            columns: dict[str, list[Picture]] = {}
            for channel, name in enumerate(_names(inputs, len(first.right))):
                rows = {"right": first.right, "made": first.made, "ridge": first.ridge}
                for title, values in rows.items():
                    columns[f"{title} {name}"] = [grey(values[channel])]
                columns[f"error {name}"] = [in_colours_of_error(first.made[channel] - first.right[channel])]
            drawn["region"] = grid(columns, scale=1) if turned else _stacked(columns)
        return drawn

    def _tiles(self) -> dict[str, list[Picture]]:
        columns: dict[str, list[Picture]] = {}
        for domain, pictures in self.found.items():
            chosen = _cut(pictures)
            of = f" {domain}" if domain else ""
            for plane in range(min(len(chosen[0].given), 4)):
                name = f"given {plane}" if len(chosen[0].given) > 1 else "given"
                columns[f"{name}{' for' + of if of else ''}"] = [grey(each.given[plane]) for each in chosen]
            for channel in range(len(chosen[0].right)):
                which = f" {channel}" if len(chosen[0].right) > 1 else ""
                columns[f"right{of}{which}"] = [grey(each.right[channel]) for each in chosen]
                columns[f"made{of}{which}"] = [grey(each.made[channel]) for each in chosen]
                if chosen[0].ridge is not None:
                    columns[f"ridge{which}"] = [grey(each.ridge[channel]) for each in chosen if each.ridge is not None]
                apart = [each.made[channel] - each.right[channel] for each in chosen]
                columns[f"error{of}{which}"] = [in_colours_of_error(each) for each in apart]
            if chosen[0].back is not None:
                columns[f"back from{of}"] = [grey(each.back[0]) for each in chosen if each.back is not None]
        return columns


def correlation(made: Array, right: Array) -> float | None:
    """Pearson's, over pixels; None where one has no variance."""
    one, other = made - made.mean(), right - right.mean()
    spread = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum()) / spread if spread > 1e-9 else None


def octave_power(picture: Array, low: float, high: float) -> float:
    """The power of a picture (H, W) at periods from `low` to below `high` pixels, under a Hann window."""
    window = np.outer(*(np.hanning(side + 2)[1:-1] for side in picture.shape))
    power = np.square(np.abs(np.fft.fft2((picture - picture.mean()) * window)))
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in picture.shape), indexing="ij"))
    return float(power[(frequency > 1 / high) & (frequency <= 1 / low)].sum())


def _power(low: float, high: float, of_error: bool) -> Callable[[Array, Array], float | None]:
    def measure(made: Array, right: Array) -> float | None:
        usual = octave_power(right, low, high)
        return octave_power(made - right if of_error else made, low, high) / usual if usual > 1e-12 else None

    return measure


def _near_one(value: Value | None) -> Value | None:
    if value is None:
        return None
    note = value.note if value.reference is None else f"1 is right; {value.note} {value.reference:.2f}"
    return Value(value.value, "near", 1.0, note, value.n)


def _similarity() -> Callable[[Array, Array], float | None]:
    metrics = scikit_image("metrics", "ssim of cells/translation")

    def measure(made: Array, right: Array) -> float | None:
        if min(right.shape) < 11:
            return None
        return float(
            metrics.structural_similarity(
                right, made, data_range=2.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        )

    return measure


def _foreground_error() -> Callable[[Array, Array], float | None]:
    filters = scikit_image("filters", "foreground_error of cells/translation")

    def measure(made: Array, right: Array) -> float | None:
        smooth = gaussian_filter(right, SMOOTH)
        if smooth.max() - smooth.min() < 1e-6:
            return None
        inside = smooth > filters.threshold_otsu(smooth)
        level = float((right[inside] + 1).mean())
        return float(np.abs(made - right)[inside].mean()) / level if level > 1e-6 else None

    return measure


def _mean(
    pictures: Sequence[Translated],
    of: Callable[[Translated], Array | None],
    measure: Callable[[Array, Array], float | None],
) -> float | None:
    """The mean of a number over pictures and those of their channels that were measured."""
    found = []
    for each in pictures:
        values = of(each)
        if values is not None:
            for channel in np.flatnonzero(each.measured):
                number = measure(values[channel % len(values)], each.right[channel])
                found += [] if number is None else [number]
    return float(np.mean(found)) if found else None


def _cut(pictures: Sequence[Translated]) -> list[Translated]:
    """Parts of the pictures to look at: those that are brightest where they are regions, always the same."""
    height, width = (min(TILE, side) for side in pictures[0].right.shape[1:])
    places = []
    for number, each in enumerate(pictures):
        rows, columns = each.right.shape[1] // height, each.right.shape[2] // width
        for row in range(rows):
            for column in range(columns):
                inside = (
                    slice(None),
                    slice(row * height, (row + 1) * height),
                    slice(column * width, (column + 1) * width),
                )
                places.append((float(each.right[inside].mean()), number, inside))
    if pictures[0].ridge is not None:
        places.sort(key=lambda place: -place[0])
    return [_part(pictures[number], inside) for _, number, inside in places[:ROWS]]


def _part(each: Translated, inside: tuple[slice, ...]) -> Translated:
    cut = [None if values is None else values[inside] for values in (each.made, each.ridge, each.single, each.back)]
    assert cut[0] is not None
    return Translated(each.name, each.given[inside], each.right[inside], each.measured, cut[0], *cut[1:])


def _names(inputs: MetricInput, count: int) -> Sequence[str]:
    return inputs.test.spec.names.get("channel", tuple(map(str, range(count))))


def _stacked(columns: Mapping[str, Sequence[Picture]]) -> Image.Image:
    """Wide pictures below each other."""
    pages = [grid({title: pictures}, scale=1) for title, pictures in columns.items()]
    page = Image.new("RGB", (max(each.width for each in pages), sum(each.height for each in pages)), "white")
    for number, each in enumerate(pages):
        page.paste(each, (0, sum(one.height for one in pages[:number])))
    return page
