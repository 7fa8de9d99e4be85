"""Gradients of scores with respect to samples, one per unit: what penalties are made of."""

import torch
from torch import Tensor

from gantk.play import Play
from gantk_basics.slopes import ConstantSlopes


def leaf(samples: Tensor) -> Tensor:
    """The same samples as a leaf that requires grad, in float32 at least.

    Args:
        samples: of any shape.
    """
    return samples.detach().to(torch.promote_types(samples.dtype, torch.float32)).requires_grad_()


def unit_gradients(play: Play, samples: Tensor, scores: Tensor | None = None) -> Tensor:
    """Gradient of each unit's own scores with respect to that unit, flattened: (B, *units, D), differentiable.

    Scores are summed first, which is exact as long as a unit's score depends on that unit of that sample alone. All
    is computed without automatic mixed precision, whose rounding a second derivative does not bear.

    Args:
        play: knows the critic.
        samples: (B, *spec.shape), requires grad.
        scores: (B, *units, *patches) of these samples, where they have been computed in full precision already.
    """
    with torch.autocast(play.device.type, enabled=False):
        if scores is None:
            with ConstantSlopes():
                scores = play.score(samples, compiled=False)
        (gradient,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)  # (B, *units, *own)
    return gradient.flatten(1 + play.spec.unit_axes)
