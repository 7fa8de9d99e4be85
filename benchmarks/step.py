"""Training steps, ours and a plain loop's, in turn; how much of a step the loop itself costs; other packages."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks import measure
from benchmarks.baselines import peers
from benchmarks.cases import TARGETS, Case, as_in_a_run, steps
from benchmarks.measure import compare

CELLS = (2, 48, 80)
STAR = (6, *CELLS)
SHORT = [
    Case("starshaped", "wgan_gp", STAR, 16),
    Case("starshaped", "wgan", STAR, 16),
    Case("starshaped", "gan", STAR, 16),
    Case("separable", "wgan_gp", CELLS, 16),
    Case("separable", "wgan", CELLS, 16),
    Case("separable", "gan", CELLS, 16),
    Case("dcgan", "wgan_gp", CELLS, 16),
    Case("dcgan", "wgan", CELLS, 16),
    Case("dcgan", "gan", CELLS, 16),
    Case("dcgan", "gan", (3, 32, 32)),
    Case("motif", "wgan_gp", (1, 128)),
    Case("dna", "wgan_gp", (4, 50)),
]
WIDE = [Case("starshaped", "wgan_gp", STAR, 64)]
LONG = [
    *[
        Case(kind, loss, STAR if kind == "starshaped" else CELLS, width)
        for kind in ("starshaped", "separable", "dcgan")
        for loss in ("wgan_gp", "wgan", "gan")
        for width in (32, 64)
        if not (kind == "starshaped" and loss == "wgan_gp" and width == 64)
    ],
    Case("starshaped", "wgan_gp", (41, *CELLS), 16),
    Case("dcgan", "wgan_gp", (3, 32, 32)),
    Case("motif", "gan", (1, 128)),
]


def target(case: Case) -> float:
    """How many times faster than the baseline this step should be."""
    return TARGETS.get(f"{case.kind} {case.loss} {case.width}", TARGETS["other"])


def against_baseline(case: Case, *, rounds: int, seconds: float, busy_ok: bool) -> dict[str, Any]:
    """One case: gantk's step and the plain loop's."""
    state = case.state()
    ours, theirs = steps(case, state, case.data()), case.baseline(state)
    sides = {"gantk": as_in_a_run(ours), "baseline": theirs.step}
    found = compare(sides, rounds=rounds, seconds=seconds, busy_ok=busy_ok)
    baseline = "tower loop" if case.spec.unit_axes else "tutorial"
    return {"case": case.name, "baseline": baseline, "target": target(case), **found}


def overhead(case: Case, *, rounds: int = 7, busy_ok: bool = False) -> dict[str, Any]:
    """What a step spends beside nets, loss and optimisers: on data, order, random streams, norms of gradients."""
    clock, state, data, values = measure.CLOCK, case.state(), case.data(), case.values()
    critic_steps = values["play"]["critic_steps"]
    spent = {"inside": 0.0}

    def timed(call: Any, sign: int = 1) -> Any:
        def inner(*arguments: Any, **named: Any) -> Any:
            began = clock()
            try:
                return call(*arguments, **named)
            finally:
                spent["inside"] += sign * (clock() - began)

        return inner

    loss, data.batch = state.loss, timed(data.batch, -1)  # the real batch is fetched when the loss asks for it
    loss.critic_loss, loss.generator_loss = timed(loss.critic_loss), timed(loss.generator_loss)
    for optimizer in (state.critic_optimizer, state.generator_optimizer):
        optimizer.step = timed(optimizer.step)
    backward, torch.Tensor.backward = torch.Tensor.backward, timed(torch.Tensor.backward)
    shares = []
    try:
        loop = steps(case, state, data)
        next(loop)
        for _ in range(rounds):
            spent["inside"], began = 0.0, clock()
            next(loop)
            whole = clock() - began
            shares.append(1 - spent["inside"] / whole)
    finally:
        torch.Tensor.backward = backward
    shares.sort()
    name = f"loop overhead, {case.name} ({critic_steps} critic updates)"
    return {"case": name, "share": shares[len(shares) // 2], "target_share": 0.02}


def run(*, long: bool, busy_ok: bool) -> list[dict[str, Any]]:
    """The whole set."""
    found = [
        against_baseline(SHORT[0], rounds=15, seconds=50, busy_ok=busy_ok)
    ]  # in three rounds its ratio swings by a fifth
    found += [against_baseline(case, rounds=15, seconds=12, busy_ok=busy_ok) for case in SHORT[1:]]
    found += [against_baseline(case, rounds=3, seconds=1, busy_ok=busy_ok) for case in WIDE]
    if long:
        found += [against_baseline(case, rounds=5, seconds=60, busy_ok=busy_ok) for case in LONG]
    found += [overhead(Case(kind, "wgan_gp", shape, 16)) for kind, shape in (("starshaped", STAR), ("dcgan", CELLS))]
    return found + peers.run(busy_ok=busy_ok)
