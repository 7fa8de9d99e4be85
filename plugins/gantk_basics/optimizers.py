"""The optimisers of torch under their usual names, fused where the device allows it."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from gantk.components import Fixed
from gantk.machine import leave_compiler_unloaded

leave_compiler_unloaded()

Rate = Annotated[float, Gt(0)]
Betas = tuple[Annotated[float, Interval(ge=0, lt=1)], Annotated[float, Interval(ge=0, lt=1)]]
NotNegative = Annotated[float, Ge(0)]


def _eager(step: Callable[..., Any]) -> Any:
    """The `step` of an optimiser of torch, which computes the same and leaves torch's compiler alone.

    torch wraps `step` to switch gradients off and to mark it for its compiler; for the mark it imports the compiler,
    which takes 2 processor seconds.
    """
    return torch.no_grad()(inspect.unwrap(step))


class Adam(torch.optim.Adam):
    """torch's, eager."""

    step = _eager(torch.optim.Adam.step)


class AdamW(torch.optim.AdamW):
    """torch's, eager."""

    step = _eager(torch.optim.AdamW.step)


class RMSprop(torch.optim.RMSprop):
    """torch's, eager."""

    step = _eager(torch.optim.RMSprop.step)


class SGD(torch.optim.SGD):
    """torch's, eager."""

    step = _eager(torch.optim.SGD.step)


def _fused(parameters: list[Tensor]) -> bool | None:
    """Whether one kernel updates all weights: None leaves the choice to torch."""
    fits = all(weight.device.type in ("cpu", "cuda") and weight.is_floating_point() for weight in parameters)
    return True if fits and parameters else None


def adam(
    parameters: Iterable[Tensor],
    *,
    lr: Rate = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: NotNegative = 1e-8,
    weight_decay: NotNegative = 0.0,
    amsgrad: bool = False,
) -> Adam:
    """Adam (Kingma & Ba 2015, algorithm 1).

    Args:
        parameters: the weights to train.
        lr: learning rate.
        betas: decay rates of the mean and of the mean square of gradients, each in [0, 1).
        eps: added to the root of the mean square.
        weight_decay: weight of an L2 term added to the gradient.
        amsgrad: divides by the greatest mean square so far, so that steps never grow again (Reddi et al. 2018,
            algorithm 2).
    """
    weights = list(parameters)
    return Adam(weights, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, fused=_fused(weights))


def adamw(
    parameters: Iterable[Tensor],
    *,
    lr: Rate = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: NotNegative = 1e-8,
    weight_decay: NotNegative = 0.01,
) -> AdamW:
    """Adam whose weight decay does not pass through the moments (Loshchilov & Hutter 2019, algorithm 2).

    Args:
        parameters: the weights to train.
        lr: learning rate.
        betas: decay rates of the mean and of the mean square of gradients, each in [0, 1).
        eps: added to the root of the mean square.
        weight_decay: share of each weight, times lr, that is taken off at every update.
    """
    weights = list(parameters)
    return AdamW(weights, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=_fused(weights))


def rmsprop(
    parameters: Iterable[Tensor],
    *,
    lr: Rate = 1e-2,
    alpha: Annotated[float, Interval(ge=0, lt=1)] = 0.99,
    eps: NotNegative = 1e-8,
    weight_decay: NotNegative = 0.0,
    momentum: Annotated[NotNegative, Fixed("torch sets up its memory of updates by it")] = 0.0,
) -> RMSprop:
    """RMSprop (Hinton 2012, lecture 6).

    Args:
        parameters: the weights to train.
        lr: learning rate.
        alpha: decay rate of the mean square of gradients, in [0, 1).
        eps: added to the root of the mean square.
        weight_decay: weight of an L2 term added to the gradient.
        momentum: share of the last update that is kept.
    """
    return RMSprop(list(parameters), lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum)


def sgd(
    parameters: Iterable[Tensor],
    *,
    lr: Rate = 1e-2,
    momentum: NotNegative = 0.0,
    weight_decay: NotNegative = 0.0,
) -> SGD:
    """Stochastic gradient descent, with momentum on request.

    Args:
        parameters: the weights to train.
        lr: learning rate.
        momentum: share of the last update that is kept.
        weight_decay: weight of an L2 term added to the gradient.
    """
    weights = list(parameters)
    return SGD(weights, lr=lr, momentum=momentum, weight_decay=weight_decay, fused=_fused(weights))
