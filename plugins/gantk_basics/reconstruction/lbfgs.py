"""L-BFGS on many small problems at once, each with its own curvature and its own step."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

HISTORY = 10  # steps that tell of the curvature
LEAST = 1e-12


def minimise(
    objective: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    iterations: Iterable[int],
    step: float,
) -> tuple[Tensor, Tensor]:
    """Minimises B independent functions from `start`, all in one batch: one forward and backward pass an iteration.

    The two-loop recursion of Nocedal & Wright (Numerical Optimization, algorithm 7.4), row by row. A trial that lowers
    a row's value is taken and its step doubled, up to 1; another is not taken and its step halved. Either way it tells
    of the curvature. `torch.optim.LBFGS` on the sum would mix the curvatures of all rows and give them one step.

    Args:
        objective: (B, D) to the values of the B functions, (B,); row i depends on row i alone.
        start: (B, D).
        iterations: counts them, and may show how far it is.
        step: length of the first step, as a share of the L-BFGS direction.

    Returns:
        the best points (B, D) and their values (B,).
    """
    best = start.detach().clone()
    value, gradient = _evaluate(objective, best)
    steps = torch.full_like(value, step)
    moves: list[tuple[Tensor, Tensor, Tensor]] = []  # s, y (B, D) and 1 / s·y (B,), 0 where there is no curvature
    scale = 1 / gradient.norm(dim=1).clamp_min(1)  # of a first step, of length 1 at most
    for _ in iterations:
        move = steps[:, None] * _direction(gradient, moves, scale)
        trial = best + move
        trial_value, trial_gradient = _evaluate(objective, trial)
        change = trial_gradient - gradient
        curvature = (move * change).sum(1)  # (B,)
        known = (curvature > LEAST) & trial_value.isfinite()
        inverse = torch.where(known, 1 / curvature.clamp_min(LEAST), 0.0)
        change = torch.where(known[:, None], change, 0.0)
        moves = [*moves[1 - HISTORY :], (move, change, inverse)]
        scale = torch.where(known, curvature / change.square().sum(1).clamp_min(LEAST), scale)
        better = trial_value < value
        best = torch.where(better[:, None], trial, best)
        gradient = torch.where(better[:, None], trial_gradient, gradient)
        value = torch.where(better, trial_value, value)
        steps = torch.where(better, (2 * steps).clamp_max(1), steps / 2)
    return best, value


def _evaluate(objective: Callable[[Tensor], Tensor], points: Tensor) -> tuple[Tensor, Tensor]:
    points = points.detach().requires_grad_(True)
    with torch.enable_grad():
        values = objective(points)
        (gradient,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), gradient


def _direction(gradient: Tensor, moves: list[tuple[Tensor, Tensor, Tensor]], scale: Tensor) -> Tensor:
    """Minus the inverse Hessian times the gradient, (B, D), estimated from the last steps."""
    rest, shares = gradient, []
    for move, change, inverse in reversed(moves):
        share = inverse * (move * rest).sum(1)
        rest = rest - share[:, None] * change
        shares.append(share)
    found = scale[:, None] * rest
    for (move, change, inverse), share in zip(moves, reversed(shares), strict=True):
        found = found + (share - inverse * (change * found).sum(1))[:, None] * move
    return -found
