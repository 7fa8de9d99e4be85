"""View `composite`: the channels of an image in one picture, in colours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from colorsys import hsv_to_rgb
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Le
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Nearest, Panel, Samples, View
from gantk.spec import DataSpec
from gantk_cells.segmentation import inside, red_state
from gantk_cells.stack import channel_names, is_stack, protein_names, shares_red, shows_growth_zones, stack
from gantk_cells.views.contrast import Brightness, Contrast, brightness
from gantk_cells.views.panels import panels
from gantk_cells.views.sheet import Line, SheetBlock, sheet
from gantk_cells.views.sheet import scale_bar as bar_for

Colours = Literal["red/green", "magenta/green"]
COLOURS = {
    "red/green": ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0)),
    "magenta/green": ((1, 0, 1), (0, 1, 0), (0, 0, 1), (1, 1, 1), (0, 1, 1), (1, 0, 0), (1, 1, 0)),
}
"""Of the channels in their order; grey is the fourth, as in Fiji. Further channels have hues between these."""

GOLDEN = 0.618034  # of a turn: hues so far apart fall into the gaps that earlier ones leave
GREY = (1, 1, 1)
REAL_LINES = 2  # lines of real samples that are shown below generated ones

Picture = NDArray[np.uint8]  # (H, W, 3)


class Composite(View):
    """Red/green composites. Where a sample is one cell with several proteins, a row is a cell and a column a protein.

    The picture says whether its images are generated, simulated or real. Real samples, where given, stand below.

    Args:
        spec: of the samples.
        colours: of the first and the second channel; the third is blue, the fourth grey, others have colours of their
            own. A single channel is drawn in grey.
        scale: how many pixels of the picture a pixel of a sample takes along each axis.
        columns: how many images stand side by side, where a row is not a cell.
        scale_bar: micrometres of the bar at the foot, where the size of a pixel is known; 0 draws none, null takes a
            round length that fits.
        contrast: `range` draws the lowest value of the samples' range black and the highest white; `percentiles` for
            each channel its 1st percentile and its 99.9th; null takes the range, but percentiles for samples without
            one and for files that gantk did not write.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        colours: Colours = "red/green",
        scale: Annotated[int, Ge(1), Le(16)] = 2,
        columns: Annotated[int, Ge(1)] = 8,
        scale_bar: Annotated[float, Ge(0)] | None = None,
        contrast: Contrast | None = None,
    ):
        if len(spec.own_shape) != 3 or spec.unit_axes > 1:
            raise DoesNotFit(f"cells/composite draws images (channel, y, x), but a sample is {' × '.join(spec.axes)}")
        self.colours = COLOURS[colours]
        self.scale = scale
        self.columns = columns
        self.contrast = contrast
        self.bar = bar_for(spec.own_shape[2], spec.attributes.get("pixel_size_um"), scale_bar)

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture of all samples, and below it a few real ones."""
        blocks = [SheetBlock(heading(samples), self.lines(samples, real))]
        if real is not None:
            blocks.append(SheetBlock(heading(real), self.lines(real)[:REAL_LINES]))
        return sheet(caption, blocks, self.scale, self.bar)

    def pictures(self, samples: Samples, caption: str = "") -> dict[str, Image.Image]:
        """For each protein one picture: composites of up to `columns` cells, then each of their channels alone."""
        drawn = {}
        for name, images in self._by_protein(samples, self.columns).items():
            lines = [Line([f"{name}"], [self.composite(image) for image in images])]
            red, *others = channel_names(samples.spec)
            others = [name if other == "protein" else other for other in ([name] if is_stack(samples.spec) else others)]
            for channel, alone in enumerate((red, *others) if others else ()):
                lines.append(Line([f"{alone} alone"], [self._in_colour(image[channel], channel) for image in images]))
            drawn[re.sub(r"[^\w.-]+", "_", name)] = sheet(
                caption, [SheetBlock(heading(samples), lines)], self.scale, self.bar
            )
        return drawn

    def tiles(self, samples: Samples) -> list[Image.Image]:
        """Each image alone; of a cell with several proteins a row of them."""
        if shares_red(samples):
            samples = stack(samples)
        apart = samples.spec.unit_axes or is_stack(samples.spec)
        tiles = []
        for values in brightness(samples, self.contrast):
            parts = self._parts(values, samples.spec)[0] if apart else [self.composite(values)]
            padded = [np.pad(part, ((0, 0), (0, 2), (0, 0)), constant_values=255) for part in parts if part is not None]
            row = np.concatenate(padded, 1)[:, :-2].repeat(self.scale, 0).repeat(self.scale, 1)
            tiles.append(Image.fromarray(row))
        return tiles

    def blocks(self, blocks: Mapping[str, Mapping[str, Samples]], caption: str = "") -> Image.Image:
        """Named blocks of lines of images, each line with its title."""
        drawn = []
        for name, rows in blocks.items():
            lines = [Line([title], [self.composite(each) for each in brightness(row)]) for title, row in rows.items()]
            drawn.append(SheetBlock(name, lines))
        return sheet(caption, drawn, self.scale, self.bar)

    def facts(self, samples: Samples) -> dict[str, Tensor]:
        """The length of each cell along x in pixels, and where growth zones are shown what state they are in."""
        bright = brightness(samples)
        cell = inside(bright)
        found = {"length": torch.from_numpy(cell.any(axis=1).sum(axis=1))}
        if shows_growth_zones(samples.spec):
            found["red_state"] = torch.from_numpy(red_state(bright[:, 0], cell))
        return found

    class_word = "protein"

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """Of one image a sample, a line each; of several, a block of three lines each, with the distances above."""
        sets = [("generated", samples, None), ("training", training.samples, training)]
        sets.append(("held-out", held_out.samples, held_out))
        values = [brightness(each, self.contrast, held_out.samples) for _, each, _ in sets]
        spec = samples.spec
        if not spec.unit_axes and not is_stack(spec):
            lines = []
            for row, images in enumerate(zip(*values, strict=True)):
                lines += [
                    Line(["", *training.texts(row), *held_out.texts(row)], [self.composite(each) for each in images])
                ]
            head = "from the left: generated, the nearest training cell, the nearest held-out one, with their distance"
            return sheet("", [SheetBlock(head, lines)], self.scale, self.bar)
        blocks = []
        for row in range(len(samples)):
            for number, (name, _, found) in enumerate(sets):
                pictures, titles = self._parts(values[number][row], spec)
                head = f"{name} {row + 1}"
                if found is not None and len(found.texts(row)) == 1:
                    head, titles = f"nearest {name} cell, at a distance of {found.texts(row)[0]}", []
                elif found is not None:
                    head, titles = f"nearest {name} image of each, and its distance", found.texts(row)
                blocks.append(SheetBlock(head, [Line(titles, pictures)]))
        return sheet("", blocks, self.scale, self.bar)

    def _parts(self, values: Brightness, spec: DataSpec) -> tuple[list[Picture | None], list[str]]:
        """The images of a sample and their names: its units; or of a stack the red, then its composite with each."""
        if spec.unit_axes:
            return [self.composite(image) for image in values], list(protein_names(spec))
        red, *proteins = channel_names(spec)
        greens = [self.composite(values[[0, k]]) for k in range(1, len(values))]
        return [self._in_colour(values[0], 0), *greens], [f"{red} alone", *proteins]

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """What a report shows of many cells beside held-out ones."""
        together = [(str(samples.attributes.get("origin", "generated")), samples), (real.spec.origin, real)]
        means = [
            (origin, {name: images.mean(0) for name, images in self._by_protein(each, None, real).items()})
            for origin, each in together
        ]
        names = [name for name in means[1][1] if name in means[0][1]]
        if not names:  # a generator that does not say which protein it draws
            names, means = (
                ["all"],
                [(origin, {"all": brightness(each, self.contrast, real).mean(0)}) for origin, each in together],
            )
        blocks = []
        for origin, mean in means:
            parts = [names[start : start + self.columns] for start in range(0, len(names), self.columns)]
            lines = [Line(list(part), [self.composite(mean[name]) for name in part]) for part in parts]
            blocks.append(SheetBlock(f"mean of {origin} cells", lines))
        average = Panel(
            "The average cell",
            "Mean image of the cells of each protein, generated and held out. What differs here differs in many cells.",
            sheet("", blocks, self.scale, self.bar),
        )
        return {"average": average} | panels(samples, real)

    def _by_protein(self, samples: Samples, most: int | None, like: Samples | None = None) -> dict[str, Brightness]:
        """Up to `most` images (n, C, H, W) of each protein, or of all together."""
        spec = samples.spec
        values = brightness(samples, self.contrast, like)
        if is_stack(spec):
            names = channel_names(spec)
            return {name: values[:most, [0, k]] for k, name in enumerate(names) if k}
        if spec.unit_axes:
            return {name: values[:most, k] for k, name in enumerate(protein_names(spec))}
        if samples.labels is None or not spec.classes:
            return {"all": values[:most]}
        labels = samples.labels.numpy()
        chosen = {name: values[labels == k][:most] for k, name in enumerate(spec.classes)}
        return {name: images for name, images in chosen.items() if len(images)}

    def lines(self, samples: Samples, like: Samples | None = None) -> list[Line]:
        """Samples as lines of pictures: of stacks one cell a line, otherwise one after another.

        Args:
            samples: to be drawn.
            like: samples by whose percentiles they are drawn, where they are drawn by percentiles.
        """
        if shares_red(samples):
            samples = stack(samples)
        spec = samples.spec
        values = brightness(samples, self.contrast, like)
        if is_stack(spec):  # one cell a line: its red, and its red with each green
            lines = [Line([], self._parts(cell, spec)[0]) for cell in values]
            lines[0].titles = self._parts(values[0], spec)[1]
            return lines
        if spec.unit_axes:  # images of different cells: there is no red that they share
            lines = [Line([], [None, *(self.composite(image) for image in row)]) for row in values]
            lines[0].titles = ["", *protein_names(spec)]
            return lines
        images: list[Picture | None] = [self.composite(image) for image in values]
        labels = [] if samples.labels is None or not spec.classes else samples.labels.tolist()
        titles = [spec.classes[label] for label in labels]
        parts = [slice(start, start + self.columns) for start in range(0, len(images), self.columns)]
        return [Line(titles[part], images[part]) for part in parts]

    def composite(self, image: Brightness) -> Picture:
        """The channels of one image (C, H, W) in their colours, (H, W, 3)."""
        if len(image) == 1:
            return (image[0, :, :, None] * GREY * 255).round().astype(np.uint8)
        light = sum(self._in_colour(values, channel).astype(int) for channel, values in enumerate(image))
        return np.minimum(light, 255).astype(np.uint8)

    def _in_colour(self, values: NDArray[np.floating], channel: int) -> Picture:
        colour = np.array(colour_of(channel, self.colours))
        return (values[:, :, None] * colour * 255).round().astype(np.uint8)


def colour_of(channel: int, named: tuple[tuple[float, float, float], ...]) -> tuple[float, float, float]:
    """Red, green and blue of a channel's colour, from 0 to 1; no two channels have the same."""
    if channel < len(named):
        return named[channel]
    return hsv_to_rgb(0.08 + (channel - len(named)) * GOLDEN % 1, 0.7, 1)


def heading(samples: Samples) -> str:
    """What the samples are, in words for a picture."""
    origin = samples.attributes.get("origin", samples.spec.origin)
    text = {"real": "real cells", "simulated": "simulated cells (not real data)"}.get(origin, origin)
    if samples.spec.unit_axes and not shares_red(samples):
        text += "; each image another cell"
    return text
