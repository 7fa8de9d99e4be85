"""CUDA graphs: an update with its inputs at fixed addresses, recorded once and replayed on other numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import GantkError
from gantk.interfaces import Batch, Loss, Play, step_listeners
from gantk.randomness import Streams
from gantk.training.engine import Eager, Terms


class NotFixed(Exception):
    """An update that is not the same computation in every step."""


class FixedStreams(Streams):
    """Random draws at fixed addresses, refilled for each update.

    Args:
        first: the streams of the update whose draws are the first to lie there.
    """

    def __init__(self, first: Streams):
        super().__init__(first.seed, first.side, 0, first.update, first.device, first.rank, first.ranks)
        self.__dict__.update(first=first, places={})
        self.first: Streams
        self.places: dict[tuple[str, tuple[int, ...], str, bool], Tensor]

    def rng(self, purpose: str) -> torch.Generator:
        """Not available: what is drawn from it has no fixed address."""
        raise NotFixed(f"it draws {purpose!r} otherwise than by play.uniform or play.normal")

    def uniform(self, shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        """The tensor at a fixed address that holds these draws."""
        return self._place("uniform", shape, purpose, per_sample)

    def normal(self, shape: tuple[int, ...], purpose: str, per_sample: bool) -> Tensor:
        """The tensor at a fixed address that holds these draws."""
        return self._place("normal", shape, purpose, per_sample)

    def _place(self, *key: Any) -> Tensor:
        if key not in self.places:
            self.places[key] = getattr(self.first, key[0])(*key[1:])
        return self.places[key]

    def refill(self, streams: Streams) -> None:
        """Puts in the draws of another update.

        Args:
            streams: of the same side.
        """
        for (kind, *of_what), place in self.places.items():
            place.copy_(getattr(streams, kind)(*of_what))


class FixedPlay(Play):
    """A Play whose real batch, latents and random draws stay at fixed addresses and are refilled for each update.

    Args:
        first: an update of the same side, whose shapes it takes.
    """

    streams: FixedStreams

    def __init__(self, first: Play):
        super().__init__(
            first.side,
            first.generator,
            first.critic,
            first.spec,
            lambda: first.data,
            FixedStreams(first.streams),
            batch=first.batch,
            shared_forward=first.shared_forward,
        )
        labels, condition = (None if each is None else each.clone() for each in (first.labels, first.condition))
        truth = {name: values.to(first.device, copy=True) for name, values in first.data.truth.items()}
        self.data = Batch(first.real.clone(), labels, condition, truth)
        self.latent = None if first.latent is None else first.latent.clone()

    @property
    def step(self) -> int:
        """Not available: an update that depends on the step cannot be replayed."""
        raise NotFixed("it depends on the step")

    def forget(self) -> None:
        """Forgets the fakes, which are to be made anew."""
        self.__dict__.pop("fake", None)

    def refill(self, play: Play) -> None:
        """Puts in the data and draws of another update.

        Args:
            play: of the same side.
        """
        for name in ("samples", "labels", "condition"):
            place = getattr(self.data, name)
            if place is not None:
                place.copy_(getattr(play.data, name))
        for name, place in self.data.truth.items():
            place.copy_(play.data.truth[name])
        if self.latent is not None and play.latent is not None:
            self.latent.copy_(play.latent)
        self.streams.refill(play.streams)


Recorder = Callable[[Callable[[], list[Tensor]]], tuple[list[Tensor], Callable[[], None]]]


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
    for part in step_listeners(play.generator, play.critic, loss):
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
