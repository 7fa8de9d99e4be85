"""Which cells lend a cell the green channels that were not imaged in it: those whose red is nearest to its red."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from gantk_basics.files.images import cache
from torch import Tensor

from gantk.console import progress
from gantk.errors import DataError
from gantk_cells.segmentation import inside

CHUNK = 512  # cells looked at together


@dataclass(frozen=True)
class Borrowed:
    """For each of N cells, whose green channels it has.

    Args:
        lenders: a row of each class, (N, K); in its own class a cell is its own lender.
        cell: which pixels are inside the cell, (N, H, W).
    """

    lenders: Tensor
    cell: Tensor


def borrowed(stored: Tensor, counts: Tensor) -> Borrowed:
    """Lenders and outlines of all cells, from the cache where these images have been compared before.

    Osokin et al. 2017, section 6.2, who choose one of several near cells at random; here it is always the nearest.

    Args:
        stored: red and green of each cell, class after class, uint8, (N, 2, H, W).
        counts: how many cells each class has, (K,).

    Raises:
        DataError: images without exactly two channels.
    """
    if stored.shape[1] != 2:
        raise DataError(
            f"layout: composite borrows green channels by red ones, but these images have {stored.shape[1]} channels; "
            "choose two: data.channels=[0, 1]"
        )
    pixels = sha256(stored.numpy().tobytes()).hexdigest()
    key = cache.digest("borrowed", list(stored.shape), counts.tolist(), pixels[:16])
    fingerprint = cache.digest(pixels, cache.made_by_module(__file__))
    kept = cache.load(key, fingerprint)
    if kept is not None:
        return Borrowed(*(torch.from_numpy(kept[0][name]) for name in ("lenders", "cell")))
    found = Borrowed(nearest_red(stored[:, 0], counts), outlines(stored))
    cache.save(key, fingerprint, {"lenders": found.lenders.numpy(), "cell": found.cell.numpy()}, None)
    return found


def nearest_red(red: Tensor, counts: Tensor) -> Tensor:
    """The row in each class whose red is nearest to each cell's in L2, (N, K); in its own class the cell itself.

    Args:
        red: class after class, uint8, (N, H, W).
        counts: how many cells each class has, (K,).
    """
    flat = red.flatten(1)  # (N, H W)
    lenders = torch.empty(len(flat), len(counts), dtype=torch.int64)
    starts = counts.cumsum(0) - counts
    parts = list(torch.arange(len(flat)).split(CHUNK))
    for number, (start, count) in enumerate(zip(starts.tolist(), counts.tolist(), strict=True)):
        others = flat[start : start + count].float()  # (n, H W)
        lengths = others.square().sum(1)
        for rows in progress(parts, text=f"looking for cells with the same red ({number + 1} of {len(counts)})"):
            apart = lengths - 2 * flat[rows].float() @ others.T  # squared distances but for what all n share, (b, n)
            lenders[rows, number] = start + apart.argmin(1)
        own = torch.arange(start, start + count)
        lenders[own, number] = own  # also where another cell has the very same red
    return lenders


def outlines(stored: Tensor) -> Tensor:
    """Which pixels are inside the cell, (N, H, W)."""
    parts = progress(stored.split(CHUNK), len(stored) // CHUNK + 1, "outlining cells")
    return torch.from_numpy(np.concatenate([inside(part.numpy() / np.float32(255)) for part in parts]))
