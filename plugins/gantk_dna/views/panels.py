"""What a report shows of many sequences: bases by position, k-mers, GC content."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gantk.interfaces import Panel, Samples
from gantk.plots import MADE, REAL, even_edges, histograms, legend_above, new_figure
from gantk_dna.alphabet import BASES, COMPLEMENT, bases_in
from gantk_dna.codes import Codes, base_shares, codes_of, gc_content
from gantk_dna.kmers import kmer_counts
from gantk_dna.views.glyphs import COLOURS

BINS = 25  # at most
K = 4  # letters of the k-mers that are compared: 256 of them


def panels(samples: Samples, real: Samples) -> dict[str, Panel]:
    """Panels by name.

    Args:
        samples: generated sequences.
        real: held-out ones.
    """
    made, known = codes_of(samples), codes_of(real)
    if real.spec.attributes.get("both_strands", False):
        made, known = (np.concatenate([codes, COMPLEMENT[codes[:, ::-1]]]) for codes in (made, known))
    origin = real.spec.origin
    return {
        "positions": Panel(
            "Bases by position",
            f"Share of each base at each position: lines of generated sequences, dots of {origin} held-out ones. "
            "A line that stays flat where the dots do not has missed a signal.",
            _positions(made, known, bases_in(samples.spec)),
        ),
        "kmers": Panel(
            f"All {4**K} words of {K} letters",
            f"How often each occurs among generated and among {origin} held-out sequences. On the line both are the "
            f"same; {len(real):,} sequences scatter about it by chance.",
            _kmers(made, known, origin),
        ),
        "gc": Panel(
            "GC content",
            f"Share of G and C in a sequence. Generated ones should spread as widely as {origin} ones.",
            _gc(made, known, origin),
        ),
    }


def _positions(made: Codes, known: Codes, letters: Sequence[str]) -> Figure:
    figure = new_figure()
    axes = figure.add_subplot()
    for base, (found, expected) in enumerate(zip(base_shares(made), base_shares(known), strict=True)):
        colour = [part / 255 for part in COLOURS[base]]
        axes.plot(found, color=colour, linewidth=1.4, label=letters[base])
        axes.plot(expected, ".", color=colour, markersize=3)
    axes.set(xlabel="position, from 0", ylabel="share", ylim=(0, None))
    axes.grid(alpha=0.25)
    legend_above(axes, BASES)
    return figure


def _kmers(made: Codes, known: Codes, origin: str) -> Figure:
    figure = new_figure()
    axes = figure.add_subplot()
    found, expected = (counts / max(counts.sum(), 1) for counts in (kmer_counts(made, K), kmer_counts(known, K)))
    axes.scatter(expected, found, 7, MADE, alpha=0.6, linewidths=0)
    most = 1.05 * max(found.max(), expected.max(), 1e-9)
    axes.plot([0, most], [0, most], color=REAL, linewidth=1)
    axes.set(xlabel=f"share among {origin} sequences", ylabel="among generated", xlim=(0, most), ylim=(0, most))
    axes.grid(alpha=0.25)
    return figure


def _gc(made: Codes, known: Codes, origin: str) -> Figure:
    figure = new_figure()
    axes = figure.add_subplot()
    found, expected = gc_content(made), gc_content(known)
    histograms(axes, found, expected, share_edges(found, expected, made.shape[1]), origin)
    axes.set(xlabel="share of G and C", ylabel="share of sequences")
    legend_above(axes)
    return figure


def share_edges(found: NDArray[np.float64], expected: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Edges of bins for shares of `length` letters: each holds equally many of the values 0, 1 / L, …, 1.

    Bins of another width hold now one more, now one fewer of them, and show peaks that are none.

    Args:
        found: (N,).
        expected: (M,).
        length: letters that shares were counted in.
    """
    lowest = round(min(found.min(), expected.min()) * length)
    highest = round(max(found.max(), expected.max()) * length)
    if lowest == highest:
        return (np.array([lowest, lowest + 1]) - 0.5) / length
    return even_edges(np.arange(lowest, highest + 1) / length, BINS)
