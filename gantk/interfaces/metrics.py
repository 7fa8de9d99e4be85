"""Metric and Objective: what measures samples, and the values that they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gantk.plugin import interface

if TYPE_CHECKING:  # what a run ended with is compared without torch
    import torch
    from PIL import Image
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


@dataclass(frozen=True)
class TrainingLog:
    """The terms that a run logged, step by step, up to the state that is evaluated.

    Args:
        steps: which steps, from 1, (T,).
        critic: term of the critic's loss to its value in each step's last update, (T,) each; empty without a critic.
        generator: the same of the generator's.
        indifferent: the critic's terms that compare real with fake, and what each of them is at a critic that tells
            nothing: `Loss.indifferent`, of all units together.
    """

    steps: Sequence[float]
    critic: Mapping[str, Sequence[float]]
    generator: Mapping[str, Sequence[float]]
    indifferent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricInput:
    """What a metric is given to compute from.

    Args:
        generated: samples of the generator, as many as the metric wants; none where there is no generator.
        train: the training split.
        test: the split to compare with: test, or validation where the numbers select a checkpoint.
        rng: on the CPU, the metric's only source of randomness.
        nets: "generator" and "critic", where there are any.
        log: reads the log of the run that is evaluated; None where there is no run (a file of samples).
    """

    generated: Samples
    train: Dataset
    test: Dataset
    rng: torch.Generator
    nets: Mapping[str, nn.Module] = field(default_factory=dict)
    log: Callable[[], TrainingLog] | None = None


@interface("metric")
class Metric:
    """Generated samples against real ones: built as `Component(*, …)`. Override `compute`, and what else you need."""

    samples: int = 0
    """How many generated samples it wants."""

    costly: bool = False
    """True where it takes minutes: then it is computed only where a recipe or command names it."""

    learns_classes: bool = False
    """True where it learns to tell the classes: by class, it is then given the training samples of all of them."""

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        """Numbers by name, in the order in which they are printed."""
        raise NotImplementedError

    def pictures(self, inputs: MetricInput) -> Mapping[str, Image.Image]:
        """Pictures by a name fit for a file (letters, digits, _ and -), called after `compute`; default: none.

        A run saves them in its folder `samples` as ENTRY.NAME.png, and its report shows them.

        Args:
            inputs: what `compute` was given; what that found may be kept on the metric until then.
        """
        return {}

    def summary(self, values: Mapping[str, Value]) -> str:
        """A readable line that is printed above the numbers; empty: none.

        Args:
            values: what `compute` returned.
        """
        return ""


@interface("objective")
class Objective:
    """What designed samples are to have much of: built as `Component(spec, *, …)` by a command that designs.

    A command may supply more by name: scored `data` to learn from, a `seed`.
    """

    differentiable: bool = False
    """Whether gradients flow from the scores to soft samples."""

    net: nn.Module | None = None
    """The net that it learnt to score with; None where it learns nothing."""

    def __call__(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B,), high for much of it."""
        raise NotImplementedError

    def quality(self, data: Dataset) -> dict[str, float]:
        """How well it predicts the scores of these samples, by name; empty where it learns nothing."""
        return {}
