"""State: all that training changes; and its tensors, or copies of them, as a checkpoint stores them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from gantk.interfaces import Loss


@dataclass
class Held:
    """What a state holds: the tensors themselves (`held_by`), or copies of them that no training changes (`copied`).

    Args:
        step: how many steps were done.
        restorations: see `gantk.training.state.State`.
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


@dataclass
class State:
    """All that training changes, which is all that a checkpoint holds.

    Args:
        generator: the prepared generator, or None where only a critic is trained.
        critic: the prepared critic, or None where only a generator is trained.
        loss: the loss; its submodules `with_generator` and `with_critic` belong to the sides.
        ema: the exponential moving average of the generator, or None.
        generator_optimizer: over `generator_side`; None where there is no generator.
        critic_optimizer: over `critic_side`; None where there is no critic.
        step: how many steps are done.
        restorations: one entry for each time that training diverged and went on from an earlier state: the `step` it
            went back to, where it `diverged_at`, the `cause`, the `rate` since then.
    """

    generator: nn.Module | None
    critic: nn.Module | None
    loss: Loss
    ema: nn.Module | None
    generator_optimizer: torch.optim.Optimizer | None
    critic_optimizer: torch.optim.Optimizer | None
    step: int = 0
    restorations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """The factor on both learning rates: 1, and less after a restoration."""
        return self.restorations[-1]["rate"] if self.restorations else 1.0

    def sampled(self) -> nn.Module | None:
        """The generator that samples are drawn from: the average where there is one."""
        return self.ema if self.ema is not None else self.generator


def trainable_parameters(
    net: nn.Module | None, loss: Loss, name: Literal["with_generator", "with_critic"]
) -> list[nn.Parameter]:
    """The parameters that train with one side: the net's own and those the loss adds, but not those frozen for good."""
    modules = [module for module in (net, getattr(loss, name, None)) if module is not None]
    return [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]


def require_grad_only(trained: list[nn.Parameter], frozen: list[nn.Parameter]) -> None:
    """Sets `requires_grad` for the parameters of one side, and clears it for those of the other."""
    for parameter in trained:
        parameter.requires_grad_(True)
    for parameter in frozen:
        parameter.requires_grad_(False)
