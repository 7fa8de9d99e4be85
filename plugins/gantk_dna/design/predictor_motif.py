"""The motif that a predictor has learned, found by activation maximisation, and how like a known one it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from gantk.spec import DataSpec
from gantk_dna.alphabet import BASES, COMPLEMENT, bases_in, one_hot
from gantk_dna.codes import Codes, information
from gantk_dna.design.constraints import Constraints, Rules
from gantk_dna.design.search import Search, activation, scores_of
from gantk_dna.design.weighted_sum import Objectives
from gantk_dna.motifs import Motif
from gantk_dna.views.glyphs import FAINT, INK, PAPER, font, stacks

WINDOWS = 48  # free windows that are optimised, each from letters of its own
BACKGROUNDS = 8  # real sequences that each window stands in
STEPS = 100
NEAR_BEST = 0.5  # of the gain of the best window, that others must reach to count
WIDEST = 12  # letters of a window
OVERLAP = 5  # letters that two motifs are compared over at least, where they have so many


def own_motif(name: str, score: Objectives, spec: DataSpec, real: Codes, seed: int) -> Motif | None:
    """The motif that a predictor has learned: the words that activation maximisation writes into real sequences.

    A window in the middle of real sequences is free; letters in it rise by the gradient of the mean score. Of many
    such windows, from different random letters, those that raise the score by half as much as the best one, or more,
    are laid above one another, shifted and turned until they agree best; that gives the counts of a matrix.

    Args:
        name: of what has learned.
        score: what has learned.
        spec: what one sequence is.
        real: (N, L) sequences that surround the windows.
        seed: of all that is drawn.

    Returns:
        None where nothing was learned, or no window raises the score.
    """
    if not (score.learned and score.differentiable):
        return None
    channels, length = spec.shape
    width = min(WIDEST, length)
    start = (length - width) // 2
    rng = torch.Generator().manual_seed(seed)
    chosen = real[torch.randperm(len(real), generator=rng)[:BACKGROUNDS].numpy()]
    around = one_hot(torch.from_numpy(chosen))  # (K, 4, L)
    around = torch.cat([around, around.new_zeros(len(around), channels - BASES, length)], 1)

    def inside(windows: Tensor) -> Tensor:
        """(B, channels, W) to the mean scores (B,) of every background with each window in it."""
        whole = around.repeat(len(windows), 1, 1)  # (B K, channels, L)
        filled = windows.repeat_interleave(len(around), 0)
        whole = torch.cat([whole[:, :, :start], filled, whole[:, :, start + width :]], 2)
        return score(whole).reshape(len(windows), -1).mean(1)

    window = DataSpec((channels, width), spec.axes, range=spec.range)
    settings = Search(method="activation", candidates=WINDOWS, steps=STEPS, lr=0.1)
    found = activation(inside, Rules(Constraints(), width), window, settings, rng, "finding the predictor's motif")
    gain = scores_of(found.codes, inside, channels) - float(scores_of(chosen, score, channels).mean())
    if not gain.max() > 0:
        return None
    order = np.argsort(-gain, kind="stable")
    words = found.codes[order[gain[order] >= NEAR_BEST * gain.max()]]
    return Motif(f"the {name}'s own motif", "", aligned_counts(words, bool(spec.attributes.get("both_strands", False))))


def aligned_counts(words: Codes, both_strands: bool) -> NDArray[np.float64]:
    """Counts of the letters of words that are shifted, and turned where both strands count, until they agree best.

    Args:
        words: (N, W); the first is what the others are laid upon at first.
        both_strands: whether they may be turned.

    Returns:
        (4, W'), of the places that half of the words or more cover.
    """
    n, width = words.shape
    reach = width // 2
    strands = [words, COMPLEMENT[words[:, ::-1]]] if both_strands else [words]
    letters = np.stack([np.eye(BASES)[each].transpose(0, 2, 1) for each in strands], 1)  # (N, strands, 4, W)
    placed = np.zeros((n, BASES, width + 2 * reach))  # each word where it lies now
    placed[0, :, reach : reach + width] = letters[0, 0]
    for _ in range(4):
        for word in range(n):
            counts = placed.sum(0) - placed[word]
            if not counts.any():
                continue
            odds = np.log((counts + 0.25) / (counts.sum(0) + 1) * BASES)  # (4, W + 2 reach)
            views = np.lib.stride_tricks.sliding_window_view(odds, width, axis=1)  # (4, shifts, W)
            agreement = np.einsum("bsw,tbw->ts", views, letters[word])
            strand, shift = np.unravel_index(int(agreement.argmax()), agreement.shape)
            placed[word] = 0
            placed[word, :, shift : shift + width] = letters[word, strand]
    counts = placed.sum(0)
    covered = np.flatnonzero(counts.sum(0) >= n / 2)
    return counts[:, covered[0] : covered[-1] + 1]


@dataclass(frozen=True)
class Likeness:
    """How like two motifs are where they agree best.

    Args:
        correlation: of their probabilities over the letters where both lie, from -1 to 1.
        shift: where the second begins, in letters from the beginning of the first.
        turned: whether the second is turned to the other strand.
        letters: that they are compared over.
    """

    correlation: float
    shift: int
    turned: bool
    letters: int


def likeness(first: Motif, second: Motif) -> Likeness:
    """How like two motifs are, over every shift and both strands; all letters of the shorter but two count.

    Args:
        first: stays as it is.
        second: is shifted and turned.
    """
    own = first.probabilities()
    shorter = min(first.width, second.width)
    least = min(shorter, max(OVERLAP, shorter - 2))
    best: Likeness | None = None
    for turned in (False, True):
        other = second.probabilities()
        other = other[::-1, ::-1] if turned else other
        for shift in range(least - second.width, first.width - least + 1):
            low, high = max(shift, 0), min(shift + second.width, first.width)
            one, two = (own[:, low:high] - 0.25).ravel(), (other[:, low - shift : high - shift] - 0.25).ravel()
            size = float(np.sqrt((one**2).sum() * (two**2).sum()))
            found = Likeness(float((one * two).sum()) / size if size else 0.0, shift, turned, high - low)
            if best is None or found.correlation > best.correlation:
                best = found
    assert best is not None
    return best


def most_like(own: Motif, known: Sequence[Motif]) -> tuple[Motif, Likeness]:
    """The known motif that one is most like, and how."""
    likenesses = [likeness(own, each) for each in known]
    best = max(range(len(known)), key=lambda number: likenesses[number].correlation)
    return known[best], likenesses[best]


def motif_sentence(own: Motif, known: Sequence[Motif]) -> str:
    """What a predictor's own motif is, and which known one it is most like, in a sentence."""
    n = round(float(own.counts.sum(0).max()))
    said = f"{own.name}, from {n} windows by activation maximisation: {own.consensus}"
    if not known:
        return said
    nearest, like = most_like(own, known)
    strand = " of the other strand" if like.turned else ""
    return f"{said}; most like {nearest.name}: correlation {like.correlation:.2f} over {like.letters} letters{strand}"


def motif_picture(own: Sequence[Motif], known: Sequence[Motif], spec: DataSpec) -> Image.Image:
    """Predictors' own motifs, and below each the known one that it is most like, where both agree best."""
    rows: list[tuple[str, NDArray[np.float64], int]] = []
    for motif in own:
        rows.append((motif.name, motif.probabilities(), 0))
        if known:
            nearest, like = most_like(motif, known)
            matrix = nearest.probabilities()
            matrix = matrix[::-1, ::-1] if like.turned else matrix
            name = f"{nearest.name} {nearest.identity}".strip() + (", other strand" if like.turned else "")
            rows.append((f"known: {name} (correlation {like.correlation:.2f})", matrix, like.shift))
    column, height, line, margin = 24, 90, 22, 12
    first = min(shift for _, _, shift in rows)
    last = max(shift + matrix.shape[1] for _, matrix, shift in rows)
    wide = max([(last - first) * column, *(int(font(14).getlength(title)) + 1 for title, _, _ in rows)])
    picture = Image.new("RGB", (wide + 2 * margin, len(rows) * (height + line + margin) + margin), PAPER)
    pen = ImageDraw.Draw(picture)
    for number, (title, matrix, shift) in enumerate(rows):
        top, left = margin + number * (height + line + margin), margin + (shift - first) * column
        pen.text((margin, top), title, fill=INK, font=font(14))
        heights = matrix * information(matrix) / 2  # of 2 bits
        picture.paste(stacks(heights, bases_in(spec), column, height), (left, top + line))
        bottom = top + line + height
        pen.line([(left, bottom), (left + matrix.shape[1] * column, bottom)], fill=FAINT)
    return picture
