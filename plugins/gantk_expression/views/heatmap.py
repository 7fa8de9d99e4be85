"""The view of samples as a heatmap of marker genes, generated beside real; and the panels of a report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, sqrt
from pathlib import Path
from textwrap import fill
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from matplotlib import colormaps, get_data_path
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gantk.interfaces import Nearest, Panel, Samples, View
from gantk.plots import new_figure, to_image
from gantk.spec import DataSpec
from gantk_expression.logarithms import gene_count, in_words, logarithms
from gantk_expression.markers import marker_genes
from gantk_expression.views.panels import panels

NAMED = 60  # genes whose names fit beside a heatmap
BLOCK_SHAPE = 2  # a tile is about so many times as wide as high …
BLOCK_WIDTH = 480  # … and so many pixels wide …
LARGEST_SQUARE = 12  # … or less, where there are few genes
GAP, LINE = 10, 19  # pixels between tiles, and of the words above them


class Heatmap(View):
    """A heatmap of marker genes: genes as rows, samples as columns sorted by type, real and generated side by side.

    The genes are those that tell each type best from the others among the real samples, or among the samples where
    there are no real ones; without types, the most variable ones. Colours are logarithms of expression, the same on
    both sides.

    Args:
        spec: what one sample is: a number for each gene.
        genes: of each type; without types, of all together six times as many.
        columns: samples on a side, at most; those of each type in their shares.
    """

    def __init__(self, spec: DataSpec, *, genes: Annotated[int, Ge(1)] = 8, columns: Annotated[int, Ge(1)] = 200):
        gene_count(spec, "expression/heatmap")
        self.spec = spec
        self.genes = genes
        self.columns = columns

    def draw(self, samples: Samples, *, real: Samples | None = None, caption: str = "") -> Image.Image:
        """One picture of all samples.

        Args:
            samples: (N, G), N of 1 or more.
            real: drawn on the left.
            caption: printed above.
        """
        return to_image(self.figure(samples, real, caption))

    def figure(self, samples: Samples, real: Samples | None, caption: str = "") -> Figure:
        """The same as a matplotlib figure."""
        source = samples if real is None else real
        groups = self._groups(source)
        rows = torch.cat([each for _, each in groups])
        sides = [(str(samples.attributes.get("origin", "samples")), samples)]
        if real is not None:
            sides.insert(0, (self.spec.origin, real))
        figure = new_figure(4.2 * len(sides) + 1.0, min(9.0, 1.4 + 0.105 * max(len(rows), 12)))
        every = torch.cat([logarithms(each.samples, self.spec)[:, rows].flatten() for _, each in sides])
        top = float(every.quantile(0.99)) if len(every) < 2**24 else float(every[: 2**24].quantile(0.99))
        low = min(0.0, float(every.min()))
        picture = None
        for at, (title, each) in enumerate(sides):
            axes = figure.add_subplot(1, len(sides), at + 1)
            order, edges, names = sorted_by_type(each, self.columns)
            block = logarithms(each.samples[order], self.spec)[:, rows].T.numpy()
            picture = axes.imshow(
                block, aspect="auto", interpolation="nearest", cmap="viridis", vmin=low, vmax=max(top, low + 1e-6)
            )
            self._lines(axes, groups, edges, names)
            axes.set_title(fill(title, 40), fontsize=9)
            self._gene_names(axes, groups, shown=at == 0)
        if picture is not None:
            figure.colorbar(picture, ax=figure.axes, shrink=0.6, label=in_words(self.spec))
        figure.suptitle(fill(caption, 90), fontsize=9)
        return figure

    def tiles(self, samples: Samples) -> list[Image.Image]:
        """Each sample as a block of squares, a gene each in the order of the data, row by row; one scale for all."""
        logs = logarithms(samples.samples, self.spec)  # (N, G)
        low, top = min(0.0, float(logs.min())), float(logs.max())
        count = logs.shape[1]
        width = ceil(sqrt(BLOCK_SHAPE * count))
        size = max(1, min(LARGEST_SQUARE, BLOCK_WIDTH // width))  # pixels
        shares = ((logs - low) / max(top - low, 1e-6)).numpy()
        blocks = np.full((len(shares), ceil(count / width) * width, 3), 255, np.uint8)
        blocks[:, :count] = colormaps["viridis"](shares, bytes=True)[..., :3]
        pixels = blocks.reshape(len(shares), -1, width, 3).repeat(size, 1).repeat(size, 2)
        return [Image.fromarray(each) for each in pixels]

    distance = "Euclidean distance of logarithms of expression"

    def distances(self, samples: Tensor, others: Tensor) -> Tensor:
        """How far the logarithms are apart, (N, G) and (M, G) to (N, M)."""
        return torch.cdist(logarithms(samples, self.spec), logarithms(others, self.spec))

    def beside_nearest(self, samples: Samples, training: Nearest, held_out: Nearest) -> Image.Image:
        """Each sample beside its nearest training and its nearest held-out one, as blocks of all genes on one scale."""
        count = len(samples)
        sides = (("generated", None), ("nearest training", training), ("nearest held-out", held_out))
        every = [samples.samples.cpu(), training.samples.samples, held_out.samples.samples]
        tiles = self.tiles(Samples(samples=torch.cat(every), spec=self.spec))
        wide, high = tiles[0].width + GAP, tiles[0].height + GAP + LINE
        page = Image.new("RGB", (GAP + 3 * wide, GAP + count * high), "white")
        pen = ImageDraw.Draw(page)
        face = ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", LINE - 6)
        for column, (title, found) in enumerate(sides):
            for row in range(count):
                at = GAP + column * wide, GAP + row * high
                pen.text(at, title if found is None else f"{title}: {found.texts(row)[0]}", "black", face)
                page.paste(tiles[column * count + row], (at[0], at[1] + LINE))
        return page

    def panels(self, samples: Samples, real: Samples) -> dict[str, Panel]:
        """Heatmap, means, log-fold changes and principal components of generated beside held-out samples."""
        shown = {
            "heatmap": Panel(
                "Marker genes",
                f"Rows are genes that tell types among {real.spec.origin} held-out samples, columns are samples sorted "
                "by type. Blocks that are missing on the right were not learnt; blocks that are smoother than on the "
                "left vary too little.",
                self.figure(samples, real),
            )
        }
        return {**shown, **panels(samples, real)}

    def _groups(self, source: Samples) -> list[tuple[str, Tensor]]:
        """Genes of each type, none twice."""
        names = self.spec.classes
        if source.labels is not None and len(names) > 1:
            seen: set[int] = set()
            groups = []
            for name, found in zip(
                names, marker_genes(source.samples, source.labels.cpu(), self.spec, 3 * self.genes), strict=True
            ):
                own = [gene for gene in found.tolist() if gene not in seen][: self.genes]
                seen.update(own)
                if own:
                    groups.append((name, torch.tensor(own)))
            if groups:
                return groups
        logs = logarithms(source.samples, self.spec)
        spread = logs.var(0, correction=0)
        return [("", spread.argsort(descending=True, stable=True)[: 6 * self.genes])]

    def _lines(self, axes: Axes, groups: list[tuple[str, Tensor]], edges: Sequence[int], names: Sequence[str]) -> None:
        at = 0
        for _, genes in groups[:-1]:
            at += len(genes)
            axes.axhline(at - 0.5, color="white", linewidth=0.6)
        for edge in edges[1:-1]:
            axes.axvline(edge - 0.5, color="white", linewidth=0.6)
        middles = [(a + b - 1) / 2 for a, b in pairwise(edges)]
        axes.set_xticks(middles, [name[:14] for name in names], fontsize=7, rotation=40, ha="right")
        axes.tick_params(length=0)

    def _gene_names(self, axes: Axes, groups: list[tuple[str, Tensor]], shown: bool) -> None:
        genes = torch.cat([each for _, each in groups]).tolist()
        known = self.spec.names.get("gene") or [str(gene) for gene in range(self.spec.shape[0])]
        if shown and len(genes) <= NAMED:
            axes.set_yticks(range(len(genes)), [str(known[gene])[:14] for gene in genes], fontsize=6)
        else:
            axes.set_yticks([])


def sorted_by_type(samples: Samples, most: int) -> tuple[Tensor, list[int], list[str]]:
    """Numbers of up to `most` samples sorted by type, first of each type and the end, and the names of the types.

    Args:
        samples: with labels, or without.
        most: how many; each type keeps its share, and one sample at least.
    """
    count = len(samples)
    if samples.labels is None or not samples.spec.classes:
        kept = torch.arange(min(count, most))
        return kept, [0, len(kept)], [""]
    labels = samples.labels.cpu()
    parts, edges, names = [], [0], []
    for label, name in enumerate(samples.spec.classes):
        own = (labels == label).nonzero().flatten()
        if len(own):
            parts.append(own[: max(1, round(len(own) * min(1.0, most / count)))])
            edges.append(edges[-1] + len(parts[-1]))
            names.append(name)
    return torch.cat(parts), edges, names
