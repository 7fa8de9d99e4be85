"""Convolutions that may be differentiated any number of times, each time by operations of the same kind.

torch computes the second derivative of a convolution with respect to its weight as a convolution of the samples with a
kernel as large as they are, in a memory format that its libraries are slow at. Here it is what it is in the first
derivative. Karras et al. (StyleGAN2-ADA, 2020) replaced torch's convolutions for the same reason, on GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


@dataclass
class Kind:
    """What a convolution is beside its weight.

    Args:
        stride: along each axis.
        padding: along each axis, on both sides.
        dilation: along each axis.
        groups: of channels.
        weighed: whether backward passes compute what its weight and bias get, or the samples' part alone.
    """

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int
    weighed: bool = True

    def forward(self, samples: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(B, C, …) to (B, C', …)."""
        none = [0] * len(self.stride)
        given = (self.stride, self.padding, self.dilation, False, none, self.groups)
        return torch.ops.aten.convolution(samples, weight, bias, *given)

    def backward(self, slopes: Tensor, samples: Tensor, weight: Tensor, of: str) -> Tensor:
        """What the samples or the weight get from the slopes of the output.

        Of the one that is asked for, only shape and memory format count.

        Args:
            slopes: (B, C', …).
            samples: (B, C, …).
            weight: (C', C / groups, …).
            of: "samples" or "weight".
        """
        none, wanted = [0] * len(self.stride), [of == "samples", of == "weight", False]
        given = (self.stride, self.padding, self.dilation, False, none, self.groups)
        return torch.ops.aten.convolution_backward(slopes, samples, weight, None, *given, wanted)[int(of == "weight")]


class Convolved(Function):
    """samples, weight, bias → their convolution."""

    @staticmethod
    def forward(ctx: Any, samples: Tensor, weight: Tensor, bias: Tensor | None, kind: Kind) -> Tensor:
        ctx.save_for_backward(samples, weight)
        ctx.kind = kind
        return kind.forward(samples, weight, bias)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor | None, ...]:
        samples, weight = ctx.saved_tensors
        kind, (of_samples, of_weight, of_bias, _) = ctx.kind, ctx.needs_input_grad
        return (
            Slopes.apply(slopes, weight, samples.detach(), kind, "samples") if of_samples else None,
            Slopes.apply(slopes, samples, weight.detach(), kind, "weight") if of_weight and kind.weighed else None,
            slopes.sum([0, *range(2, slopes.dim())]) if of_bias and kind.weighed else None,
            None,
        )


class Slopes(Function):
    """slopes of the output, weight → slopes of the samples; or slopes of the output, samples → slopes of the weight.

    What is made has the shape and memory format of `like`.
    """

    @staticmethod
    def forward(ctx: Any, slopes: Tensor, other: Tensor, like: Tensor, kind: Kind, of: str) -> Tensor:
        ctx.save_for_backward(slopes, other)
        ctx.kind, ctx.of = kind, of
        samples, weight = (like, other) if of == "samples" else (other, like)
        return kind.backward(slopes, samples, weight, of)

    @staticmethod
    def backward(ctx: Any, made: Tensor) -> tuple[Tensor | None, ...]:
        slopes, other = ctx.saved_tensors
        of_slopes, of_other, *_ = ctx.needs_input_grad
        samples, weight, rest = (made, other, "weight") if ctx.of == "samples" else (other, made, "samples")
        return (
            Convolved.apply(samples, weight, None, ctx.kind) if of_slopes else None,
            Slopes.apply(slopes, made, other.detach(), ctx.kind, rest) if of_other else None,
            None,
            None,
            None,
        )
