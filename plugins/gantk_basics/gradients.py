"""Gradients of scores with respect to samples, one per unit: what penalties are made of."""

import torch
from torch import Tensor

from gantk.play import Play
from gantk_basics.slopes import SecondOrder


def leaf(samples: Tensor) -> Tensor:
    """The same samples as a leaf that requires grad, in float32 at least.

    Args:
        samples: of any shape.
    """
    return samples.detach().to(torch.promote_types(samples.dtype, torch.float32)).requires_grad_()


def unit_gradients(play: Play, samples: Tensor) -> tuple[Tensor, Tensor]:
    """The scores, and the gradient of each unit's own scores with respect to that unit: (B, *units, D), differentiable.

    Scores are summed first, which is exact as long as a unit's score depends on that unit of that sample alone. All
    is computed without automatic mixed precision, whose rounding a second derivative does not bear.

    Args:
        play: knows the critic.
        samples: (B, *spec.shape), requires grad.
    """
    with torch.autocast(play.device.type, enabled=False):
        with SecondOrder() as second_order:
            scores = play.score(samples, compiled=False)  # (B, *units, *patches)
        gradient = second_order.slopes(scores, samples)  # (B, *units, *own)
    return scores, gradient.flatten(1 + play.spec.unit_axes)
