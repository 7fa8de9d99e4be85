"""Gradients of gradients (double backward) without the passes over zeros that torch makes for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from gantk.autograd.convolutions import Convolution, ConvolutionKind


class SecondOrder(TorchFunctionMode):
    """A context in which nets are computed so that double backward through them is cheap.

    - ReLU and LeakyReLU are `PiecewiseLinear`: the same function with the same derivatives of all orders. Between its
      kinks a piecewise linear function has no second derivative. torch takes it for a tensor of zeros, which it then
      carries back through every layer of the forward pass: a third of all convolutions of a gradient penalty.
    - Convolutions are those of `convolutions.py`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[ConvolutionKind] = []

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        named = named or {}
        if function in SAME:
            return SAME[function](*arguments, **named)
        if function in CONVOLUTIONS:
            return self.convolved(function, *arguments, **named)
        return function(*arguments, **named)

    def convolved(
        self,
        function: Callable[..., Tensor],
        input: Tensor,  # these are torch's names
        weight: Tensor,
        bias: Tensor | None = None,
        stride: int | Sequence[int] = 1,
        padding: int | str | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> Tensor:
        """`F.conv1d`, `F.conv2d` or `F.conv3d`; as torch has it where the padding is a word or there is no batch."""
        axes = CONVOLUTIONS[function]
        if isinstance(padding, str) or input.dim() != 2 + axes:
            return function(input, weight, bias, stride, padding, dilation, groups)
        self.kinds.append(ConvolutionKind(each(stride, axes), each(padding, axes), each(dilation, axes), groups))
        return Convolution.apply(input, weight, bias, self.kinds[-1])

    def gradient(self, scores: Tensor, samples: Tensor) -> Tensor:
        """The gradient of the summed scores with respect to the samples, differentiable.

        Args:
            scores: computed while this was entered.
            samples: which require grad.
        """
        for kind in self.kinds:
            kind.needs_weight_grad = False  # torch would compute those of weights too, only to throw them away
        try:
            return torch.autograd.grad(scores.sum(), samples, create_graph=True)[0]
        finally:
            for kind in self.kinds:
                kind.needs_weight_grad = True


def each(value: int | Sequence[int], axes: int) -> list[int]:
    """The value along each axis."""
    values = [value] if isinstance(value, int) else list(value)
    return values * axes if len(values) == 1 else values


class PiecewiseLinear(Function):
    """values → the values where they are positive, `negative_slope` times them elsewhere; in place if so asked."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, negative_slope: float, inplace: bool) -> Tensor:
        output = F.leaky_relu(values, negative_slope, inplace) if negative_slope else F.relu(values, inplace)
        if inplace:
            ctx.mark_dirty(values)
        ctx.save_for_backward(output)
        ctx.negative_slope = negative_slope
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (output,) = ctx.saved_tensors
        return PiecewiseLinearGradient.apply(grad_output, output.detach(), ctx.negative_slope), None, None


class PiecewiseLinearGradient(Function):
    """grad_output, output → grad_output where the output is positive, `negative_slope` times it elsewhere."""

    @staticmethod
    def forward(ctx: Any, grad_output: Tensor, output: Tensor, negative_slope: float) -> Tensor:
        ctx.save_for_backward(output)
        ctx.negative_slope = negative_slope
        if negative_slope:
            return torch.ops.aten.leaky_relu_backward(grad_output, output, negative_slope, True)
        return torch.ops.aten.threshold_backward(grad_output, output, 0)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (output,) = ctx.saved_tensors
        return PiecewiseLinearGradient.apply(grad_output, output, ctx.negative_slope), None, None


def leaky_relu(values: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`F.leaky_relu`; as torch has it where a negative slope hides the sign of the input from the output."""
    if negative_slope < 0:
        return F.leaky_relu(values, negative_slope, inplace)
    return PiecewiseLinear.apply(values, negative_slope, inplace)


def relu(values: Tensor, inplace: bool = False) -> Tensor:
    """`F.relu`."""
    return PiecewiseLinear.apply(values, 0.0, inplace)


CONVOLUTIONS: dict[Callable[..., Tensor], int] = {F.conv1d: 1, F.conv2d: 2, F.conv3d: 3}
SAME: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.leaky_relu: leaky_relu,
    F.relu: relu,
    torch.relu: relu,
    Tensor.relu: relu,
}
