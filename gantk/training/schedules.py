"""Schedules: the numbers of a loss and of the optimisers at a step, which are functions of the step alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor

from gantk.components.carried import Carried, carried_by

if TYPE_CHECKING:
    from gantk.training.settings import TrainSettings
    from gantk.training.state import State


def rate_factor(schedule: str, step: int, steps: int) -> float:
    """What the learning rates are multiplied with at `step` of `steps`: 1 at the start, towards 0 unless constant.

    "tail" stays at 1 for the first half of the run and then falls linearly.
    """
    done = step / steps
    if schedule == "linear":
        return 1 - done
    if schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if schedule == "tail":
        return min(1.0, 2 * (1 - done))
    return 1.0


class NumbersByStep:
    """The numbers of a state that change over the run.

    Args:
        state: whose loss and optimisers they are.
        settings: say how long the run is, and what `train.schedule` does to both rates.
    """

    def __init__(self, state: State, settings: TrainSettings):
        self.state = state
        self.settings = settings
        optimizers = [each for each in (state.generator_optimizer, state.critic_optimizer) if each is not None]
        self.groups = [
            (group, carried, group.setdefault("initial_lr", group["lr"]))
            for optimizer in optimizers
            for group, carried in zip(optimizer.param_groups, carried_by(optimizer), strict=True)
        ]
        self.of_losses: list[tuple[object, str, Carried]] = [
            (module, name, carried) for module in state.loss.modules() for name, carried in carried_by(module).items()
        ]

    def set(self, step: int) -> None:
        """Gives the loss, those within it and the optimisers what they have in this step."""
        span = self.settings.span
        for group, carried, base_rate in self.groups:
            now = {name: each.at(step, span) for name, each in carried.items()}
            group.update(now)
            rate = now["lr"] if "lr" in now else base_rate * self.settings.rate_factor(step)
            group["lr"] = rate * self.state.rate
        for module, name, each in self.of_losses:
            kept = getattr(module, name)
            if isinstance(kept, Tensor):
                kept.fill_(each.at(step, span))
            else:
                setattr(module, name, each.at(step, span))
