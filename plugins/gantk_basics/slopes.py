"""Slopes of slopes at the price of what they are: without a backward pass of zeros."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class ConstantSlopes(TorchFunctionMode):
    """While it is entered, ReLU and LeakyReLU are products of their input with a constant.

    That is the same function with the same derivatives of all orders: between its kinks a piecewise linear function
    has no second derivative. torch takes it for a tensor of zeros, which it then carries back through every layer of
    the forward pass. For a penalty on slopes that is a third of all convolutions, for nothing.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: Sequence[Any] = (),
        named: Mapping[str, Any] | None = None,
    ) -> Any:
        own = SAME.get(function)
        named = named or {}
        if own is None or named.get("inplace"):
            return function(*arguments, **named)
        return own(*arguments, **named)


def leaky_relu(values: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`F.leaky_relu` as a product."""
    slopes = torch.ops.aten.leaky_relu_backward(_ones_like(values), values.detach(), negative_slope, False)
    return values * slopes


def relu(values: Tensor, inplace: bool = False) -> Tensor:
    """`F.relu` as a product."""
    return values * torch.ops.aten.threshold_backward(_ones_like(values), values.detach(), 0)


def _ones_like(values: Tensor) -> Tensor:
    return values.new_ones(()).expand_as(values)


SAME: dict[Callable[..., Any], Callable[..., Tensor]] = {
    F.leaky_relu: leaky_relu,
    F.relu: relu,
    torch.relu: relu,
    Tensor.relu: relu,
}
