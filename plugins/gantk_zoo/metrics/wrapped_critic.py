"""The critic that a loss of the zoo wrapped, and real samples with their classes: what its metrics look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from gantk.data import take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Samples
from gantk.sampling import evaluating

Critic = TypeVar("Critic", bound=nn.Module)


def critic_and_splits(
    inputs: MetricInput,
    kind: type[Critic],
    metric: str,
    wanted: str,
    *,
    most: int | None = None,
    rng: torch.Generator | None = None,
) -> tuple[Critic, Samples, Samples]:
    """The critic within the run's, training samples and all held-out ones, both with labels.

    Args:
        inputs: of the metric.
        kind: the class of the critic.
        metric: who asks, for messages: "zoo/categories".
        wanted: what it asks for and which loss has it: "categories: take the loss zoo/catgan".
        most: training samples at most; None: all.
        rng: chooses them, and orders both; None: as they come.

    Raises:
        DoesNotFit: there is no such critic, or there are no labels.
    """
    net = inputs.nets.get("critic")
    critic = next((each for each in net.modules() if isinstance(each, kind)), None) if net else None
    if critic is None:
        raise DoesNotFit(f"{metric} asks for the critic's {wanted}")
    train = take(inputs.train, len(inputs.train) if most is None else most, rng)
    test = take(inputs.test, len(inputs.test), rng)
    if train.labels is None or test.labels is None or not len(test):
        raise DoesNotFit(f"{metric} needs training and test samples with labels")
    return critic, train, test


def likeliest(critic: nn.Module, scores: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    """The class with the highest score of each sample, (N,), on the CPU.

    Args:
        critic: put into evaluation mode for it.
        scores: of the critic: (B, …) to (B, classes).
        samples: (N, …).
    """
    at = next(critic.parameters()).device
    with evaluating(critic):
        return torch.cat([scores(part.to(at)).argmax(1).cpu() for part in samples.split(256)])
