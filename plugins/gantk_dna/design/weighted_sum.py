"""What is designed for: the weighted sum of objectives, and the part of the data that each learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gantk import randomness
from gantk.components import component
from gantk.data import first_of_each
from gantk.interfaces import Batch, Dataset, Objective, overrides


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What may stand beside `use` in an entry of `objectives`.

    Args:
        goal: max, min, or a number to come near to.
        weight: what the objective is multiplied with in the sum that is maximised.
    """

    goal: Literal["max", "min"] | float = "max"
    weight: float = 1.0


class Part:
    """Some of the samples of a data set.

    Args:
        whole: the data set.
        indices: (n,) int64, which of its samples.
    """

    def __init__(self, whole: Dataset, indices: Tensor):
        self.whole = whole
        self.indices = indices
        self.spec = whole.spec

    def __len__(self) -> int:
        return len(self.indices)

    def to(self, device: torch.device) -> Part:
        """The same part, on the device."""
        return Part(self.whole.to(device), self.indices)

    def batch(self, indices: Tensor, rng: torch.Generator | None) -> Batch:
        """The samples of these numbers within the part."""
        return self.whole.batch(self.indices[indices], rng)


class Objectives:
    """The weighted sum of objectives by their goals: what is maximised.

    Args:
        entries: as the recipe has them.
        seed: of their weights.
        supplied: what gantk supplies to them by name; data of None where their nets have learned already.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]], seed: int, **supplied: Any):
        self.terms: list[tuple[Objective, Any, float]] = []
        with torch.random.fork_rng(devices=[]):
            for number, entry in enumerate(entries):
                torch.manual_seed(randomness.derive(seed, f"objective {number}"))
                own = {name: value for name, value in entry.items() if name not in ("goal", "weight")}
                objective = component("objective", own, seed=seed, **supplied)
                self.terms.append((objective, entry["goal"], entry["weight"]))

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, 4 + annotation, L) to (B,)."""
        total = samples.new_zeros(len(samples))
        for objective, goal, weight in self.terms:
            total = total + weighted(objective(samples), goal, weight)
        return total

    @property
    def differentiable(self) -> bool:
        """Whether all of them give gradients."""
        return all(objective.differentiable for objective, _, _ in self.terms)

    @property
    def learned(self) -> bool:
        """Whether any of them was trained on the data."""
        return any(overrides(objective, Objective.quality) for objective, _, _ in self.terms)

    @property
    def nets(self) -> dict[str, nn.Module]:
        """The nets of those that learn, by their numbers."""
        return {
            str(number): objective.net
            for number, (objective, _, _) in enumerate(self.terms)
            if objective.net is not None
        }

    def quality(self, data: Dataset) -> dict[str, float]:
        """How well those that were trained predict held-out scores, by number and name."""
        return {
            f"{number}.{name}": value
            for number, (objective, _, _) in enumerate(self.terms)
            for name, value in objective.quality(data).items()
        }

    def measured(self, scores: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """What is maximised, of scores that the data state, -∞ where these are NaN; None unless the only objective
        learns them.

        Args:
            scores: (N,).
        """
        if not len(scores) or np.isnan(scores).all() or len(self.terms) != 1 or not self.learned:
            return None
        _, goal, weight = self.terms[0]
        found = weighted(torch.from_numpy(scores), goal, weight).numpy()
        return np.where(np.isnan(found), -np.inf, found)

    def error(self, data: Dataset) -> float | None:
        """By how much the only objective is wrong of scores that the data state, root mean square; None without."""
        scores = data.batch(torch.arange(len(data)), None).truth.get("score") if len(data) else None
        if scores is None or len(self.terms) != 1 or not self.learned:
            return None
        _, goal, weight = self.terms[0]
        with torch.no_grad():
            parts = torch.arange(len(data)).split(512)
            said = torch.cat([self(data.batch(part, None).samples) for part in parts])
        return float((said - weighted(scores, goal, weight)).double().square().mean().sqrt())


def weighted(found: Tensor, goal: str | float, weight: float) -> Tensor:
    """What is maximised, from what an objective says: (B,) to (B,).

    Args:
        found: of each sample.
        goal: "max", "min", or a number to come near to.
        weight: what it is multiplied with.
    """
    if isinstance(goal, str):
        return weight * (found if goal == "max" else -found)
    return -weight * (found - goal).abs()


def halves(dataset: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Two parts of a data set at random, of equal size; what counts more than once stands in one of them, once."""
    each = first_of_each(dataset)
    order = each[torch.randperm(len(each), generator=randomness.generator(seed, "halves"))]
    return Part(dataset, order[: len(order) // 2]), Part(dataset, order[len(order) // 2 :])
