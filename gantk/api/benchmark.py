"""What this machine does with a recipe: steps a second, where a step's time goes, and what would be faster."""

from __future__ import annotations

import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from gantk import machine as device
from gantk.errors import GantkError
from gantk.interfaces import Dataset
from gantk.interfaces.optional_members import member
from gantk.interfaces.play import Play
from gantk.training import from_recipe
from gantk.training.engine import Eager, Terms
from gantk.training.loop import train
from gantk.training.settings import TrainSettings, samples_a_step, step_count
from gantk.training.state import State

STEPS = 20  # measured at most, of each setting
NOTICEABLE = 1.05  # times as fast: less is not worth a word


class Clock:
    """A stopwatch that adds up seconds under names.

    Args:
        where: the device, whose work is waited for at each reading.
    """

    def __init__(self, where: torch.device):
        self.where = where
        self.spent: dict[str, float] = {}

    def now(self) -> float:
        """Seconds, after all that was launched is done."""
        if self.where.type == "cuda":
            torch.cuda.synchronize(self.where)
        return time.perf_counter()

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Counts the time spent in this context under `name` alone."""
        started, others = self.now(), sum(self.spent.values())
        yield
        inner = sum(self.spent.values()) - others
        self.spent[name] = self.spent.get(name, 0.0) + self.now() - started - inner

    def counted(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Wraps `call`, so that its time counts under `name`."""

        def inner(*arguments: Any, **named: Any) -> Any:
            with self.on(name):
                return call(*arguments, **named)

        return inner


class Watched(Eager):
    """The eager engine, with a clock on each part of an update.

    Args:
        clock: counts.
        precision: as for `Eager`.
    """

    def __init__(self, clock: Clock, precision: str):
        super().__init__(precision)
        self.clock = clock

    def gradients(self, play: Play, terms_of: Terms, trained: list[nn.Parameter]) -> dict[str, Tensor]:
        """As `Eager.gradients`; terms that contain gradients (penalties) get a backward pass of their own."""
        with self.clock.on("data"):
            assert play.data is not None
        for parameter in trained:
            parameter.grad = None
        side, grad = play.side, torch.autograd.grad
        counted, made = self.clock.counted(grad, "penalty"), set[Any]()

        def watched(*given: Any, **named: Any) -> tuple[Tensor | None, ...]:
            found = counted(*given, **named)
            made.update(each.grad_fn for each in found if each is not None and each.grad_fn is not None)
            return found

        torch.autograd.grad = watched  # type: ignore[assignment]
        try:
            with self.clock.on(side), torch.autocast(play.device.type, torch.bfloat16, self.precision == "bfloat16"):
                terms = terms_of(play)
        finally:
            torch.autograd.grad = grad
        penalties = [value for value in terms.values() if comes_from(value, made)]
        plain = [value for value in terms.values() if not any(value is other for other in penalties)]
        for name, values in ((side, plain), ("penalty", penalties)):
            if any(value.requires_grad for value in values):
                with self.clock.on(name):
                    torch.stack(values).sum().backward(inputs=trained, retain_graph=values is plain and bool(penalties))
        return {name: value.detach() for name, value in terms.items()}


def comes_from(value: Tensor, nodes: set[Any]) -> bool:
    """Whether the autograd graph of this tensor contains one of these nodes."""
    found, waiting = set(), [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in found:
            continue
        if node in nodes:
            return True
        found.add(node)
        waiting += [following for following, _ in node.next_functions]
    return False


@dataclass
class Bench:
    """A recipe on this machine.

    Args:
        values: the resolved recipe.
        seconds: how long all measuring may take, about.
    """

    values: Mapping[str, Any]
    seconds: float = 25.0
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        machine = self.values["machine"]
        self.device = device.find_device(machine["device"])
        device.set_threads(machine["threads"])
        self.threads = torch.get_num_threads()
        splits = from_recipe.datasets(self.values)
        self.data, self.held_out = splits["train"].to(self.device), splits.get("validation")
        self.steps = step_count(self.values, len(self.data))
        self.began = time.perf_counter()  # reading the data does not count

    def left(self) -> float:
        """Seconds that are left for measuring."""
        return self.seconds - (time.perf_counter() - self.began)

    def loop(self, state: State, computed: Eager, batch: int | None = None) -> Iterator[Any]:
        """Training steps without end."""
        settings = TrainSettings.from_recipe(self.values, len(self.data))
        return train(
            state,
            self.data,
            replace(settings, steps=10**9, batch=batch or settings.batch),
            held_out=self.held_out,
            engine=computed,
            device=self.device,
        )

    def timed(self, computed: Eager, share: float, batch: int | None = None) -> float:
        """Median seconds of a step, of up to STEPS in `share` of the time that is left; at least two."""
        clock, times = Clock(self.device), list[float]()
        loop = self.loop(from_recipe.initial_state(self.values, self.data.spec, self.device), computed, batch)
        next(loop)
        until = clock.now() + share * self.left()
        while len(times) < 2 or (len(times) < STEPS and clock.now() < until):
            started = clock.now()
            next(loop)
            times.append(clock.now() - started)
        return statistics.median(times)

    def parts(self, share: float) -> dict[str, float]:
        """Share of a step's time by what it is spent on; "rest" is the loop itself."""
        clock = Clock(self.device)
        state = from_recipe.initial_state(self.values, self.data.spec, self.device)
        for optimizer in (state.generator_optimizer, state.critic_optimizer):
            if optimizer is not None:
                optimizer.step = clock.counted(optimizer.step, "optimizers")  # type: ignore[method-assign]
        loop = self.loop(state, Watched(clock, self.values["train"]["precision"]))
        next(loop)
        clock.spent.clear()
        started = now = clock.now()
        until, done = started + share * self.left(), 0
        while done < 4 or (done < STEPS and now < until):  # lazy penalties come every fourth step or so
            next(loop)
            now, done = clock.now(), done + 1
        whole = now - started
        found = {name: clock.spent.get(name, 0.0) / whole for name in PARTS}
        return found | {"rest": 1 - sum(found.values())}

    def variations(self, usual: float) -> Iterator[tuple[dict[str, Any], float]]:
        """Other settings, each with its speed-up, as long as there is time to measure them."""
        batch, precision = self.values["train"]["batch"], self.values["train"]["precision"]

        def tried(change: dict[str, Any], computed: Eager, seen: int = batch) -> tuple[dict[str, Any], float]:
            return change, usual / self.timed(computed, 0.2, seen) * seen / batch

        if self.device.type == "cpu":
            for threads in thread_counts():
                if threads != self.threads and self.left() > 4 * usual:
                    torch.set_num_threads(threads)
                    yield tried({"machine.threads": threads}, Eager(precision))
            torch.set_num_threads(self.threads)
        for changed in (2 * batch, batch // 2):
            if changed and self.left() > 4 * usual * changed / batch:
                yield tried({"train.batch": changed}, Eager(precision), changed)
        if self.device.type == "cuda":
            try:
                yield tried({"machine.engine": "graphs"}, from_recipe.make_engine("graphs", self.device, precision))
            except GantkError as error:
                yield {"machine.engine": "graphs", "refused": str(error).splitlines()[0]}, 0.0

    def measure(self) -> dict[str, Any]:
        """Everything, as one document."""
        usual = self.timed(Eager(self.values["train"]["precision"]), 0.25)
        return {
            "device": str(self.device),
            "threads": self.threads,
            "load": os.getloadavg()[0],
            "steps_per_second": 1 / usual,
            "samples_per_second": samples_a_step(self.values) / usual,
            "seconds_of_training": self.steps * usual,
            "steps": self.steps,
            "parts": self.parts(0.3),
            "memory_mb": memory_mb(self.device),
            "data_mb": data_mb(self.data),
            "variations": [change | {"times_as_fast": round(factor, 3)} for change, factor in self.variations(usual)],
        }


PARTS = ("data", "critic", "penalty", "generator", "optimizers")


def thread_counts() -> list[int]:
    """1, 2, 4 … and all processors that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({cores, *(2**power for power in range(10) if 2**power < cores)})


def memory_mb(where: torch.device) -> float:
    """The most memory that was in use: of the card, else of this process."""
    if where.type == "cuda":
        return torch.cuda.max_memory_allocated(where) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def data_mb(dataset: Dataset) -> float | None:
    """What resident data take; None where they are read as they are needed."""
    size = member(dataset, "nbytes")
    return None if size is None else size / 2**20


def faster(variations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Variations that are noticeably faster, the fastest first."""
    found = [each for each in variations if each["times_as_fast"] >= NOTICEABLE]
    return sorted(found, key=lambda each: -each["times_as_fast"])
