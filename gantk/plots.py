"""Plots of a run's numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

PANELS = ("losses", "validation", "diversity")
LONGEST = 2000  # points a curve; more are averaged in groups


def series(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, tuple[list[float], list[float]]]]:
    """The numbers of metrics.jsonl as curves: panel to name to (steps, values)."""
    found: dict[str, dict[str, tuple[list[float], list[float]]]] = {panel: {} for panel in PANELS}
    for line in lines:
        if line.get("split") == "validation":
            panel = "validation"
        elif "diversity" in line:
            panel, line = "diversity", {"step": line["step"], "diversity": line["diversity"]}
        else:
            panel = "losses"
        for name, value in line.items():
            if name not in ("step", "seconds") and isinstance(value, int | float):
                steps, values = found[panel].setdefault(name, ([], []))
                steps.append(line["step"])
                values.append(float(value))
    return {panel: curves for panel, curves in found.items() if curves}


def curves(lines: Iterable[Mapping[str, Any]]) -> Figure:
    """Training curves: loss terms, metrics on the validation split, diversity relative to the data."""
    found = series(lines)
    count = max(len(found), 1)
    figure = Figure(figsize=(8, 2.6 * count + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, axes in zip(found or ["losses"], np.atleast_1d(figure.subplots(count, 1, sharex=True)), strict=True):
        for name, (steps, values) in found.get(panel, {}).items():
            axes.plot(*_thinned(steps, values), label=name, linewidth=1)
        axes.set_title({"diversity": "diversity of samples / diversity of data"}.get(panel, panel), fontsize=10)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if found.get(panel):
            axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.set_xlabel("step")
    return figure


def _thinned(steps: list[float], values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    group = -(-len(steps) // LONGEST)
    whole = len(steps) // group * group
    return (
        np.asarray(steps[:whole]).reshape(-1, group).mean(1),
        np.asarray(values[:whole]).reshape(-1, group).mean(1),
    )


def to_image(figure: Figure, dpi: int = 110) -> Image.Image:
    """A figure as a picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")


def to_svg(figure: Figure) -> str:
    """A figure as an SVG element that can stand in a page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
