"""What a report shows of many cells: does green follow red, which state are the growth zones in, the average cell."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gantk.interfaces import Panel, Samples
from gantk.plots import MADE, REAL, legend_above, new_figure
from gantk_cells.metrics.dependence import Measured, measure
from gantk_cells.metrics.interplay import matrices, mean_of, stacks_of
from gantk_cells.metrics.pairs import pairs_of
from gantk_cells.segmentation import RED_STATES
from gantk_cells.stack import shares_red, shows_growth_zones

Both = dict[str, tuple[Measured, Measured]]


def panels(samples: Samples, real: Samples) -> dict[str, Panel]:
    """Panels by name; none where images are not pairs of a red and a green channel.

    Args:
        samples: generated, of any layout.
        real: held out, of the same.
    """
    together = {"interplay": _interplay_panel(samples)} if shares_red(samples) else {}
    made, known = pairs_of(samples), pairs_of(real)
    if made.images.shape[1] != 2:
        return {}
    found, expected = measure(made), measure(known)
    if set(found) != set(expected):  # generated pairs without labels
        found, expected = {"all": Measured.joined(found)}, {"all": Measured.joined(expected)}
    both = {name: (found[name], expected[name]) for name in expected if len(found[name]) and len(expected[name])}
    if not both:
        return {}
    origin = real.spec.origin
    panels = {
        "correlation": Panel(
            "Does green follow red?",
            "Correlation of the two channels over the pixels inside a cell: median and the middle half of the cells, "
            f"generated above, {origin} held-out cells below.",
            _correlations(both, origin),
        )
    }
    if shows_growth_zones(real.spec):
        panels["states"] = Panel(
            "Growth zones",
            "Share of cells whose red channel is brightest at one end, at both, or in a band across the middle; of "
            f"generated and {origin} held-out cells, by the same rule.",
            _states(both, origin),
        )
    return panels | together


def _interplay_panel(samples: Samples) -> Panel:
    names, stacks = stacks_of(samples)
    found = matrices(stacks)
    figure = new_figure(height=1.6 + 0.42 * len(names))
    for place, (title, table) in enumerate(zip(("plain", "given red"), found, strict=True), 1):
        means = np.array([[mean_of(table[:, a, b]) for b in range(len(names))] for a in range(len(names))])
        axes = figure.add_subplot(1, 2, place)
        axes.imshow(means, cmap="RdBu_r", vmin=-1, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names if place == 1 else [""] * len(names))
        axes.set_title(title)
        for a, b in np.ndindex(means.shape):
            shade = "white" if abs(means[a, b]) > 0.6 else "black"
            axes.text(b, a, f"{means[a, b]:.2f}", ha="center", va="center", fontsize=7, color=shade)
    return Panel(
        "How proteins go together in a generated cell",
        "Correlation of every two proteins over the pixels inside a cell, mean over generated cells; given red, what "
        "is linear in red is taken out. No data constrain these numbers: in each real cell one protein was seen. "
        "`cells/interplay` sets them beside floors, and for simulated cells beside the truth.",
        figure,
    )


def _correlations(both: Both, origin: str) -> Figure:
    figure = new_figure(height=1.1 + 0.28 * len(both))
    axes = figure.add_subplot()
    for side, (offset, colour, label) in enumerate(((-0.14, MADE, "generated"), (0.14, REAL, origin))):
        low, middle, high = np.array([_quartiles(pair[side].correlations) for pair in both.values()]).T
        places = np.arange(len(both)) + offset
        bars = np.stack([middle - low, high - middle])
        axes.errorbar(middle, places, xerr=bars, fmt="o", color=colour, markersize=4, linewidth=2, label=label)
    axes.set_yticks(range(len(both)), list(both))
    axes.invert_yaxis()
    axes.set_xlabel("correlation of red and green")
    axes.grid(axis="x", alpha=0.25)
    legend_above(axes)
    return figure


def _quartiles(correlations: NDArray[np.floating]) -> NDArray[np.floating]:
    known = correlations[np.isfinite(correlations)]
    return np.quantile(known, [0.25, 0.5, 0.75]) if len(known) else np.full(3, np.nan)


def _states(both: Both, origin: str) -> Figure:
    figure = new_figure()
    axes = figure.add_subplot()
    for side, (offset, colour, label) in enumerate(((-0.2, MADE, "generated"), (0.2, REAL, origin))):
        together = Measured.joined({name: pair[side] for name, pair in both.items()})
        bars = axes.bar(np.arange(len(RED_STATES)) + offset, together.shares(), 0.38, color=colour, label=label)
        axes.bar_label(bars, fmt="{:.0%}", fontsize=8)
    axes.set_xticks(range(len(RED_STATES)), RED_STATES)
    axes.set_ylabel("share of cells")
    legend_above(axes)
    return figure
