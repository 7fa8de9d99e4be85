"""Plots of a run's numbers: charts, as one picture or each as an SVG that stands in a page."""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from gantk.messages import printable

REAL, MADE = "#7f8c9b", "#d1495b"  # the colours of real and of generated in every comparison
COLOURS = ("#1c86cc", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")  # after Okabe & Ito 2008
POINTS = 250  # a curve; steps between them are averaged, and their range drawn behind
WIDTH, HEIGHT = 4.2, 2.6  # inches of a chart: small, so that its text can be read on a phone
WIDE_RANGE = 30  # so many times larger than the smallest curve, and the scale is logarithmic
LONGEST = 40  # letters of a name in a legend
GRADIENT_NORM = "_grad_norm"  # ends the names of what the loop measures beside the terms
INK = "#010203"  # stands for the colour of the text around an SVG
STYLE: Any = {
    "font.size": 9,
    "svg.fonttype": "none",
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

Curve = tuple[Sequence[float], Sequence[float]]  # steps, values


@dataclass(frozen=True)
class Chart:
    """Some curves over the steps of a run.

    Args:
        title: what they are.
        curves: by name.
        reference: a level drawn beside them: what real data give.
        logarithmic: the scale; None: whichever is read better.
        from_zero: whether the scale begins there, so that small changes look small.
        bands: drawn behind a curve, by its name: steps, lower and upper ends.
    """

    title: str
    curves: Mapping[str, Curve]
    reference: float | None = None
    logarithmic: bool | None = None
    from_zero: bool = False
    bands: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """The names of the curves as a legend has room for them."""
        names = [printable(name) for name in self.curves]
        return [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]

    @property
    def columns(self) -> int:
        """How many names stand side by side in the legend."""
        longest = max(map(len, self.labels)) * 0.075 + 0.45  # inches
        return min(len(self.curves), max(1, int(WIDTH // longest)))

    @property
    def height(self) -> float:
        """Inches: more where the legend has many lines."""
        return HEIGHT + 0.17 * max(0, ceil(len(self.curves) / self.columns) - 2) if self.curves else HEIGHT


def charts(lines: Iterable[Mapping[str, Any]], references: Mapping[str, float] | None = None) -> list[Chart]:
    """The numbers of metrics.jsonl as charts: loss terms, diversity, then each metric on the validation split.

    Args:
        lines: of metrics.jsonl.
        references: metric to what real data give for it, by its full name: {"motif_rate.hits": 1000.0}.
    """
    losses: dict[str, tuple[array[float], array[float]]] = {}
    gradients: dict[str, tuple[array[float], array[float]]] = {}
    diversity: dict[str, tuple[array[float], array[float]]] = {}
    validation: dict[str, tuple[array[float], array[float]]] = {}
    for line in lines:
        if "diverged_at" in line:
            continue  # a restoration, not a measurement
        if line.get("split") == "validation":
            found = validation
        elif "diversity" in line:
            found, line = diversity, {"step": line["step"], "diversity": line["diversity"]}
        else:
            found = losses
        for name, value in line.items():
            if name not in ("step", "seconds") and isinstance(value, int | float):
                norm = found is losses and name.endswith(GRADIENT_NORM)
                steps, values = (gradients if norm else found).setdefault(name, (array("d"), array("d")))
                steps.append(line["step"])
                values.append(float(value))
    drawn = [Chart("losses", losses)] if losses else []
    if gradients:
        drawn.append(Chart("norm of the gradients", gradients))
    if diversity:
        drawn.append(Chart("diversity of samples / diversity of data", diversity, 1.0, from_zero=True))
    known = references or {}
    return drawn + [Chart(name, {name: curve}, known.get(name)) for name, curve in validation.items()]


def curves_figure(lines: Iterable[Mapping[str, Any]]) -> Figure:
    """All charts of a run in one figure, two side by side."""
    found = charts(lines) or [Chart("losses", {})]
    columns = min(len(found), 2)
    rows = ceil(len(found) / columns)
    with matplotlib.rc_context({**STYLE, **dict.fromkeys([key for key, ink in STYLE.items() if ink == INK], "black")}):
        figure = new_figure(WIDTH * columns, max(chart.height for chart in found) * rows)
        for index, chart in enumerate(found):
            axes = figure.add_subplot(rows, columns, index + 1)
            draw_chart(chart, axes)
            axes.set_title(chart.title, loc="left", parse_math=False)
    return figure


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """An empty figure, in inches, whose parts do not overlap."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_chart(chart: Chart, axes: Axes) -> None:
    """One chart into one pair of axes."""
    logarithmic = chart.logarithmic
    if logarithmic is None:
        logarithmic = wants_logarithm([values for _, values in chart.curves.values()])
    for number, (name, (called, curve)) in enumerate(zip(chart.labels, chart.curves.items(), strict=True)):
        steps, mean, low, high = thinned(*curve)
        colour = COLOURS[number % len(COLOURS)]
        if called in chart.bands:
            about, lower, upper = chart.bands[called]
            bottom, top = thinned(about, lower)[1], thinned(about, upper)[1]
            if logarithmic:
                bottom = np.where(bottom > 0, bottom, np.nan)
            axes.fill_between(steps, bottom, top, color=colour, alpha=0.2, linewidth=0)
        if logarithmic:
            mean, low = (np.where(values > 0, values, np.nan) for values in (mean, low))
        if len(curve[0]) > POINTS and not chart.bands:
            axes.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(steps, mean, color=colour, linewidth=1.3, label=name, marker="." if len(steps) < 20 else None)
    if chart.reference is not None:
        axes.axhline(chart.reference, color=REAL, linestyle="--", linewidth=1.2)
    axes.set_yscale("log" if logarithmic else "linear")
    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(alpha=0.25)
    if chart.from_zero and not logarithmic:
        axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    if len(chart.curves) > 1:
        below: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.45, -0.24)}
        legend = axes.legend(ncols=chart.columns, handlelength=1.2, columnspacing=1, **below)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a term may be called a$b$


def wants_logarithm(values: Iterable[Sequence[float]]) -> bool:
    """Whether curves are read better on a logarithmic scale: none goes below 0, and one is much larger than another
    or than it was itself."""
    found = [np.asarray(curve) for curve in values]
    together = np.concatenate([np.empty(0), *found])
    positive = [float(np.median(curve[curve > 0])) for curve in found if (curve > 0).any()]
    if not positive or together.min() < 0:
        return False
    if len(found) == 1:  # zeros would be left out, so there must be none
        return bool(together.min() > 0) and float(together.max()) > WIDE_RANGE * float(together.min())
    return max(positive) > WIDE_RANGE * min(positive)


def thinned(steps: Sequence[float], values: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """At most `POINTS` steps, and the mean, least and largest value about each of them.

    All are of equally many steps, so that a curve looks equally calm from end to end; the last may share some with the
    one before.
    """
    size = -(-len(steps) // POINTS)
    starts = list(range(0, len(steps) - size + 1, size))
    if starts[-1] + size < len(steps):
        starts.append(len(steps) - size)
    bins = np.asarray(starts)[:, None] + np.arange(size)  # (parts, size)
    about, found = np.asarray(steps, float)[bins], np.asarray(values, float)[bins]
    return about.mean(1), found.mean(1), found.min(1), found.max(1)


def histograms(axes: Axes, made: np.ndarray, real: np.ndarray, edges: np.ndarray, origin: str) -> None:
    """Generated values as a line over real ones as bars, as shares of all.

    Args:
        axes: to draw in.
        made: (N,).
        real: (M,).
        edges: of the bins, rising.
        origin: what the real ones are called.
    """
    bins = edges.tolist()
    axes.hist(real, bins, weights=np.full(len(real), 1 / max(len(real), 1)), color=REAL, alpha=0.45, label=origin)
    share = np.full(len(made), 1 / max(len(made), 1))
    axes.hist(made, bins, weights=share, color=MADE, histtype="step", linewidth=1.6, label="generated")


LEVELS = 1024
"""Different values up to which they may be steps of a scale."""


def even_edges(values: np.ndarray, most: int, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Edges of bins that show no peaks of their own: of values in equal steps, each bin holds equally many steps.

    Counts, shares of so many letters, and pixels of 8 bits are such values. In bins of any other width now one more
    and now one fewer of them would fall, and the last one would hold the upper end as well.

    Args:
        values: any number of them, two different ones at least.
        most: bins at most.
        limits: lowest and highest value that there may be; None: those that there are.
    """
    different = np.unique(values)
    if not 1 < len(different) <= LEVELS:
        return np.histogram_bin_edges(values, most, limits)
    low, high = limits or (different[0], different[-1])
    step = np.diff(different.astype(float)).min()
    places = (different - low) / step
    if np.abs(places - places.round()).max() > 0.01 or (high - low) / step > LEVELS:
        return np.histogram_bin_edges(values, most, limits)
    steps = round((high - low) / step) + 1
    each = -(-steps // most)
    return low + (np.arange(0, steps + each, each) - 0.5) * step


def legend_above(axes: Axes, columns: int = 2) -> None:
    """The legend of a panel, above its axes, where it covers nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=columns, handlelength=1)


def to_image(figure: Figure, dpi: int = 110) -> Image.Image:
    """A figure as a picture."""
    figure.dpi = dpi
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # not savefig, which draws twice
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def to_svg(figure: Figure, name: str) -> str:
    """A figure as an SVG element that stands in a page, in the colour and font of its text.

    Args:
        figure: drawn under `matplotlib.rc_context(STYLE)`.
        name: other than those of all other figures of the page.
    """
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    buffer = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})  # not savefig, which draws twice
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[^"]*"', "", text, count=2)  # of the svg element: as wide as there is room
    return text.replace(INK, "currentColor")


def chart_svg(chart: Chart, name: str, scale: float = 1.0) -> str:
    """One chart as an SVG element.

    Args:
        chart: what to draw.
        name: other than those of all other figures of the page.
        scale: of its size; letters and lines stay as large as they are.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(scale * WIDTH, scale * chart.height)
        draw_chart(chart, figure.add_subplot())
        return to_svg(figure, name)
