"""Metric `dependence`: does green depend on red as it does in real cells?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from weakref import WeakKeyDictionary

import numpy as np
import torch
from annotated_types import Ge
from gantk_basics.metrics.intervals import redrawn, wilson
from numpy.typing import NDArray
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Metric, MetricInput, Value
from gantk_cells.metrics.pairs import Pairs, pairs_in, pairs_of
from gantk_cells.segmentation import RED_STATES, inside, red_state
from gantk_cells.stack import shows_growth_zones


class Dependence(Metric):
    """Red–green correlation inside the cell for each protein, and of fission yeast the share of cells in each state.

    The correlation is Pearson's over the pixels of one cell, averaged over cells. States are those of the growth zones
    of fission yeast, which Bgs4 marks: one end, two, or a band across the middle of a cell that lies along x. Inside
    and state come from the image alone, by the same rules for generated and real (`gantk_cells.segmentation`). A cell's
    state is counted once for each of its pairs.

    Args:
        samples: how many generated samples are measured.
        images: how many real test pairs, at most.
        states: whether to tell the states; null does where the first channel is called Bgs4, as in LIN.
    """

    def __init__(
        self,
        *,
        samples: Annotated[int, Ge(1)] = 500,
        images: Annotated[int, Ge(1)] = 3000,
        states: bool | None = None,
    ):
        self.samples = samples
        self.images = images
        self.states = states
        self._real: WeakKeyDictionary[Dataset, dict[str, Measured]] = WeakKeyDictionary()

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """`correlation_difference` (the largest), of states `state_ratio` (the worst), then each correlation and share.

        Raises:
            DoesNotFit: a sample does not have exactly two channels.
        """
        if inputs.test not in self._real:
            self._real[inputs.test] = measure(pairs_in(inputs.test, self.images, torch.Generator().manual_seed(0)))
        real, made = self._real[inputs.test], measure(pairs_of(inputs.generated))
        if set(made) != set(real):  # generated pairs without labels are compared as a whole
            real, made = {"all": Measured.joined(real)}, {"all": Measured.joined(made)}
        note = f"{inputs.test.spec.origin}, held out"
        correlations = {
            name: Value(
                made[name].correlation(),
                "near",
                real[name].correlation(),
                note,
                len(made[name]),
                len(real[name]),
                *made[name].interval(inputs.rng),
            )
            for name in real
        }
        every, all_real = Measured.joined(made), Measured.joined(real)
        n = len(every), len(all_real)
        difference = max(abs(value.value - (value.reference or 0)) for value in correlations.values())
        values = {"correlation_difference": Value(difference, "lower", 0.0, "largest over proteins", *n)}
        if not (shows_growth_zones(inputs.test.spec) if self.states is None else self.states):
            return values | {f"correlation_{name}": value for name, value in correlations.items()}
        states, worst = {}, 1.0
        for state, share, usual in zip(RED_STATES, every.shares(), all_real.shares(), strict=True):
            said = f"; ratio {share / usual:.2f}" if usual else "; no real cell is in this state"
            interval = wilson(share, n[0]) if n[0] else (None, None)
            states[f"share_{state.replace(' ', '_')}"] = Value(share, "near", usual, note + said, *n, *interval)
            least = 0.5 / max(min(n), 1)  # a share of none is read as half a cell of the fewer, so that a ratio exists
            ratio = max(share, least) / max(usual, least)
            worst = max(worst, ratio, 1 / ratio)
        values["state_ratio"] = Value(worst, "lower", 1.0, "worst of the three states, either way", *n)
        return values | {f"correlation_{name}": value for name, value in correlations.items()} | states


class Measured:
    """What was measured on some pairs: `correlations` (N,), NaN where there is no cell, and `states` (N,)."""

    def __init__(self, correlations: NDArray[np.floating], states: NDArray[np.int64]):
        self.correlations = correlations
        self.states = states

    def __len__(self) -> int:
        return len(self.states)

    def correlation(self) -> float:
        """Mean correlation over the cells; 0 where there is none to measure."""
        known = self.correlations[np.isfinite(self.correlations)]
        return float(known.mean()) if len(known) else 0.0

    def interval(self, rng: torch.Generator) -> tuple[float | None, float | None]:
        """The 95 % bootstrap interval of `correlation`."""
        known = self.correlations[np.isfinite(self.correlations)]
        return redrawn([torch.from_numpy(known)], rng) if len(known) else (None, None)

    def shares(self) -> list[float]:
        """Share of each of `RED_STATES`."""
        return (np.bincount(self.states, minlength=len(RED_STATES)) / max(len(self), 1)).tolist()

    @staticmethod
    def joined(parts: Mapping[str, Measured]) -> Measured:
        """All of them together."""
        return Measured(
            np.concatenate([part.correlations for part in parts.values()]),
            np.concatenate([part.states for part in parts.values()]),
        )


def measure(pairs: Pairs) -> dict[str, Measured]:
    """Correlations and states of the pairs of each protein; "all" where the protein is not known.

    Raises:
        DoesNotFit: a sample does not have exactly two channels.
    """
    if pairs.images.shape[1] != 2:
        count = pairs.images.shape[1]
        raise DoesNotFit(
            "dependence compares a red with a green channel, but these samples have "
            + (f"{count} channels; choose two: data.channels=[0, 1]" if count > 1 else "one")
        )
    return {name: _measure(images) for name, images in pairs.groups()}


def _measure(images: Tensor) -> Measured:
    correlations, states = [], []
    for part in images.split(512):
        bright = (part.float().cpu().numpy() + 1) / 2  # −1…1 to 0…1
        cell = inside(bright)
        correlations.append(correlation(bright[:, 0], bright[:, 1], cell))
        states.append(red_state(bright[:, 0], cell))
    empty = np.empty(0)
    return Measured(np.concatenate([empty, *correlations]), np.concatenate([empty.astype(np.int64), *states]))


def correlation(
    red: NDArray[np.floating], green: NDArray[np.floating], cell: NDArray[np.bool_]
) -> NDArray[np.floating]:
    """Pearson's correlation of two channels over the pixels inside each cell.

    Args:
        red: (N, H, W).
        green: (N, H, W).
        cell: inside, (N, H, W).

    Returns:
        (N,); NaN where a channel does not vary inside the cell.
    """
    pixels = np.maximum(cell.sum(axis=(1, 2), keepdims=True), 1)
    first, second = (
        (values - (values * cell).sum(axis=(1, 2), keepdims=True) / pixels) * cell for values in (red, green)
    )
    spread = np.sqrt((first**2).sum(axis=(1, 2)) * (second**2).sum(axis=(1, 2)))
    together = (first * second).sum(axis=(1, 2))
    return np.where(spread > 1e-6, together / np.maximum(spread, 1e-6), np.nan)
