"""Steps of torch's optimisers as functions of weights and gradients, so that they can be differentiated."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from gantk_basics import optimizers
from torch import Tensor

from gantk.errors import DoesNotFit

State = dict[str, Any]
Group = Mapping[str, Any]
Step = Callable[[Tensor, Tensor, State, Group], tuple[Tensor, State]]
"""Weight, gradient, state and settings of its group, to the new weight and state. Nothing is changed in place."""


def root(values: Tensor) -> Tensor:
    """√v, whose slope at 0 counts as 0: a weight that never had a gradient otherwise makes NaNs of all.

    Args:
        values: 0 or more.
    """
    known = values > 0
    return torch.where(known, values, 1).sqrt() * known


def adam(weight: Tensor, gradient: Tensor, state: State, group: Group) -> tuple[Tensor, State]:
    """`torch.optim.Adam` (Kingma & Ba 2015, algorithm 1), with weight decay and AMSGrad.

    Args:
        weight: before.
        gradient: of the loss, with graph.
        state: `step`, `exp_avg`, `exp_avg_sq`, or empty before the first step.
        group: `lr`, `betas`, `eps`, `weight_decay`, perhaps `amsgrad`.
    """
    return _adam(weight, gradient + group["weight_decay"] * weight, state, group)


def adamw(weight: Tensor, gradient: Tensor, state: State, group: Group) -> tuple[Tensor, State]:
    """`torch.optim.AdamW` (Loshchilov & Hutter 2019, algorithm 2).

    Args:
        weight: before.
        gradient: of the loss, with graph.
        state: as of `adam`.
        group: as of `adam`.
    """
    return _adam(weight * (1 - group["lr"] * group["weight_decay"]), gradient, state, group)


def _adam(weight: Tensor, gradient: Tensor, state: State, group: Group) -> tuple[Tensor, State]:
    zeros = torch.zeros_like(weight)
    (first, second), step = group["betas"], float(state.get("step", 0)) + 1
    mean = first * state.get("exp_avg", zeros) + (1 - first) * gradient
    square = second * state.get("exp_avg_sq", zeros) + (1 - second) * gradient.square()
    kept: State = {"step": step, "exp_avg": mean, "exp_avg_sq": square}
    if group.get("amsgrad"):
        kept["max_exp_avg_sq"] = square = torch.maximum(state.get("max_exp_avg_sq", zeros), square)
    size = root(square) / (1 - second**step) ** 0.5 + group["eps"]
    return weight - group["lr"] / (1 - first**step) * mean / size, kept


def rmsprop(weight: Tensor, gradient: Tensor, state: State, group: Group) -> tuple[Tensor, State]:
    """`torch.optim.RMSprop` (Hinton 2012), with weight decay and momentum, not centred.

    Args:
        weight: before.
        gradient: of the loss, with graph.
        state: `square_avg`, perhaps `momentum_buffer`, or empty before the first step.
        group: `lr`, `alpha`, `eps`, `weight_decay`, `momentum`.
    """
    zeros = torch.zeros_like(weight)
    gradient = gradient + group["weight_decay"] * weight
    square = group["alpha"] * state.get("square_avg", zeros) + (1 - group["alpha"]) * gradient.square()
    moved = gradient / (root(square) + group["eps"])
    kept: State = {"square_avg": square}
    if group["momentum"] > 0:
        kept["momentum_buffer"] = moved = group["momentum"] * state.get("momentum_buffer", zeros) + moved
    return weight - group["lr"] * moved, kept


def sgd(weight: Tensor, gradient: Tensor, state: State, group: Group) -> tuple[Tensor, State]:
    """`torch.optim.SGD`, with weight decay and momentum, without dampening.

    Args:
        weight: before.
        gradient: of the loss, with graph.
        state: perhaps `momentum_buffer`.
        group: `lr`, `weight_decay`, `momentum`.
    """
    gradient = gradient + group["weight_decay"] * weight
    if group["momentum"] == 0:
        return weight - group["lr"] * gradient, {}
    before = state.get("momentum_buffer")
    moved = gradient if before is None else group["momentum"] * before + gradient
    return weight - group["lr"] * moved, {"momentum_buffer": moved}


STEPS: Mapping[type[torch.optim.Optimizer], Step] = {
    **dict.fromkeys((torch.optim.Adam, optimizers.Adam), adam),
    **dict.fromkeys((torch.optim.AdamW, optimizers.AdamW), adamw),
    **dict.fromkeys((torch.optim.RMSprop, optimizers.RMSprop), rmsprop),
    **dict.fromkeys((torch.optim.SGD, optimizers.SGD), sgd),
}
UNKNOWN = {"centered": False, "nesterov": False, "dampening": 0, "maximize": False}
"""Settings that no optimiser of `basics` has, and their values without them."""


class Steps:
    """The steps that an optimiser would take next, on weights of their own: it is not changed.

    Args:
        optimizer: with its state, rates and moments as they are now.
        weights: those that are stepped, which it knows.

    Raises:
        DoesNotFit: no such steps are known here.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, weights: Sequence[Tensor]):
        kind = type(optimizer)
        if kind not in STEPS or any(
            group.get(name, usual) != usual for group in optimizer.param_groups for name, usual in UNKNOWN.items()
        ):
            raise DoesNotFit(
                f"zoo/unrolled takes the critic's optimiser through its next steps, and does not know those of "
                f"{kind.__name__} with these settings: take basics/adam, basics/adamw, basics/rmsprop or basics/sgd"
            )
        self.step_of = STEPS[kind]
        of_weight = {id(weight): group for group in optimizer.param_groups for weight in group["params"]}
        self.groups = [of_weight[id(weight)] for weight in weights]
        self.states = [
            {name: value.clone() if isinstance(value, Tensor) else value for name, value in kept.items()}
            for kept in (optimizer.state.get(weight, {}) for weight in weights)
        ]

    def __call__(self, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
        """The weights after one step more.

        Args:
            weights: as the last step left them.
            gradients: of the loss at these weights.
        """
        stepped = [self.step_of(*each) for each in zip(weights, gradients, self.states, self.groups, strict=True)]
        self.states = [state for _, state in stepped]
        return [weight for weight, _ in stepped]
