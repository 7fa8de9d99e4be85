"""Draws what latents stand for: values by class, weights of genes with their tails, and what moves along a latent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

from gantk.messages import printable
from gantk.plots import COLOURS, MADE, REAL, new_figure, to_image

if TYPE_CHECKING:
    from gantk_expression.metrics.latents import Found, Traversal

Rows = NDArray[np.float64]
TAIL = 3  # genes named in each tail
MOVERS = 6  # genes drawn along a latent
WIDE, HIGH = 3.3, 2.9  # inches of a part
LETTERS = 22  # of a name


def short(name: str) -> str:
    """A name as a title has room for it."""
    clean = printable(name)
    return clean if len(clean) <= LETTERS else clean[: LETTERS - 1] + "…"


def draw_latents(
    rows: Sequence[tuple[Found, Traversal]], coded: Rows, components: Rows, names: Sequence[str]
) -> Image.Image:
    """A row for each latent: its values, the best component's, the decoder's weights, and the genes that move most.

    Args:
        rows: the column that each latent goes with, and what it does.
        coded: latents of the samples, (N, L).
        components: principal components of the samples, (N, L).
        names: of the genes.
    """
    figure = new_figure(4 * WIDE, HIGH * len(rows))
    grid: Any = figure.subplots(len(rows), 4, squeeze=False)
    for (found, path), (values, other, weights, moving) in zip(rows, grid, strict=True):
        best, component = found.latents.best, found.components.best
        _against(values, coded[:, best], found, f"latent {best + 1}", float(found.latents.strength[best]))
        strength = float(found.components.strength[component])
        _against(other, components[:, component], found, f"component {component + 1}", strength)
        _weights(weights, path, names)
        _moving(moving, path, names)
    return to_image(figure)


def _against(axes: Axes, numbers: Rows, found: Found, name: str, strength: float) -> None:
    """Values of a latent or component by the column."""
    column = found.column
    measure = "AUROC" if column.kind == "two classes" else "|correlation|"
    axes.set_title(f"{name}: {measure} {strength:.2f}")
    if column.kind == "number":
        axes.scatter(column.values, numbers, s=4, color=MADE, alpha=0.4, linewidths=0)
        axes.set_xlabel(short(column.name))
        axes.set_ylabel(name)
        return
    edges = np.linspace(numbers.min(), numbers.max() + 1e-9, 40)
    for value, colour, said in ((1, MADE, short(column.name)), (0, REAL, "others")):
        chosen = numbers[column.values == value]
        axes.hist(chosen, edges.tolist(), density=True, histtype="stepfilled", alpha=0.55, color=colour, label=said)
    axes.set_xlabel(name)
    axes.set_ylabel("density")
    axes.set_ylim(top=1.3 * axes.get_ylim()[1])
    axes.legend(fontsize=7, ncols=2, loc="upper center")


def _weights(axes: Axes, path: Traversal, names: Sequence[str]) -> None:
    """The weights of all genes in their order, with the names of those in both tails."""
    order = np.argsort(path.weights, kind="stable")
    axes.scatter(np.arange(len(order)), path.weights[order], s=5, color=REAL, linewidths=0)
    tails = [*order[:TAIL], *order[::-1][:TAIL]]
    for place, gene in enumerate(tails):
        upper = place >= TAIL
        rank = len(order) - 1 - (place - TAIL) if upper else place
        at = (0.62, 0.95 - 0.085 * (place - TAIL)) if upper else (0.38, 0.05 + 0.085 * place)
        axes.annotate(
            short(names[gene]),
            (rank, path.weights[gene]),
            at,
            textcoords="axes fraction",
            fontsize=7,
            ha="right" if upper else "left",
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": REAL},
        )
    axes.set_title(f"decoder weights of latent {path.latent + 1}")
    axes.set_xlabel("genes, by weight")
    axes.set_ylabel("weight")


def _moving(axes: Axes, path: Traversal, names: Sequence[str]) -> None:
    """The genes that move most from one end of the latent to the other."""
    for number, gene in enumerate(path.movers[:MOVERS]):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(path.steps, path.profiles[:, gene], color=colour, linewidth=1.3, label=short(names[gene]))
    axes.set_title("genes that move most")
    axes.set_xlabel(f"latent {path.latent + 1}, 5 % to 95 %")
    axes.set_ylabel("decoded")
    axes.margins(y=0.25)
    axes.legend(fontsize=7, ncols=2, loc="upper center")


def draw_table(rows: Sequence[tuple[Found, Traversal]], names: Sequence[str], genes: int) -> Image.Image:
    """The heaviest genes of each latent with their weights, and those that move most with how far.

    Args:
        rows: the column that each latent goes with, and what it does.
        names: of the genes.
        genes: how many of each.
    """
    count = min(genes, len(names))
    heads, cells = [], []
    for found, path in rows:
        best = found.latents.best
        heads += [f"{short(found.column.name)}: latent {best + 1}\nweight", f"latent {best + 1}\nmoves by"]
        moved = path.profiles[-1] - path.profiles[0]
        cells.append([f"{short(names[gene])}   {path.weights[gene]:+.3g}" for gene in path.heaviest[:count]])
        cells.append([f"{short(names[gene])}   {moved[gene]:+.3g}" for gene in path.movers[:count]])
    figure = new_figure(2.3 * len(cells), 0.26 * count + 0.8)
    axes = figure.add_subplot()
    axes.axis("off")
    table = axes.table([list(each) for each in zip(*cells, strict=True)], colLabels=heads, loc="center", cellLoc="left")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    for (row, _), cell in table.get_celld().items():
        cell.set_linewidth(0.3)
        cell.set_height((2.1 if row == 0 else 1) / (count + 2.4))
    return to_image(figure)
