"""Gradients of scores with respect to samples, and their norms per unit: for gradient penalties."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from gantk.autograd.second_order import SecondOrder
from gantk.interfaces.play import Play


def leaf(samples: Tensor) -> Tensor:
    """The same samples as a leaf that requires grad, in float32 at least.

    Args:
        samples: of any shape.
    """
    return samples.detach().to(torch.promote_types(samples.dtype, torch.float32)).requires_grad_()


def unit_gradient_norms(play: Play, samples: Tensor) -> tuple[Tensor, Tensor]:
    """The scores, and the Euclidean norm of the gradient of each unit's own score: (B, *units), differentiable.

    Scores are summed first, which is exact as long as a unit's score depends on that unit of that sample alone. All is
    computed without automatic mixed precision, whose rounding a second derivative does not bear.

    Args:
        play: knows the critic.
        samples: (B, *spec.shape), requires grad.
    """
    with torch.autocast(play.device.type, enabled=False):
        with SecondOrder() as second_order:
            scores = play.score(samples)  # (B, *units, *patches)
        gradient = second_order.gradient(scores, samples)  # (B, *units, *own)
        return scores, VectorNorm.apply(gradient, len(play.spec.own_shape))


class VectorNorm(Function):
    """values, n → their Euclidean norm over the last n axes. Its gradient at 0 is 0.

    It is `torch.linalg.vector_norm`, which needs three passes over the values in its derivative; here it is one.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, axes: int) -> Tensor:
        norms = torch.linalg.vector_norm(values, dim=tuple(range(-axes, 0)))
        ctx.save_for_backward(values, norms)
        ctx.axes = axes
        return norms

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        values, norms = ctx.saved_tensors
        shares = (grad_output / norms).masked_fill(norms == 0, 0)
        return values * shares.reshape(*shares.shape, *[1] * ctx.axes), None
