"""Diagonal Gaussians: their divergence, densities and draws, in nats of each sample."""

from __future__ import annotations

from math import log, pi

import torch
from torch import Tensor

MOST = 10.0
"""Largest size of a log variance."""

Moments = tuple[Tensor, Tensor]
"""Mean and log variance of a diagonal Gaussian."""


def cast(moments: Moments, dtype: torch.dtype) -> Moments:
    """The same in another precision."""
    mean, log_variance = moments
    return mean.to(dtype), log_variance.to(dtype)


def bounded(log_variance: Tensor) -> Tensor:
    """A log variance within ± 10: a linear layer gives any of an outlier, and its exponential is then no number.

    Args:
        log_variance: of any shape.
    """
    return log_variance.clamp(-MOST, MOST)


def divergence(
    mean: Tensor, log_variance: Tensor, of_mean: Tensor | None = None, of_log_variance: Tensor | None = None
) -> Tensor:
    """KL(q ‖ p) of two diagonal Gaussians in nats, (B,).

    Args:
        mean: of q, (B, D).
        log_variance: log σ² of q, (B, D).
        of_mean: of p, (B, D); None: p is N(0, I).
        of_log_variance: log σ² of p, (B, D); None with `of_mean`.
    """
    if of_mean is None or of_log_variance is None:
        return (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
    apart = ((mean - of_mean).square() + log_variance.exp()) * (-of_log_variance).exp()
    return (apart + of_log_variance - log_variance - 1).sum(1) / 2


def log_density(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(x; μ, diag σ²) in nats, (B,).

    Args:
        values: x, (B, D).
        mean: μ, (B, D).
        log_variance: log σ², (B, D) or (D,).
    """
    squares = (values - mean).square() * (-log_variance).exp()
    return -(squares + log_variance + log(2 * pi)).sum(1) / 2


def drawn(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """μ + σ ε: a draw through which gradients pass (Kingma & Welling 2014, section 2.4).

    Args:
        mean: μ, (B, D).
        log_variance: log σ², (B, D).
        noise: ε from N(0, I), (B, D).
    """
    return mean + (log_variance / 2).exp() * noise
