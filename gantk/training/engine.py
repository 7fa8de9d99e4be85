"""How the gradients of an update are computed: eagerly, or by replaying a CUDA graph. One mathematics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gantk.interfaces.play import Play

Terms = Callable[[Play], dict[str, Tensor]]


class Eager:
    """Computes terms and gradients eagerly.

    Args:
        precision: "bfloat16" computes the nets under autocast.
    """

    def __init__(self, precision: str = "float32"):
        self.precision = precision

    def gradients(self, play: Play, terms_of: Terms, trained: list[nn.Parameter]) -> dict[str, Tensor]:
        """The terms of an update; the gradients of their sum are left in the `grad` of the trained parameters.

        Args:
            play: the update.
            terms_of: the loss of its side.
            trained: the parameters of its side.
        """
        for parameter in trained:
            parameter.grad = None
        with torch.autocast(play.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
            terms = terms_of(play)
        torch.stack(tuple(terms.values())).sum().backward(inputs=trained)  # none is spent on gradients of samples
        return {name: value.detach() for name, value in terms.items()}


def gradient_norm(parameters: list[nn.Parameter], clip: float | None = None) -> Tensor:
    """The Euclidean norm of all gradients together, a scalar on the device; they are scaled down to `clip` beyond it.

    Where the norm is not finite, neither are the gradients afterwards: divergence stays visible.
    """
    if clip is not None:
        return nn.utils.clip_grad_norm_(parameters, clip)
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros((), device=parameters[0].device if parameters else None)
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
