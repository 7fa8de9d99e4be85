"""Convolutions of our own: torch's numbers, in every derivative."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from gantk.autograd import convolutions
from gantk.autograd.second_order import SecondOrder

KINDS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "4 x 4, stride 2": (nn.Conv2d(2, 3, 4, 2, 1), (2, 2, 8, 7)),  # a row and a column that no window reaches
    "groups": (nn.Conv2d(4, 6, 3, 1, 1, groups=2, bias=False), (2, 4, 4, 5)),
    "dilated, unequal": (nn.Conv2d(2, 2, (3, 2), (1, 2), (2, 0), dilation=(2, 1)), (1, 2, 6, 6)),
    "one axis": (nn.Conv1d(3, 2, 5, 1, 2), (2, 3, 9)),
    "three axes": (nn.Conv3d(2, 2, 3, 2, 1), (1, 2, 5, 4, 5)),
    "a word": (nn.Conv2d(2, 2, 3, padding="same"), (1, 2, 4, 4)),
    "no batch": (nn.Conv1d(2, 3, 3), (2, 6)),
}


@pytest.mark.parametrize("name", KINDS)
def test_all_derivatives(name: str) -> None:
    module, shape = KINDS[name]
    torch.manual_seed(0)
    module = module.double()
    samples = torch.randn(shape, dtype=torch.float64, requires_grad=True)

    def convolved(samples: Tensor, *weights: Tensor) -> Tensor:
        with SecondOrder():
            return torch.func.functional_call(
                module, dict(zip(dict(module.named_parameters()), weights, strict=True)), samples
            )

    given = (samples, *(parameter.detach().clone().requires_grad_() for parameter in module.parameters()))
    torch.testing.assert_close(convolved(*given), module(samples))
    assert torch.autograd.gradcheck(convolved, given)
    assert torch.autograd.gradgradcheck(convolved, given)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_third_derivatives_and_memory_formats(memory_format: torch.memory_format) -> None:
    torch.manual_seed(0)
    samples = torch.randn(2, 2, 6, 6, dtype=torch.float64).contiguous(memory_format=memory_format).requires_grad_()
    weight = torch.randn(3, 2, 4, 4, dtype=torch.float64, requires_grad=True)

    def third(own: bool) -> Tensor:
        if own:
            with SecondOrder():
                found = F.conv2d(samples, weight, stride=2, padding=1)
        else:
            found = F.conv2d(samples, weight, stride=2, padding=1)
        (first,) = torch.autograd.grad(found.tanh().sum(), samples, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), weight, create_graph=True)
        return torch.autograd.grad(second.square().sum(), samples)[0]

    torch.testing.assert_close(third(True), third(False))


def test_gradients_of_samples_alone_and_then_all() -> None:
    """The weight's are left out while gradients of samples are asked for, and there again afterwards."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Conv2d(2, 1, 2)).double()
    samples = torch.randn(2, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    with SecondOrder() as second_order:
        scores = net(samples)
    gradient = second_order.gradient(scores, samples)
    found = torch.autograd.grad(scores.square().mean() + gradient.square().mean(), list(net.parameters()))
    scores = net(samples)
    (gradient,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)
    wanted = torch.autograd.grad(scores.square().mean() + gradient.square().mean(), list(net.parameters()))
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


class Weights(TorchDispatchMode):
    """Counts how often gradients of weights of convolutions are computed."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):  # type: ignore[no-untyped-def]
        if "convolution_backward" in str(function):
            self.count += arguments[-1][1]
        return function(*arguments, **(named or {}))


def test_gradients_of_weights_are_computed_once() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LeakyReLU(0.2), nn.Conv2d(2, 1, 2))
    samples = torch.randn(2, 1, 5, 5, requires_grad=True)
    with SecondOrder() as second_order:
        scores = net(samples)
    with Weights() as weights:
        gradient = second_order.gradient(scores, samples)
    assert weights.count == 0
    with weights:
        gradient.square().sum().backward()
    assert weights.count == 2


@pytest.mark.parametrize(
    ("outputs", "memory_format", "by_phases"),
    [
        (1, torch.channels_last, True),
        (3, torch.channels_last, True),
        (5, torch.channels_last, False),
        (2, torch.contiguous_format, False),
    ],
)
def test_upsampling_is_the_transposed_convolution(
    outputs: int, memory_format: torch.memory_format, by_phases: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, own = [], convolutions.upsampled
    monkeypatch.setattr(convolutions, "upsampled", lambda *given: (calls.append(1), own(*given))[1])
    torch.manual_seed(0)
    features = torch.randn(2, 3, 3, 5, dtype=torch.float64).contiguous(memory_format=memory_format).requires_grad_()
    weight = torch.randn(3, outputs, 4, 4, dtype=torch.float64, requires_grad=True)
    made = convolutions.upsampling(features, weight)
    assert bool(calls) == by_phases
    torch.testing.assert_close(made, F.conv_transpose2d(features, weight, stride=2, padding=1))
    assert made.is_contiguous(memory_format=memory_format)

    def squared(features: Tensor, weight: Tensor) -> Tensor:
        return convolutions.upsampling(features, weight).square()

    assert torch.autograd.gradcheck(squared, (features, weight))
    assert torch.autograd.gradgradcheck(squared, (features, weight))
