"""Traversals of the latent space as pictures: a row for each direction, or a frame for each value."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from gantk.latents.directions import Directions
from gantk.reporting.grids import WIDEST, grid


def file_names(directions: Directions, values: Tensor) -> list[str]:
    """A name for each sample of a traversal, fit for a file: "dimension-3_+1.50sd"."""
    plain = [re.sub(r"\W+", "-", name).strip("-") for name in directions.names]
    return [f"{name}_{value:+.2f}sd" for name in plain for value in values.tolist()]


def traversal_frames(tiles: Sequence[Image.Image], directions: Directions, values: Tensor) -> list[Image.Image]:
    """A picture for each value, a row for each direction; there and back, so that it repeats without a jump.

    Args:
        tiles: of all samples, those of the first direction first.
        directions: K of them.
        values: (S,).
    """
    count = len(values)
    frames = [
        grid(tiles[at::count], 1, beside=directions.titles(), caption=f"{value:+.2f} sd")
        for at, value in enumerate(values.tolist())
    ]
    return [*frames, *frames[-2:0:-1]]


def traversal_picture(
    tiles: Sequence[Image.Image], directions: Directions, values: Tensor, caption: str
) -> Image.Image:
    """A row for each direction, a column for each value; of wide samples each sample in a row of its own.

    Args:
        tiles: as for `traversal_frames`.
        directions: K of them.
        values: (S,), in standard deviations.
        caption: over everything.
    """
    above = [f"{value:+.2g} sd" for value in values.tolist()]
    if tiles[0].width * len(values) > WIDEST:
        beside = [f"{title}, {value}" for title in directions.titles() for value in above]
        return grid(tiles, 1, beside=beside, caption=caption)
    return grid(tiles, len(values), above=above, beside=directions.titles(), caption=caption)
