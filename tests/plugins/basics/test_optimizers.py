"""The optimisers: the first update by hand, and a state of plain tensors."""

from collections.abc import Callable

import pytest
import torch
from gantk_basics.optimizers import adam, adamw, rmsprop, sgd
from torch import Tensor

RATE = 0.1
G, W = torch.tensor([0.5, -2.0, 3.0]), torch.tensor([1.0, 2.0, -1.0])

FIRST_UPDATE = [
    (adam, {}, RATE * G.sign()),  # mean and mean square are unbiased: g / |g|
    (adam, {"weight_decay": 0.1}, RATE * (G + 0.1 * W).sign()),
    (adamw, {"weight_decay": 0.1}, RATE * G.sign() + RATE * 0.1 * W),
    (rmsprop, {"alpha": 0.99}, RATE * G / (0.1 * G.abs())),  # the mean square starts at 0: √(0.01 g²)
    (sgd, {"momentum": 0.9}, RATE * G),
    (sgd, {"weight_decay": 0.1}, RATE * (G + 0.1 * W)),
]


@pytest.mark.parametrize(("optimizer", "given", "expected"), FIRST_UPDATE)
def test_first_update(optimizer: Callable, given: dict, expected: Tensor) -> None:
    weight = torch.nn.Parameter(W.clone())
    made = optimizer([weight], lr=RATE, **given)
    weight.grad = G.clone()
    made.step()
    assert torch.allclose(W - weight.detach(), expected, atol=1e-5)
    for state in made.state_dict()["state"].values():
        assert all(isinstance(value, Tensor) for value in state.values())


def test_fused_where_it_can_be() -> None:
    weight = torch.nn.Parameter(W.clone())
    assert adam(iter([weight])).defaults["fused"]
    assert not adam([torch.nn.Parameter(torch.empty(3, device="meta"))]).defaults["fused"]


OF_TORCH = [
    (adam, {"betas": (0.5, 0.9)}, torch.optim.Adam),
    (adam, {"amsgrad": True}, torch.optim.Adam),
    (adamw, {"weight_decay": 0.1}, torch.optim.AdamW),
    (rmsprop, {"momentum": 0.9}, torch.optim.RMSprop),
    (sgd, {"momentum": 0.9}, torch.optim.SGD),
]


@pytest.mark.parametrize(("ours", "given", "of_torch"), OF_TORCH)
def test_steps_are_those_of_torch_bit_for_bit(ours: Callable, given: dict, of_torch: type) -> None:
    weights = [torch.nn.Parameter(W.clone()) for _ in range(2)]
    made = ours(weights[:1], lr=RATE, **given)
    fused = {} if ours is rmsprop else {"fused": True}
    pair = [made, of_torch(weights[1:], lr=RATE, **given, **fused)]
    called: list[str] = []
    made.register_step_post_hook(lambda *_: called.append("hook"))
    for step in range(5):
        for weight, optimizer in zip(weights, pair, strict=True):
            weight.grad = G * (step - 1.5)
            optimizer.step()
            optimizer.zero_grad()
    assert torch.equal(*weights) and weights[0].requires_grad and weights[0].grad is None
    assert called == ["hook"] * 5 and isinstance(made, of_torch)
