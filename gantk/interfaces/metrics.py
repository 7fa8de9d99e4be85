"""Metric and Objective: what measures samples, and the values that they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from gantk.plugin import interface

if TYPE_CHECKING:  # what a run ended with is compared without torch
    import torch
    from torch import Tensor, nn

    from gantk.interfaces.dataset import Dataset, Samples


@dataclass(frozen=True)
class Value:
    """One number that a metric found, and how to read it.

    Args:
        value: the number.
        better: "higher", "lower", "near" (near `reference` is best), or None where there is no better.
        reference: what real data give for the same number, or what chance gives; None where there is none.
        note: a few words beside it in the table: "real test", "expected by chance".
        n: how many generated samples the number rests on; None where it rests on none, or where that is not said.
        n_reference: how many real samples the reference rests on.
        low: lower end of the 95 % confidence interval of the number; None where it is not known.
        high: its upper end.
    """

    value: float
    better: Literal["higher", "lower", "near"] | None = None
    reference: float | None = None
    note: str = ""
    n: int | None = None
    n_reference: int | None = None
    low: float | None = None
    high: float | None = None


@interface("metric")
class Metric(Protocol):
    """Generated against real: built as `Component(*, …)`.

    `samples` is how many generated samples it wants. `compute` returns numbers by name, in the order to print them;
    `rng` (CPU) is its only source of randomness. `nets` holds "generator" and "critic" where there are any.
    A metric may define `summary(values) -> str`, one readable line printed above its numbers, and `costly = True` where
    it takes minutes, so that it is computed only where somebody names it.
    """

    samples: int

    def compute(
        self,
        generated: Samples,
        train: Dataset,
        test: Dataset,
        *,
        rng: torch.Generator,
        nets: Mapping[str, nn.Module],
    ) -> dict[str, Value]: ...


@interface("objective")
class Objective(Protocol):
    """What designed samples are to have much of: built as `Component(spec, *, …)` by a command that designs.

    `differentiable` says whether gradients flow to soft samples. A command may supply more by name: scored `data` to
    learn from, a `seed`.
    """

    differentiable: bool

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B,), high for much of it."""
        ...
