"""Peak memory of a star-shaped WGAN-GP run, and what it should be by count. Run in a process of its own."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

import torch

from benchmarks.cases import Case, steps
from benchmarks.step import STAR
from gantk.machine import freed_memory_kept
from gantk.randomness import Streams


def resident_mb() -> float:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def peak_mb() -> float:
    """The most memory that this process has had; `getrusage` would count the one that started it, too."""
    lines = Path("/proc/self/status").read_text().split("\n")
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10


def measure(width: int, batch: int) -> dict[str, float]:
    """Peak beyond what the imports take, and the count: weights, gradients, Adam, data, what backward passes keep.

    Args:
        width: of both nets.
        batch: samples in a batch.
    """
    small = Case("starshaped", "wgan_gp", (2, 2, 16, 16), 2, 2, 8)
    loop = steps(small, small.state(), small.data())
    next(loop)  # libraries set themselves up
    gc.collect()
    before = resident_mb()
    case = Case("starshaped", "wgan_gp", STAR, width, batch)
    state, data = case.state(), case.data()
    loop = steps(case, state, data)
    with freed_memory_kept():
        for _ in range(3):
            next(loop)
    peak = peak_mb() - before  # what is counted below comes later
    kept: dict[int, int] = {}
    weights = {p.untyped_storage().data_ptr() for net in (state.generator, state.critic) for p in net.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    from gantk.interfaces.play import Play

    def play(side: str) -> Play:
        indices = torch.arange(batch)
        return Play(
            side,  # type: ignore[arg-type]
            state.generator,
            state.critic,
            case.spec,
            lambda: data.batch(indices, None),
            Streams(0, side, 0, 0, torch.device("cpu")),
            batch=batch,
        )

    largest = 0
    for side, terms_of in (("critic", state.loss.critic_loss), ("generator", state.loss.generator_loss)):
        kept.clear()
        update = play(side)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            terms = terms_of(update)
        made = sum(t.untyped_storage().nbytes() for t in (update.real, update.fake))
        largest = max(largest, sum(kept.values()) + made)
        del terms, update
    parameters = sum(p.numel() for net in (state.generator, state.critic) for p in net.parameters())
    count = 4 * 4 * parameters + data.stored.numel() + largest
    return {"peak_mb": peak, "count_mb": count / 2**20, "before_mb": before}
