"""Simulated cells with all their proteins at once, as no microscope shows them: how proteins go together in truth.

Nothing is trained on them. A star-shaped net is trained on pairs of red and one green; what it makes of several greens
in one cell can be compared with these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gantk_cells.data.simulation import CHUNK, GREEN, PROTEINS, PSF, Array, Outline, Textures, draw_red, expose

GRAINS = (PSF, 3.0)  # the two scales of texture that proteins are drawn with
STREAM = 7  # of random numbers: no protein's own, so that whole cells are none of the pairs


@dataclass(frozen=True)
class WholeCells:
    """Stacks and the truth they were drawn from.

    Args:
        images: red, then the green of each protein, uint8, (N, 1 + K, H, W).
        phase: phase of the cell cycle in [0, 1], (N,).
        red_state: index into `simulation.RED_STATES`, (N,).
    """

    images: NDArray[np.uint8]
    phase: Array
    red_state: NDArray[np.int64]


class SharedGrain:
    """Textures of which a share is common to all proteins of a cell, and the rest each protein's own.

    Args:
        textures: where fields are cut from.
        share: of the variance, from 0 to 1.
        rng: draws the common fields.
    """

    def __init__(self, textures: Textures, share: float, rng: np.random.Generator):
        self.textures = textures
        self.share = share
        self.common = {scale: textures.cut(rng, scale) for scale in GRAINS} if share else {}

    def cut(self, rng: np.random.Generator, scale: float) -> Any:
        """CHUNK fields of unit variance with this correlation length, (n, H, W)."""
        own = self.textures.cut(rng, scale)
        if not self.share:
            return own
        return sqrt(self.share) * self.common[scale] + sqrt(1 - self.share) * own


def simulate_whole(
    n: int,
    proteins: Sequence[str] = PROTEINS,
    seed: int = 0,
    height: int = 48,
    width: int = 80,
    shared_grain: float = 0.0,
) -> WholeCells:
    """Draws `n` cells with one outline, one red and the green of every protein; a larger `n` only adds cells.

    With `shared_grain` 0 the greens of a cell depend on each other through its outline, phase and growth zones alone,
    which the red shows; with more, their textures have that share of their variance in common, which the red does not.

    Args:
        n: how many.
        proteins: names out of `PROTEINS`; what one looks like does not depend on which others are asked for.
        seed: of all random choices.
        height: of the frame, pixels.
        width: of the frame, pixels.
        shared_grain: from 0 to 1.
    """
    textures = Textures(height, width)
    images = np.empty((n, 1 + len(proteins), height, width), np.uint8)
    phase, state = np.empty(n, np.float32), np.empty(n, np.int64)
    for start in range(0, n, CHUNK):
        size = min(CHUNK, n - start)
        rows = slice(start, start + size)

        def stream(number: int, start: int = start) -> np.random.Generator:
            return np.random.default_rng((seed, STREAM, start // CHUNK, number))

        rng = stream(0)
        outline = Outline(rng, height, width)
        images[rows, 0] = expose(outline, draw_red(outline, rng, textures), rng)[:size]
        grain = SharedGrain(textures, shared_grain, stream(1))
        for column, protein in enumerate(proteins, 1):
            rng = stream(2 + PROTEINS.index(protein))
            green = GREEN[protein](outline, rng, grain)  # type: ignore[arg-type]  # cuts as Textures does
            images[rows, column] = expose(outline, green, rng)[:size]
        phase[rows], state[rows] = outline.phase[:size], outline.state[:size]
    return WholeCells(images, phase, state)
