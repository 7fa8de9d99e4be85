"""How nets are called, and what can be asked of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec


@lru_cache(maxsize=256)
def _declared(forward: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(forward).parameters)


def declares(net: nn.Module, name: str) -> bool:
    """Whether the net's `forward` declares an input called `name` (labels, condition, latent).

    A net that only passes its inputs on to another one names that as `passes_on_to`.
    """
    inner: Any = getattr(net, "passes_on_to", None)
    return name in _declared(type(net).forward) if inner is None else declares(inner, name)


def call(net: nn.Module, first: Tensor | None, **available: Tensor | None) -> Tensor:
    """Calls `net(first, …)` with those of `available` that its forward declares."""
    return net(first, **{name: value for name, value in available.items() if declares(net, name)})


def draw_latent(generator: nn.Module, n: int, rng: torch.Generator) -> Tensor | None:
    """n latents of this generator, on the device of `rng`: its own `draw_latent`, else N(0, 1) of `latent_shape`."""
    own: Any = getattr(generator, "draw_latent", None)
    if own is not None:
        return own(n, rng)
    shape: Any = generator.latent_shape
    return None if shape is None else torch.randn((n, *shape), generator=rng, device=rng.device)


def has_batch_statistics(net: nn.Module) -> bool:
    """Whether a batch's samples influence each other in this net: batch normalisation, or `batch_statistics = True`."""
    return any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) or getattr(module, "batch_statistics", False)
        for module in net.modules()
    )


def has_second_order(net: nn.Module) -> bool:
    """Whether slopes of this net can be differentiated once more; one that cannot says `second_order = False`."""
    return all(getattr(module, "second_order", True) for module in net.modules())


def feature_count(critic: nn.Module, spec: DataSpec) -> int:
    """F of `critic.features`, found by looking at one sample of zeros.

    Raises:
        DoesNotFit: the critic has no `features` method.
    """
    if not hasattr(critic, "features"):
        raise DoesNotFit(
            f"{type(critic).__name__} has no `features` method, which this loss needs; choose a critic written as "
            "head(features(samples))"
        )
    at = next(critic.parameters())
    was_training = critic.training
    critic.eval()  # a batch of one has no batch statistics
    with torch.no_grad():
        features: Any = critic.features
        count = features(torch.zeros((1, *spec.shape), device=at.device, dtype=at.dtype)).shape[-1]
    critic.train(was_training)
    return count
