"""What a report shows of many strings: how much of the motif they hold, where, and the letters of each position."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gantk.interfaces import Panel, Samples
from gantk.plots import MADE, REAL, even_edges, histograms, legend_above, new_figure
from gantk_motif.motifs import as_bits, occurrences, to_bits


def panels(samples: Samples, real: Samples, motif: str) -> dict[str, Panel]:
    """Panels by name.

    Args:
        samples: generated strings.
        real: held-out ones.
        motif: what to look for.
    """
    made, known = to_bits(samples.samples, samples.spec), to_bits(real.samples, real.spec)  # (N, L) each
    pattern = as_bits(motif)
    random = torch.randint(0, 2, made.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    by_chance = float(best_match(random, pattern).double().mean())
    return {
        "learnt": Panel(
            "How much of the motif",
            f"For each string, the most letters of {motif} that are right at any one place; random strings have "
            f"{by_chance:.1f} on average. A generator that has begun to learn shows here before it hits a whole motif.",
            _letters(best_match(made, pattern), best_match(known, pattern), len(motif)),
        ),
        "starts": Panel(
            "Where the motif starts",
            "It is hidden anywhere with equal chance; a generator that puts it always in one place has one peak here.",
            _starts(occurrences(made, pattern), occurrences(known, pattern)),
        ),
        "ones": Panel(
            "Ones by position",
            "Share of strings that have a 1 at each position.",
            _ones(made, known),
        ),
    }


def best_match(strings: Tensor, motif: Tensor) -> Tensor:
    """The most letters of the motif that are right at any one place.

    Args:
        strings: (N, L) of 0 and 1.
        motif: (M,) of 0 and 1.

    Returns:
        (N,) of 0 … M.
    """
    windows = strings.unfold(1, len(motif), 1)  # (N, L - M + 1, M)
    return (windows == motif.to(strings)).sum(-1).amax(1)


def _axes() -> tuple[Figure, Axes]:
    figure = new_figure()
    return figure, figure.add_subplot()


def _finish(axes: Axes, xlabel: str, ylabel: str) -> None:
    axes.set(xlabel=xlabel, ylabel=ylabel)
    legend_above(axes)


def _letters(made: Tensor, known: Tensor, most: int) -> Figure:
    figure, axes = _axes()
    for values, colour, offset, label in ((made, MADE, -0.2, "generated"), (known, REAL, 0.2, "data")):
        counts = torch.bincount(values, minlength=most + 1).numpy()
        axes.bar(np.arange(most + 1) + offset, counts / max(len(values), 1), 0.4, color=colour, label=label)
    axes.set_xlim(min(int(made.min()), int(known.min()), most // 2) - 0.7, most + 0.7)
    _finish(axes, xlabel="letters of the motif that are right", ylabel="share of strings")
    return figure


def _starts(made: Tensor, known: Tensor) -> Figure:
    figure, axes = _axes()
    edges = even_edges(np.arange(made.shape[1]), 28)
    histograms(axes, made.nonzero()[:, 1].numpy(), known.nonzero()[:, 1].numpy(), edges, "data")
    _finish(axes, xlabel="position of its first letter", ylabel="share of motifs")
    return figure


def _ones(made: Tensor, known: Tensor) -> Figure:
    figure, axes = _axes()
    axes.plot(known.double().mean(0).numpy(), color=REAL, linewidth=1.2, label="data")
    axes.plot(made.double().mean(0).numpy(), color=MADE, linewidth=1.2, label="generated")
    axes.set_ylim(0, 1)
    _finish(axes, xlabel="position", ylabel="share of ones")
    return figure
