"""Convolutions whose gradients are convolutions again, so that they can be differentiated any number of times.

torch computes the second derivative of a convolution with respect to its weight as a convolution of the samples with a
kernel as large as they are, in a memory format that its libraries are slow at. Here it is what it is in the first
derivative. Karras et al. (StyleGAN2-ADA, 2020) replaced torch's convolutions for the same reason, on GPUs.

What has few channels, as images do, leaves most lanes of a vector processor idle; see `upsampled`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

LANES = 16  # numbers in float32 that a vector register of AVX-512 holds


@dataclass
class ConvolutionKind:
    """What a convolution is beside its weight.

    Args:
        stride: along each axis.
        padding: along each axis, on both sides.
        dilation: along each axis.
        groups: of channels.
        needs_weight_grad: whether backward passes compute the gradients of weight and bias, or of the samples alone.
    """

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int
    needs_weight_grad: bool = True

    def forward(self, samples: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """(B, C, …) to (B, C', …)."""
        none = [0] * len(self.stride)
        given = (self.stride, self.padding, self.dilation, False, none, self.groups)
        return torch.ops.aten.convolution(samples, weight, bias, *given)

    def backward(self, grad_output: Tensor, samples: Tensor, weight: Tensor, of: str) -> Tensor:
        """The gradient with respect to the samples or to the weight, from that with respect to the output.

        Of the one that is asked for, only shape and memory format count.

        Args:
            grad_output: (B, C', …).
            samples: (B, C, …).
            weight: (C', C / groups, …).
            of: "samples" or "weight".
        """
        if of == "samples" and self.doubles(grad_output, samples, weight):
            return upsampled(grad_output, weight)
        none, wanted = [0] * len(self.stride), [of == "samples", of == "weight", False]
        given = (self.stride, self.padding, self.dilation, False, none, self.groups)
        both = torch.ops.aten.convolution_backward(grad_output, samples, weight, None, *given, wanted)[:2]
        return both[int(of == "weight")]

    def doubles(self, grad_output: Tensor, samples: Tensor, weight: Tensor) -> bool:
        """Whether `upsampled` makes the gradient with respect to the samples, and is fast at it."""
        return (
            (self.stride, self.padding, self.dilation, self.groups) == ([2, 2], [1, 1], [1, 1], 1)
            and weight.shape[2:] == (4, 4)
            and 4 * weight.shape[1] <= LANES
            and samples.shape[2:] == (2 * grad_output.shape[2], 2 * grad_output.shape[3])
            and grad_output.device.type == "cpu"
            and grad_output.is_contiguous(memory_format=torch.channels_last)
        )


class Convolution(Function):
    """samples, weight, bias → their convolution."""

    @staticmethod
    def forward(ctx: Any, samples: Tensor, weight: Tensor, bias: Tensor | None, kind: ConvolutionKind) -> Tensor:
        ctx.save_for_backward(samples, weight)
        ctx.kind = kind
        return kind.forward(samples, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        samples, weight = ctx.saved_tensors
        kind, (of_samples, of_weight, of_bias, _) = ctx.kind, ctx.needs_input_grad
        of_weight, of_bias = of_weight and kind.needs_weight_grad, of_bias and kind.needs_weight_grad
        gradient = ConvolutionGradient.apply
        return (
            gradient(grad_output, weight, samples.detach(), kind, "samples") if of_samples else None,
            gradient(grad_output, samples, weight.detach(), kind, "weight") if of_weight else None,
            grad_output.sum([0, *range(2, grad_output.dim())]) if of_bias else None,
            None,
        )


class ConvolutionGradient(Function):
    """The gradient of a convolution: from grad_output and weight that of the samples, from grad_output and samples
    that of the weight.

    What is made has the shape of `like`, and its memory format; what `upsampled` makes has channels last.
    """

    @staticmethod
    def forward(ctx: Any, grad_output: Tensor, other: Tensor, like: Tensor, kind: ConvolutionKind, of: str) -> Tensor:
        ctx.save_for_backward(grad_output, other)
        ctx.kind, ctx.of = kind, of
        samples, weight = (like, other) if of == "samples" else (other, like)
        return kind.backward(grad_output, samples, weight, of)

    @staticmethod
    def backward(ctx: Any, made: Tensor) -> tuple[Tensor | None, ...]:
        grad_output, other = ctx.saved_tensors
        of_grad_output, of_other, *_ = ctx.needs_input_grad
        samples, weight, rest = (made, other, "weight") if ctx.of == "samples" else (other, made, "samples")
        return (
            Convolution.apply(samples, weight, None, ctx.kind) if of_grad_output else None,
            ConvolutionGradient.apply(grad_output, made, other.detach(), ctx.kind, rest) if of_other else None,
            None,
            None,
            None,
        )


def upsampling(features: Tensor, weight: Tensor) -> Tensor:
    """`F.conv_transpose2d(features, weight, stride=2, padding=1)` of a 4 x 4 kernel, by `upsampled` where that is fast.

    Args:
        features: (B, C, h, w).
        weight: (C, C', 4, 4).
    """
    batch, _, height, width = features.shape
    made = features.new_empty(()).expand(batch, weight.shape[1], 2 * height, 2 * width)  # takes no memory
    kind = ConvolutionKind([2, 2], [1, 1], [1, 1], 1)
    if torch.compiler.is_compiling() or not kind.doubles(features, made, weight):
        return F.conv_transpose2d(features, weight, stride=2, padding=1)
    return ConvolutionGradient.apply(features, weight, made, kind, "samples")


def upsampled(features: Tensor, weight: Tensor) -> Tensor:
    """A transposed convolution (4 x 4, stride 2) with few outputs, 1.6 times as fast as torch's on a CPU.

    Pixels with even and odd coordinates are four images of their own, the phases, and all of them are made by one
    3 x 3 convolution of the features (Shi et al. 2016, "Is the deconvolution layer the same as a convolutional
    layer?"). That is 9/4 of the products, with four times as many outputs side by side.

    Args:
        features: (B, C, h, w), channels last in memory.
        weight: (C, C', 4, 4).

    Returns:
        (B, C', 2 h, 2 w), channels last in memory.
    """
    batch, _, height, width = features.shape
    outputs = weight.shape[1]
    taps = F.pad(weight.flip(2, 3), (1, 1, 1, 1)).unflatten(3, (3, 2)).unflatten(2, (3, 2)).flip(3, 5)
    phases = taps.permute(3, 5, 1, 0, 2, 4).flatten(0, 2)  # (2 * 2 * C', C, 3, 3): phase along y, along x, output
    drawn = F.conv2d(features, phases, padding=1).permute(0, 2, 3, 1)  # (B, h, w, 4 C')
    rows = drawn.unflatten(3, (2, 2 * outputs)).transpose(2, 3)  # (B, h, 2, w, 2 C')
    return rows.reshape(batch, 2 * height, 2 * width, outputs).permute(0, 3, 1, 2)
