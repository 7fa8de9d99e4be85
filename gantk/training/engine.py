"""How the gradients of an update are computed: eagerly, or by replaying a CUDA graph. One mathematics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.errors import GantkError
from gantk.interfaces import Loss
from gantk.interfaces.play import Play
from gantk.training.cuda_graphs import FixedPlay, NotFixed

Name = Literal["auto", "eager", "graphs"]
Terms = Callable[[Play], dict[str, Tensor]]
Recorder = Callable[[Callable[[], list[Tensor]]], tuple[list[Tensor], Callable[[], None]]]


class Eager:
    """Terms and gradients as torch computes them when it is asked.

    Args:
        precision: "bfloat16" computes the nets under autocast.
    """

    def __init__(self, precision: str = "float32"):
        self.precision = precision

    def gradients(self, play: Play, terms_of: Terms, trained: list[nn.Parameter]) -> dict[str, Tensor]:
        """The terms of an update; the gradients of their sum are left in the `grad` of the trained parameters.

        Args:
            play: the update.
            terms_of: the loss of its side.
            trained: the parameters of its side.
        """
        for parameter in trained:
            parameter.grad = None
        with torch.autocast(play.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"):
            terms = terms_of(play)
        torch.stack(tuple(terms.values())).sum().backward(inputs=trained)  # none is spent on slopes of samples
        return {name: value.detach() for name, value in terms.items()}


class Graphs(Eager):
    """Records each side's update as a CUDA graph, with its batch and random draws in fixed places, then replays it.

    Forward and backward passes are in the graph; optimisers, clipping and averages are not, so that learning rates
    may change. What is not the same computation in every step is refused.

    Args:
        precision: "bfloat16" computes the nets under autocast.
        record: runs a computation, and returns its results and what computes them again in place.
    """

    def __init__(self, precision: str = "float32", record: Recorder | None = None):
        super().__init__(precision)
        self.record = record or cuda_graph
        self.recorded: dict[str, tuple[FixedPlay, dict[str, Tensor], list[Tensor | None], Callable[[], None]]] = {}

    def gradients(self, play: Play, terms_of: Terms, trained: list[nn.Parameter]) -> dict[str, Tensor]:
        """As `Eager.gradients`, by replaying what the first update recorded."""
        if play.side not in self.recorded:
            with unchanged(play):
                self.recorded[play.side] = self._recorded(play, terms_of, trained)
        fixed, terms, gradients, replay = self.recorded[play.side]
        fixed.refill(play)
        replay()
        for parameter, gradient in zip(trained, gradients, strict=True):
            parameter.grad = gradient
        return {name: value.clone() for name, value in terms.items()}

    def _recorded(self, play: Play, terms_of: Terms, trained: list[nn.Parameter]) -> Any:
        fixed, names = FixedPlay(play), list[str]()

        def compute() -> list[Tensor]:
            fixed.forget()
            terms = super(Graphs, self).gradients(fixed, terms_of, trained)
            names[:] = terms
            return [*terms.values(), *(each.grad for each in trained if each.grad is not None)]

        try:
            changing = changes_by_step(play, terms_of)
            if changing:
                raise NotFixed(changing)
            compute()  # finds out what is drawn, and lets libraries set themselves up
            results, replay = self.record(compute)
        except NotFixed as error:
            loss = type(getattr(terms_of, "__self__", terms_of)).__name__
            raise GantkError(
                f"machine.engine is graphs, but updates of the {play.side} under {loss} cannot be replayed: {error}.\n"
                "Take machine.engine=eager"
            ) from None
        gradients = iter(results[len(names) :])
        placed = [None if each.grad is None else next(gradients) for each in trained]
        return fixed, dict(zip(names, results, strict=False)), placed, replay


def cuda_graph(compute: Callable[[], list[Tensor]]) -> tuple[list[Tensor], Callable[[], None]]:
    """Records what `compute` launches, after two runs on a stream of its own; nothing of it may wait for the device."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            compute()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = compute()
    return results, graph.replay


def changes_by_step(play: Play, terms_of: Terms) -> str:
    """Why an update is another computation in each step, or ""."""
    loss = getattr(terms_of, "__self__", None)
    for part in (play.generator, play.critic, loss):
        if hasattr(part, "at_step"):
            return f"{type(part).__name__} changes with the step (at_step)"
    if isinstance(loss, Loss) and type(loss).after_step is not Loss.after_step:
        return "it changes after each step (after_step)"
    return ""


@contextmanager
def unchanged(play: Play) -> Iterator[None]:
    """Puts batch statistics, torch's random state and the update's fakes back to what they were."""
    buffers = [buffer for net in (play.generator, play.critic) if net is not None for buffer in net.buffers()]
    kept, state = [buffer.clone() for buffer in buffers], torch.get_rng_state()
    on_card = torch.cuda.get_rng_state(play.device) if play.device.type == "cuda" else None
    try:
        yield
    finally:
        for buffer, value in zip(buffers, kept, strict=True):
            buffer.copy_(value)
        torch.set_rng_state(state)
        if on_card is not None:
            torch.cuda.set_rng_state(on_card, play.device)
        play.__dict__.pop("fake", None)


def check(name: Name, device: torch.device) -> None:
    """Before anything is made of a run: whether this device can have the engine of this name.

    Raises:
        GantkError: graphs without a CUDA device.
    """
    if name == "graphs" and device.type != "cuda":
        raise GantkError(
            f"machine.engine is graphs, which needs a CUDA device; this run is on {device.type}: take eager"
        )


def choose(name: Name, device: torch.device, precision: str = "float32") -> Eager:
    """The engine of this name. "auto" is eager: docs/decisions/061-speed.md has the measurements.

    Raises:
        GantkError: graphs without a CUDA device.
    """
    check(name, device)
    return {"auto": Eager, "eager": Eager, "graphs": Graphs}[name](precision)
