"""Metric `dependence`: does green depend on red as it does in real cells?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from weakref import WeakKeyDictionary

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Samples, Value
from gantk_cells.metrics.pairs import Pairs, pairs_in, pairs_of
from gantk_cells.segmentation import RED_STATES, inside, red_state


class Dependence:
    """Red–green correlation inside the cell for each protein, and the share of cells in each state of the red channel.

    The correlation is Pearson's over the pixels of one cell, averaged over cells. States: one growing end, two, or a
    band across the middle. Inside and state come from the image alone, by the same rules for generated and real
    (`gantk_cells.segmentation`). A cell's state is counted once for each of its pairs.

    Args:
        samples: how many generated samples are measured.
        images: how many real test pairs, at most.
    """

    def __init__(self, *, samples: Annotated[int, Ge(1)] = 500, images: Annotated[int, Ge(1)] = 3000):
        self.samples = samples
        self.images = images
        self._real: WeakKeyDictionary[Dataset, dict[str, Measured]] = WeakKeyDictionary()

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]:
        """`correlation_difference` (the largest), `state_ratio` (the worst), then every correlation and share.

        Raises:
            DoesNotFit: a sample does not have exactly two channels.
        """
        if test not in self._real:
            self._real[test] = measure(pairs_in(test, self.images, torch.Generator().manual_seed(0)))
        real, made = self._real[test], measure(pairs_of(generated))
        if set(made) != set(real):  # generated pairs without labels are compared as a whole
            real, made = {"all": Measured.joined(real)}, {"all": Measured.joined(made)}
        note = f"{test.spec.origin}, held out"
        correlations = {name: Value(made[name].correlation(), "near", real[name].correlation(), note) for name in real}
        shares = zip(Measured.joined(made).shares(), Measured.joined(real).shares(), strict=True)
        states, worst = {}, 1.0
        for state, (share, usual) in zip(RED_STATES, shares, strict=True):
            states[f"share_{state.replace(' ', '_')}"] = Value(
                share, "near", usual, f"{note}; ratio {share / max(usual, 1e-9):.2f}"
            )
            least = 0.5 / len(Measured.joined(made))  # a share of none is read as half a cell, so that a ratio exists
            ratio = max(share, least) / max(usual, least)
            worst = max(worst, ratio, 1 / ratio)
        difference = max(abs(value.value - (value.reference or 0)) for value in correlations.values())
        return {
            "correlation_difference": Value(difference, "lower", 0.0, "largest over proteins"),
            "state_ratio": Value(worst, "lower", 1.0, "worst of the three states, either way"),
            **{f"correlation_{name}": value for name, value in correlations.items()},
            **states,
        }


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
        raise DoesNotFit(
            f"dependence compares a red with a green channel, but these samples have {pairs.images.shape[1]} channels; "
            "choose two: data.channels=[0, 1]"
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
