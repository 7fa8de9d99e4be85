"""What a report shows of generated beside real expression: means by gene, log-fold changes, principal components."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantk.interfaces import Panel, Samples
from gantk.plots import COLOURS, MADE, REAL, legend_above, new_figure
from gantk_expression.logarithms import in_words, logarithms
from gantk_expression.markers import fold_changes, marker_genes

MARKERS = 10  # of each type


def panels(samples: Samples, real: Samples) -> dict[str, Panel]:
    """Panels by name.

    Args:
        samples: generated ones.
        real: held-out ones.
    """
    origin = real.spec.origin
    found = {
        "means": Panel(
            "Means and zeros by gene",
            f"Each dot is a gene: its mean, and the share of samples in which it is zero, among generated against "
            f"{origin} held-out samples. On the line both are the same; {len(real):,} samples scatter about it by "
            "chance.",
            means_figure(samples, real),
        )
    }
    changes = fold_change_figure(samples, real)
    if changes is not None:
        found["fold_changes"] = Panel(
            "Log-fold changes of marker genes",
            f"Each dot is one of the {MARKERS} strongest markers of a type: its log2-fold change against all other "
            f"types, among generated against {origin} held-out samples. A cloud flatter than the line says that types "
            "differ too little, which a correlation does not show.",
            changes,
        )
    if len(real) > 2:
        found["components"] = Panel(
            "Principal components",
            f"Generated samples over {origin} held-out ones, in the first components of the {origin} ones.",
            components_figure(samples, real),
        )
    return found


def means_figure(samples: Samples, real: Samples) -> Figure:
    """Mean, and share of zeros where there are any, of each gene: generated over real.

    Args:
        samples: generated ones.
        real: to compare with.
    """
    made, known = (logarithms(each.samples, real.spec) for each in (samples, real))
    zeros = [(each.samples.cpu() == 0).double().mean(0) for each in (samples, real)]
    both = bool((zeros[1] > 0).any())
    figure = new_figure(6.4 if both else 3.4, 3.2)
    axes = figure.add_subplot(1, 2 if both else 1, 1)
    _against(axes, known.mean(0), made.mean(0), f"mean {in_words(real.spec)}", real.spec.origin)
    if both:
        axes = figure.add_subplot(1, 2, 2)
        _against(axes, zeros[1], zeros[0], "share of zeros", real.spec.origin)
    return figure


def _against(axes: Axes, known: Tensor, made: Tensor, what: str, origin: str) -> None:
    axes.scatter(known.numpy(), made.numpy(), 5, MADE, alpha=0.5, linewidths=0)
    ends = [float(torch.cat([known, made]).min()), float(torch.cat([known, made]).max())]
    axes.plot(ends, ends, color=REAL, linewidth=1)
    axes.set_xlabel(f"{what}, {origin}", fontsize=8)
    axes.set_ylabel("generated", fontsize=8)
    axes.grid(alpha=0.25)


def fold_change_figure(samples: Samples, real: Samples, markers: int = MARKERS) -> Figure | None:
    """Log2-fold changes of the strongest markers of each type, generated over real; None without two types in both.

    Args:
        samples: generated ones.
        real: to compare with; they choose the markers.
        markers: of each type.
    """
    names = real.spec.classes
    if samples.labels is None or real.labels is None or len(names) < 2:
        return None
    one, other = samples.labels.cpu(), real.labels.cpu()
    genes = marker_genes(real.samples, other, real.spec, markers)
    made, known = fold_changes(samples.samples, one, real.spec), fold_changes(real.samples, other, real.spec)
    figure = new_figure(4.2, 3.6)
    axes = figure.add_subplot()
    shown = []
    for label, name in enumerate(names):
        chosen = genes[label]
        values = known[label, chosen], made[label, chosen]
        if len(chosen) and torch.isfinite(values[1]).all():
            axes.scatter(
                values[0].numpy(), values[1].numpy(), 12, COLOURS[label % len(COLOURS)], label=name[:18], linewidths=0
            )
            shown.append(torch.cat(values))
    if not shown:
        return None
    every = torch.cat(shown)
    ends = [min(0.0, float(every.min())), float(every.max())]
    axes.plot(ends, ends, color=REAL, linewidth=1)
    axes.set(xlabel=f"log2-fold change, {real.spec.origin}", ylabel="log2-fold change, generated")
    axes.grid(alpha=0.25)
    legend_above(axes, min(3, len(shown)))
    return figure


def fitted_components(logs: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (G,), axes (G, C) and share of the variance (C,) of principal components; signs are fixed.

    Args:
        logs: (N, G).
        count: how many components, C at most.
    """
    mean = logs.double().mean(0)
    centred = logs.double() - mean
    _, singular, axes = torch.linalg.svd(centred, full_matrices=False)
    axes = axes[:count].T
    largest = axes.abs().argmax(0)
    axes = axes * axes[largest, torch.arange(axes.shape[1])].sign()
    variance = singular.square()
    return mean, axes, variance[:count] / variance.sum().clamp(min=1e-30)


def components_figure(samples: Samples, real: Samples) -> Figure:
    """Principal components 1 to 4 with axes fitted on real samples; types in colours, where there are few.

    Args:
        samples: generated ones.
        real: the axes are theirs.
    """
    known, made = (logarithms(each.samples, real.spec) for each in (real, samples))
    mean, axes_of, shares = fitted_components(known, 4)
    places = [((each.double() - mean) @ axes_of).numpy() for each in (known, made)]
    pairs = [(0, 1), (2, 3)] if axes_of.shape[1] == 4 else [(0, 1)] if axes_of.shape[1] > 1 else []
    figure = new_figure(3.7 * max(len(pairs), 1), 3.6)
    for number, (one, other) in enumerate(pairs):
        axes = figure.add_subplot(1, len(pairs), number + 1)
        overlay(axes, places[0][:, [one, other]], places[1][:, [one, other]], real, samples)
        axes.set_xlabel(f"component {one + 1} ({shares[one]:.1%})", fontsize=8)
        axes.set_ylabel(f"component {other + 1} ({shares[other]:.1%})", fontsize=8)
    if not pairs:
        figure.add_subplot().set_title("too few samples, or genes, for two components", fontsize=8)
    else:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=7)
    return figure


def overlay(axes: Axes, known: np.ndarray, made: np.ndarray, real: Samples, samples: Samples) -> None:
    """Real samples as open circles, generated ones as dots over them; in the colours of their types.

    Args:
        axes: to draw into.
        known: (N, 2) places of real samples.
        made: (M, 2) places of generated ones.
        real: for their labels.
        samples: for their labels.
    """
    names = real.spec.classes
    typed = real.labels is not None and samples.labels is not None and 1 < len(names) <= len(COLOURS)
    if not typed:
        axes.scatter(known[:, 0], known[:, 1], 9, REAL, linewidths=0, label=real.spec.origin)
        axes.scatter(made[:, 0], made[:, 1], 6, MADE, linewidths=0, alpha=0.6, label="generated")
    else:
        assert real.labels is not None and samples.labels is not None
        for label, name in enumerate(names):
            one, other = real.labels.cpu().numpy() == label, samples.labels.cpu().numpy() == label
            colour = COLOURS[label]
            axes.scatter(
                known[one, 0], known[one, 1], 18, facecolors="none", edgecolors=colour, linewidths=0.6, alpha=0.7
            )
            axes.scatter(made[other, 0], made[other, 1], 6, colour, linewidths=0, alpha=0.7, label=name[:14])
        axes.scatter([], [], 18, facecolors="none", edgecolors="black", linewidths=0.6, label=real.spec.origin)
        axes.scatter([], [], 6, "black", linewidths=0, label="generated")
    axes.grid(alpha=0.25)
