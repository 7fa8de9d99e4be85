"""Metric `interplay`: how do the proteins of one generated cell go together, beyond what red says?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from annotated_types import Ge
from gantk_basics.metrics.intervals import redrawn
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Samples, Value, draw_latent, member
from gantk.sampling import render
from gantk_cells.segmentation import inside
from gantk_cells.stack import channel_names, is_stack, protein_names, shares_red, stack

Matrices = NDArray[np.floating]  # (N, K, K), NaN where a channel does not vary

CHUNK = 256  # cells looked at together


class Interplay(Metric):
    """Correlation of every two proteins within a cell, plain and given red, of generated stacks.

    Pearson's correlation over the pixels inside a cell, averaged over cells; given red, the partial correlation, in
    which the part of both that is linear in red is taken out. Where one protein was seen in each real cell, no data
    constrain these numbers, since a critic never sees two. Beside them stand the truth where it is known (real stacks
    of all channels, or simulated whole cells), and two floors: *independent* (the green of another cell with the same
    red part of the latent), *borrowed* (that of the generated cell with the nearest red, as `layout: composite` does).

    Args:
        samples: how many generated cells are measured.
        cells: how many whole cells the truth is taken from, at most.
    """

    def __init__(self, *, samples: Annotated[int, Ge(2)] = 500, cells: Annotated[int, Ge(2)] = 1000):
        self.samples = samples
        self.cells = cells
        self._truth: WeakKeyDictionary[Dataset, tuple[Matrices, Matrices] | None] = WeakKeyDictionary()

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`difference` from the truth, plain and given red, where it is known; then each two proteins, `A_B`.

        Raises:
            DoesNotFit: samples that are not stacks, or units that are not of one cell.
        """
        names, stacks = stacks_of(inputs.generated)
        made = matrices(stacks)
        truth = self._truth_of(inputs, names)
        floors = {"borrowed": matrices(*borrowed_greens(stacks))}
        generator = inputs.nets.get("generator")
        if generator is not None and can_redraw_green(generator):
            floors = {"independent": matrices(*redrawn_greens(generator, inputs, len(stacks))), **floors}
        values: dict[str, Value] = {}
        for which, suffix in enumerate(("", "_given_red")):
            found, differences = {}, []
            for a, b in combinations(range(len(names)), 2):
                seen = known(made[which][:, a, b])
                note = ", ".join(f"{name} {mean_of(pair[which][:, a, b]):.2f}" for name, pair in floors.items())
                reference = None if truth is None else mean_of(truth[which][:, a, b])
                if reference is not None:
                    differences.append(abs(float(seen.mean()) - reference) if len(seen) else 1.0)
                found[f"{names[a]}_{names[b]}{suffix}"] = Value(
                    float(seen.mean()) if len(seen) else 0.0,
                    None if reference is None else "near",
                    reference,
                    f"{'no data constrain it; ' if reference is None else ''}{note}",
                    len(seen),
                    None if truth is None else len(truth[which]),
                    *(redrawn([torch.from_numpy(seen)], inputs.rng) if len(seen) else (None, None)),
                )
            if differences:
                n = len(stacks), len(truth[which]) if truth is not None else 0
                largest = Value(max(differences), "lower", 0.0, "largest over pairs", *n)
                values[f"difference{suffix}"] = largest
            values |= found
        return values

    def _truth_of(self, inputs: MetricInput, names: Sequence[str]) -> tuple[Matrices, Matrices] | None:
        if inputs.test not in self._truth:
            whole: Any = getattr(inputs.test, "whole_cells", None)
            if whole is not None and tuple(inputs.test.names) == tuple(names):  # type: ignore[attr-defined]
                self._truth[inputs.test] = matrices(whole(self.cells))
            else:
                real = take(inputs.test, self.cells)
                together = is_stack(real.spec) or (len(real) > 0 and shares_red(real))
                self._truth[inputs.test] = matrices(stacks_of(real)[1]) if together else None
        return self._truth[inputs.test]


def stacks_of(samples: Samples) -> tuple[tuple[str, ...], Tensor]:
    """Names of the proteins, and red and greens of each cell, (N, 1 + K, H, W).

    Raises:
        DoesNotFit: samples that are not stacks, or units that are not of one cell.
    """
    if is_stack(samples.spec):
        return channel_names(samples.spec)[1:], samples.samples
    if not shares_red(samples):
        raise DoesNotFit(
            "interplay looks at several proteins of one cell, but the images of these samples are not of one cell: "
            "only a star-shaped generator draws such (generator.use=cells/starshaped)"
        )
    return protein_names(samples.spec), stack(samples).samples


def matrices(stacks: Tensor, others: Tensor | None = None) -> tuple[Matrices, Matrices]:
    """Correlations of every two greens inside each cell, plain and given red.

    Args:
        stacks: from -1 to 1, red first, (N, 1 + K, H, W).
        others: the greens that stand for the second of each two, (N, K, H, W); None: those of the same cell. The two
            ways round are averaged.

    Returns:
        (N, K, K) each; NaN where a channel does not vary inside a cell.
    """
    plain: list[Matrices] = []
    given: list[Matrices] = []
    for rows in torch.arange(len(stacks)).split(CHUNK):
        bright = (stacks[rows].double().cpu().numpy() + 1) / 2
        cell = inside(bright)
        everything = bright if others is None else np.concatenate([bright, (others[rows].double().numpy() + 1) / 2], 1)
        table = channel_correlations(everything, cell)  # (n, 1 + K or 1 + 2 K, …)
        greens = stacks.shape[1] - 1
        first = slice(1, 1 + greens)
        second = first if others is None else slice(1 + greens, 1 + 2 * greens)
        both, red_first, red_second = table[:, first, second], table[:, first, 0], table[:, second, 0]
        spread = (
            np.sqrt(np.clip(1 - red_first**2, 0, None))[:, :, None]
            * np.sqrt(np.clip(1 - red_second**2, 0, None))[:, None, :]
        )
        left = both - red_first[:, :, None] * red_second[:, None, :]
        partial = np.where(spread > 1e-6, left / np.maximum(spread, 1e-6), np.nan)
        for found, kept in ((both, plain), (partial, given)):
            kept.append((found + found.transpose(0, 2, 1)) / 2)
    return np.concatenate(plain), np.concatenate(given)


def channel_correlations(bright: NDArray[np.floating], cell: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Pearson's correlation of every two channels over the pixels inside each cell, (N, C, C); NaN without variation.

    Args:
        bright: (N, C, H, W).
        cell: inside, (N, H, W).
    """
    within = cell[:, None]
    pixels = np.maximum(within.sum(axis=(2, 3), keepdims=True), 1)
    apart = (bright - (bright * within).sum(axis=(2, 3), keepdims=True) / pixels) * within
    length = np.sqrt((apart**2).sum(axis=(2, 3), keepdims=True))
    unit = np.where(length > 1e-6, apart / np.maximum(length, 1e-6), np.nan).reshape(*bright.shape[:2], -1)
    return np.asarray(unit @ unit.transpose(0, 2, 1))


def borrowed_greens(stacks: Tensor) -> tuple[Tensor, Tensor]:
    """The stacks, and for each the greens of the other cell with the nearest red, dark outside its own outline."""
    red = stacks[:, 0].flatten(1)
    apart = torch.cdist(red, red).fill_diagonal_(float("inf"))
    greens = stacks[apart.argmin(1), 1:]
    cell = torch.from_numpy(inside((stacks.cpu().numpy() + 1) / 2))
    return stacks, greens.masked_fill(~cell[:, None], -1.0)


def can_redraw_green(generator: nn.Module) -> bool:
    """Whether the generator names the red and the green part of its latent."""
    return {"red", "green"} <= set(member(generator, "latent_parts") or {})


def redrawn_greens(generator: nn.Module, inputs: MetricInput, n: int) -> tuple[Tensor, Tensor]:
    """Stacks, and the greens of others from the same red part of the latent and another green part."""
    parts = member(generator, "latent_parts")
    latent = draw_latent(generator, n, inputs.rng)
    anew = draw_latent(generator, n, inputs.rng)
    assert parts is not None and latent is not None and anew is not None
    anew[:, parts["red"]] = latent[:, parts["red"]]
    device = next(generator.parameters()).device
    first, second = (
        stacks_of(render(generator, inputs.generated.spec, z, n, device=device))[1] for z in (latent, anew)
    )
    return first, second[:, 1:]


def known(numbers: NDArray[np.floating]) -> NDArray[np.floating]:
    """Those that are numbers."""
    return numbers[np.isfinite(numbers)]


def mean_of(numbers: NDArray[np.floating]) -> float:
    """Their mean over the cells where there is one."""
    there = known(numbers)
    return float(there.mean()) if len(there) else 0.0
