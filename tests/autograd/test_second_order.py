"""Gradients of gradients: the numbers that torch gives, for less."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from gantk_basics.nets.dcgan import DcganCritic
from gantk_cells.nets.critic_towers import CriticTowers
from gantk_dna.nets import killoran
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from gantk.autograd.gradient_norms import VectorNorm
from gantk.autograd.second_order import SecondOrder
from gantk.spec import DataSpec


class Towers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = CriticTowers(
            2, 2, 16, 24, width=4, layers=1, normalisation="none", bias=True, initialisation="default", fused=None
        )

    def forward(self, samples: Tensor) -> Tensor:
        return self.net.head(self.net.features(samples))


def dna() -> nn.Module:
    spec = DataSpec(shape=(4, 12), axes=("base", "position"), range=(0.0, 1.0), categorical=True)
    return killoran.KilloranCritic(spec, width=6)


def image() -> nn.Module:
    return DcganCritic(DataSpec(shape=(1, 16, 16), axes=("channel", "y", "x"), range=(-1.0, 1.0)), width=4)


CRITICS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "towers": (Towers, (2, 2, 16, 24)),
    "residual": (dna, (4, 12)),
    "dcgan": (image, (1, 16, 16)),
    "in place": (lambda: nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 1)), (3,)),
}


class Products(TorchDispatchMode):
    """Counts convolutions and matrix products, forward and backward."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):  # type: ignore[no-untyped-def]
        name = str(function)
        if "convolution_backward" in name:
            self.count += sum(arguments[-1][:2])  # of the samples, of the weight
        else:
            self.count += "convolution" in name or "mm" in name
        return function(*arguments, **(named or {}))


def penalty(net: nn.Module, samples: Tensor, constant: bool) -> tuple[Tensor, list[Tensor], int]:
    """The penalty, the gradients of the weights, and how many products these took."""
    samples, weights = samples.clone().requires_grad_(), list(net.parameters())
    with Products() as products:
        with SecondOrder() if constant else nullcontext():
            scores = net(samples)
        (gradient,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)
        found = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
        gradients = torch.autograd.grad(found, weights, allow_unused=True, materialize_grads=True)
    return found, list(gradients), products.count


@pytest.mark.parametrize("name", CRITICS)
def test_they_are_torchs_and_cost_less(name: str) -> None:
    build, shape = CRITICS[name]
    torch.manual_seed(0)
    net = build().double()
    samples = torch.randn(5, *shape, dtype=torch.float64)
    wanted, its_gradients, its_cost = penalty(net, samples, constant=False)
    found, gradients, cost = penalty(net, samples, constant=True)
    torch.testing.assert_close(found, wanted)
    for gradient, its in zip(gradients, its_gradients, strict=True):
        torch.testing.assert_close(gradient, its)
    assert any(gradient.any() for gradient in gradients)
    assert cost < its_cost


@pytest.mark.parametrize(
    "function", [F.relu, torch.relu, Tensor.relu, F.leaky_relu], ids=["F", "torch", "method", "leaky"]
)
def test_they_are_the_same_function(function: Callable[[Tensor], Tensor]) -> None:
    values = torch.tensor([-2.0, -0.0, 0.0, 1e-30, 3.0])
    with SecondOrder():
        found = function(values)
    torch.testing.assert_close(found, function(values), rtol=0, atol=0)


@pytest.mark.parametrize(("slope", "inplace"), [(0.0, True), (0.0, False), (0.2, True), (0.2, False), (-0.3, False)])
def test_all_their_derivatives(slope: float, inplace: bool) -> None:
    values = torch.tensor([[-2.0, 0.5, 1.0], [3.0, -0.1, -4.0]], dtype=torch.float64, requires_grad=True)

    def bent(values: Tensor) -> Tensor:
        with SecondOrder():
            doubled = values * 2
            drawn = F.leaky_relu(doubled[:, :2], slope, inplace) if slope else F.relu(doubled[:, :2], inplace)
        if inplace:
            assert torch.equal(doubled[:, :2], drawn)
        return drawn.pow(3)

    assert torch.autograd.gradcheck(bent, values)
    assert torch.autograd.gradgradcheck(bent, values)


def test_norms_are_torchs() -> None:
    torch.manual_seed(0)
    values = torch.randn(3, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(VectorNorm.apply(values, 2), torch.linalg.vector_norm(values, dim=(2, 3)))
    assert torch.autograd.gradcheck(lambda given: VectorNorm.apply(given, 2), values)
    assert torch.autograd.gradgradcheck(lambda given: VectorNorm.apply(given, 3), values)
    flat = torch.zeros(2, 3, requires_grad=True)
    VectorNorm.apply(flat, 1).sum().backward()
    assert torch.equal(flat.grad, torch.zeros(2, 3))
