"""The exponential moving average of the generator's weights."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn


def average_of(generator: nn.Module) -> nn.Module:
    """A copy of the generator that will follow it as its moving average."""
    return deepcopy(generator).requires_grad_(False).eval()


@torch.no_grad()
def update_average(average: nn.Module, generator: nn.Module, decay: float) -> None:
    """average ← decay · average + (1 - decay) · generator; buffers (batch statistics) are copied."""
    torch._foreach_lerp_(list(average.parameters()), list(generator.parameters()), 1 - decay)
    for kept, current in zip(average.buffers(), generator.buffers(), strict=True):
        kept.copy_(current)
