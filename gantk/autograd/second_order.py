"""Slopes of slopes at the price of what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.overrides import TorchFunctionMode

from gantk.autograd.convolutions import ConvolutionKind, Convolved


class SecondOrder(TorchFunctionMode):
    """While it is entered, a net is computed so that its slopes are cheap to differentiate once more.

    - ReLU and LeakyReLU are `Bent`: the same function with the same derivatives of all orders. Between its kinks a
      piecewise linear function has no second derivative. torch takes it for a tensor of zeros, which it then carries
      back through every layer of the forward pass. For a penalty on slopes that is a third of all convolutions, for
      nothing.
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
        return Convolved.apply(input, weight, bias, self.kinds[-1])

    def slopes(self, scores: Tensor, samples: Tensor) -> Tensor:
        """Slopes of the summed scores with respect to the samples, differentiable.

        Args:
            scores: computed while this was entered.
            samples: which require grad.
        """
        for kind in self.kinds:
            kind.weighed = False  # torch would compute the slopes of weights too, only to throw them away
        try:
            return torch.autograd.grad(scores.sum(), samples, create_graph=True)[0]
        finally:
            for kind in self.kinds:
                kind.weighed = True


def each(value: int | Sequence[int], axes: int) -> list[int]:
    """The value along each axis."""
    values = [value] if isinstance(value, int) else list(value)
    return values * axes if len(values) == 1 else values


class Bent(Function):
    """values → the values where they are positive, `slope` times them elsewhere; in their place if so asked."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, slope: float, inplace: bool) -> Tensor:
        made = F.leaky_relu(values, slope, inplace) if slope else F.relu(values, inplace)
        if inplace:
            ctx.mark_dirty(values)
        ctx.save_for_backward(made)
        ctx.slope = slope
        return made

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor | None, ...]:
        (made,) = ctx.saved_tensors
        return BentSlopes.apply(slopes, made.detach(), ctx.slope), None, None


class BentSlopes(Function):
    """slopes, what `Bent` made → the slopes where that is positive, `slope` times them elsewhere."""

    @staticmethod
    def forward(ctx: Any, slopes: Tensor, made: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(made)
        ctx.slope = slope
        if slope:
            return torch.ops.aten.leaky_relu_backward(slopes, made, slope, True)
        return torch.ops.aten.threshold_backward(slopes, made, 0)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor | None, ...]:
        (made,) = ctx.saved_tensors
        return BentSlopes.apply(slopes, made, ctx.slope), None, None


def leaky_relu(values: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`F.leaky_relu`; as torch has it where the slope is negative, and what is made does not tell what came in."""
    if negative_slope < 0:
        return F.leaky_relu(values, negative_slope, inplace)
    return Bent.apply(values, negative_slope, inplace)


def relu(values: Tensor, inplace: bool = False) -> Tensor:
    """`F.relu`."""
    return Bent.apply(values, 0.0, inplace)


CONVOLUTIONS: dict[Callable[..., Tensor], int] = {F.conv1d: 1, F.conv2d: 2, F.conv3d: 3}
SAME: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.leaky_relu: leaky_relu,
    F.relu: relu,
    torch.relu: relu,
    Tensor.relu: relu,
}
