"""The view of images: a grid, or where they are neither grey nor in colour, a grid of their channels."""

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from math import ceil, sqrt
from pathlib import Path
from typing import Annotated

import matplotlib
import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gantk.errors import DoesNotFit
from gantk.interfaces import Nearest, Panel, Samples, View
from gantk.plots import even_edges, histograms, legend_above, new_figure
from gantk.spec import DataSpec

BINS = 16  # of brightness: few, since many pictures have few levels
BLACK, WHITE = 1.0, 99.9  # percentiles that are drawn so, of samples without a range
GAP = 2  # pixels between tiles
MARGIN = 8
MOST_WIDTH = 4096  # pixels of a grid that can be looked at; larger images are drawn smaller
LEAST_SIDE = 24  # but no smaller than this
TEXT = 13  # height of letters, pixels
Grey = NDArray[np.uint8]


class Images(View):
    """A grid of images. One channel is drawn grey, three in colour, any other number as grey panels side by side.

    Where samples have units, each unit is an image of its own and a sample is a row of them.

    Args:
        spec: what one sample is: channel, y and x behind the units; its range gives black and white, or without one the
            1st percentile and the 99.9th (of each channel, where channels are panels).
        columns: samples side by side; by default a grid about as wide as high.
        tile: images smaller than this many pixels high are enlarged by a whole factor until they reach it.
        most: how many samples are drawn at most.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        columns: Annotated[int, Ge(1)] | None = None,
        tile: Annotated[int, Ge(1)] = 48,
        most: Annotated[int, Ge(1)] = 256,
    ):
        if len(spec.own_shape) != 3:
            raise DoesNotFit(
                f"basics/images draws images (channel, y, x), but these samples are "
                f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)})"
            )
        self.spec = spec
        self.columns = columns
        self.tile = tile
        self.most = most

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture of all samples.

        Args:
            samples: (N, *spec.shape), N of 1 or more.
            real: drawn in a grid of their own, on the right.
            caption: printed above.
        """
        shown = [(str(samples.attributes.get("origin", "samples")), self._grid(samples))]
        if real is not None:
            shown.append((self.spec.origin, self._grid(real)))
        return self._titled(shown, caption)

    def _titled(self, shown: list[tuple[str, Image.Image]], caption: str) -> Image.Image:
        """Pictures side by side, under the caption and, where channels are panels, their names."""
        panels = self._panels()
        head = [caption] if caption else []
        if panels > 1:
            names = self.spec.names.get(self.spec.axes[-3], tuple(f"channel {i}" for i in range(panels)))
            head.append("panels from left to right: " + ", ".join(names))
        return _side_by_side(shown, head)

    def tiles(self, samples: Samples) -> list[Image.Image]:
        """Each image alone; of a sample with units a row of them."""
        limits = self._limits(samples)
        return [self._grid(samples[at : at + 1], limits) for at in range(len(samples))]

    def blocks(self, blocks: Mapping[str, Mapping[str, Samples]], caption: str = "") -> Image.Image:
        """Each block a line: its rows of images side by side, each with its title."""
        rows = []
        for block, each in blocks.items():
            line = copy(self)
            line.columns = max(map(len, each.values()))
            rows.append([(f"{block}: {title}", line._grid(row)) for title, row in each.items()])
        return _side_by_side([("", _below_each_other(rows))], [caption] if caption else [])

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """A row each: a sample, its nearest training and its nearest held-out one; distances above, of each unit."""
        limits = self._limits(samples)
        rows = []
        for row in range(len(samples)):
            shown = [(f"generated {row + 1}", self._grid(samples[row : row + 1], limits))]
            for name, found in (("training", training), ("held out", held_out)):
                title = f"{name}, {', '.join(found.texts(row))}"
                shown.append((title, self._grid(found.samples[row : row + 1], limits)))
            rows.append(shown)
        return _below_each_other(rows)

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """The average image, and how bright pixels are."""
        sets = [(str(samples.attributes.get("origin", "samples")), samples), (real.spec.origin, real)]
        means = [
            (name, self._grid(replace(each, samples=each.samples.float().mean(0, keepdim=True)))) for name, each in sets
        ]
        figure = new_figure()
        axes = figure.add_subplot()
        edges = even_edges(real.samples.float().cpu().numpy(), BINS, self.spec.range)
        made, known = (each.samples.float().cpu().numpy().ravel() for _, each in sets)
        histograms(axes, made, known, edges, real.spec.origin)
        axes.set(xlabel="value of a pixel", ylabel="share of pixels", yscale="log")
        legend_above(axes)
        return {
            "average": Panel(
                "The average image",
                f"Mean of {len(samples):,} generated and of {len(real):,} held-out images.",
                _side_by_side(means, []),
            ),
            "brightness": Panel(
                "Brightness of pixels",
                "How often each value occurs, on a logarithmic scale: noise where data are empty shows here.",
                figure,
            ),
        }

    def _panels(self) -> int:
        """How many pictures one image is drawn as."""
        channels = self.spec.own_shape[0]
        return 1 if channels in (1, 3) else channels

    def _limits(self, samples: Samples) -> tuple[NDArray, NDArray]:
        """What is drawn black and what white."""
        if self.spec.range is not None:
            low, high = map(np.array, self.spec.range)
            return low, high
        values = samples.samples[: self.most].detach().float().cpu().numpy()
        apart = values.ndim - 3 if self._panels() > 1 else None
        others = tuple(axis for axis in range(values.ndim) if axis != apart)
        low, high = np.nanpercentile(values, (BLACK, WHITE), axis=others, keepdims=True)
        return low, high  # by percentiles, so that a single bright pixel does not make all others black

    def _grid(
        self, samples: Samples, limits: tuple[NDArray, NDArray] | None = None, columns: int | None = None
    ) -> Image.Image:
        """The samples in a grid.

        Args:
            samples: up to `most` are drawn.
            limits: values that are drawn black and white; None: as `_limits` finds them.
            columns: samples side by side; None: as the parameter says.
        """
        low, high = limits or self._limits(samples)
        values = samples.samples[: self.most].detach().float().cpu().numpy()
        scaled = np.nan_to_num((values - low) / np.maximum(high - low, 1e-12)).clip(0, 1)
        bytes_ = (scaled * 255).round().astype(np.uint8)
        per_row = self.spec.unit_count * self._panels()
        channels, height, width = self.spec.own_shape
        if channels == 3:
            tiles = bytes_.reshape(-1, 3, height, width).transpose(0, 2, 3, 1)  # (N · units, H, W, 3)
        else:
            tiles = np.repeat(bytes_.reshape(-1, height, width, 1), 3, axis=-1)  # (N · units · C, H, W, 3)
        columns = columns or self.columns or (1 if self.spec.units else _columns(len(values), height, per_row * width))
        columns = min(columns, len(values))
        if (smaller := min(ceil(columns * per_row * width / MOST_WIDTH), min(height, width) // LEAST_SIDE)) > 1:
            tiles = np.stack([np.asarray(Image.fromarray(tile).reduce(smaller)) for tile in tiles])
        return _mosaic(tiles, per_row, columns, ceil(self.tile / height) if height < self.tile else 1)


def _columns(count: int, height: int, width: int) -> int:
    """Columns of a grid of tiles that is about as wide as high."""
    return min(count, max(1, ceil(sqrt(count * height / width) - 1e-9)))


def _mosaic(tiles: Grey, per_sample: int, columns: int, factor: int) -> Image.Image:
    """Tiles (N, H, W, 3) row by row, `columns` samples of `per_sample` tiles each, on white."""
    tiles = tiles.repeat(factor, axis=1).repeat(factor, axis=2)
    count, height, width, _ = tiles.shape
    samples = count // per_sample
    rows = ceil(samples / columns)
    apart = 3 * GAP if per_sample > 1 else 0
    wide = per_sample * (width + GAP) + apart  # samples of several panels stand apart
    page = np.full((rows * (height + GAP) - GAP, columns * wide - GAP - apart, 3), 255, np.uint8)
    for index, tile in enumerate(tiles):
        sample, panel = divmod(index, per_sample)
        top, left = sample // columns * (height + GAP), sample % columns * wide + panel * (width + GAP)
        page[top : top + height, left : left + width] = tile
    return Image.fromarray(page)


def _below_each_other(rows: list[list[tuple[str, Image.Image]]]) -> Image.Image:
    """Rows of titled pictures, in columns."""
    letters, line = font(), TEXT + 5
    widths = [
        max(max(picture.width, ceil(letters.getlength(title))) for title, picture in column)
        for column in zip(*rows, strict=True)
    ]
    heights = [max(picture.height for _, picture in row) + line + MARGIN for row in rows]
    size = (sum(width + 2 * MARGIN for width in widths), MARGIN + sum(heights))
    page = Image.new("RGB", size, "white")
    pen, top = ImageDraw.Draw(page), MARGIN
    for row, height in zip(rows, heights, strict=True):
        left = MARGIN
        for (title, picture), width in zip(row, widths, strict=True):
            pen.text((left, top), title, "#555555", letters)
            page.paste(picture, (left, top + line))
            left += width + 2 * MARGIN
        top += height
    return page


def font() -> ImageFont.FreeTypeFont:
    """What titles are written in."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), TEXT)


def _side_by_side(shown: list[tuple[str, Image.Image]], head: list[str]) -> Image.Image:
    """Titled pictures side by side, under lines of text, broken so that nothing is cut off."""
    letters, line = font(), TEXT + 5
    titles = [_wrapped(title, max(picture.width, 12 * TEXT), letters) for title, picture in shown]
    widths = [
        max(picture.width, *(ceil(letters.getlength(text)) for text in title))
        for (_, picture), title in zip(shown, titles, strict=True)
    ]
    inner = max(sum(widths) + 2 * MARGIN * (len(shown) - 1), 16 * TEXT)
    head = [text for part in head for text in _wrapped(part, inner, letters)]
    top = MARGIN + line * len(head)
    under = top + line * max(map(len, titles)) + 2
    page = Image.new("RGB", (inner + 2 * MARGIN, under + max(picture.height for _, picture in shown) + MARGIN), "white")
    pen = ImageDraw.Draw(page)
    for index, text in enumerate(head):
        pen.text((MARGIN, MARGIN + index * line), text, "black", letters)
    left = MARGIN
    for (_, picture), title, width in zip(shown, titles, widths, strict=True):
        for index, text in enumerate(title):
            pen.text((left, top + index * line), text, "#555555", letters)
        page.paste(picture, (left, under))
        left += width + 2 * MARGIN
    return page


def _wrapped(text: str, width: int, letters: ImageFont.FreeTypeFont) -> list[str]:
    """The text broken into lines of at most `width` pixels: between words, and within a word that is longer."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        lines.append("")
        for word in paragraph.split(" "):
            joined = f"{lines[-1]} {word}" if lines[-1] else word
            if letters.getlength(joined) <= width:
                lines[-1] = joined
                continue
            if lines[-1]:
                lines.append("")
            for letter in word:
                if lines[-1] and letters.getlength(lines[-1] + letter) > width:
                    lines.append("")
                lines[-1] += letter
    return lines
