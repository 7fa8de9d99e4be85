"""What a checkpoint holds of a state: its tensors, or copies of them that no training changes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from gantk.training.loop import State


@dataclass
class Held:
    """What a state holds: the tensors themselves (`held_by`), or copies of them that no training changes (`copied`).

    Args:
        step: how many steps were done.
        restorations: see `gantk.training.loop.State`.
        tensors: group ("generator", "critic", "ema", "loss") to name to tensor.
        optimizers: side to the optimiser's `state_dict`.
    """

    step: int
    restorations: list[dict[str, Any]]
    tensors: dict[str, dict[str, torch.Tensor]]
    optimizers: dict[str, dict[str, Any]]

    def copied(self) -> Held:
        """The same in memory of its own, on the CPU."""

        def copy(value: Any) -> Any:
            return value.detach().to("cpu", copy=True) if isinstance(value, torch.Tensor) else deepcopy(value)

        return Held(
            self.step,
            deepcopy(self.restorations),
            {group: {name: copy(value) for name, value in each.items()} for group, each in self.tensors.items()},
            {
                side: {
                    "param_groups": deepcopy(saved["param_groups"]),
                    "state": {
                        number: {name: copy(value) for name, value in values.items()}
                        for number, values in saved["state"].items()
                    },
                }
                for side, saved in self.optimizers.items()
            },
        )

    def non_finite(self) -> list[str]:
        """Names of the parameters and buffers that hold a NaN or an infinity: that is no good checkpoint."""
        tensors = [
            (f"{group}.{name}", value)
            for group, each in self.tensors.items()
            for name, value in each.items()
            if value.is_floating_point()
        ]
        sums = torch.stack([value.sum(dtype=torch.float64) for _, value in tensors]).tolist()  # on the device
        return [name for (name, _), total in zip(tensors, sums, strict=True) if not np.isfinite(total)]


def held_by(state: State) -> Held:
    """All that a checkpoint of this state holds; nothing is copied."""
    return Held(
        state.step,
        state.restorations,
        {group: dict(module.state_dict()) for group, module in modules_of(state).items()},
        {side: optimizer.state_dict() for side, optimizer in optimizers_of(state).items()},
    )


def modules_of(state: State) -> dict[str, nn.Module]:
    """The modules of a state under the names of their groups."""
    named = {"generator": state.generator, "critic": state.critic, "ema": state.ema, "loss": state.loss}
    return {name: module for name, module in named.items() if module is not None}


def optimizers_of(state: State) -> dict[str, torch.optim.Optimizer]:
    """The optimisers of a state under the names of their sides."""
    named = {"generator": state.generator_optimizer, "critic": state.critic_optimizer}
    return {name: optimizer for name, optimizer in named.items() if optimizer is not None}
