"""Metrics: generated samples against real ones, as a table of numbers that say what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from PIL import Image
from torch import nn

from gantk import console, randomness
from gantk.data import evaluation_data, take
from gantk.errors import DoesNotFit, GantkError
from gantk.evaluation.by_class import OneClass, of_generator, values_by_class
from gantk.evaluation.representation import as_judged
from gantk.evaluation.results import Entry, Results
from gantk.interfaces import Dataset, MetricInput, Samples, TrainingLog, Value
from gantk.sampling import draw_like


def evaluate(
    entries: Sequence[Entry],
    generator: nn.Module | None,
    critic: nn.Module | None,
    train: Dataset,
    held_out: Dataset,
    *,
    seed: int,
    device: torch.device | str,
    purpose: str = "evaluate",
    log: Callable[[], TrainingLog] | None = None,
    guard: Callable[[str], AbstractContextManager[Any]] = nullcontext,
    show: Callable[[str, Mapping[str, Image.Image]], object] | None = None,
) -> Results:
    """Runs every metric on the same generated samples.

    Args:
        entries: which metrics.
        generator: what to judge (the average where there is one); None where only a critic was trained.
        critic: the trained critic, for metrics that ask for it; None where it was not kept.
        train: the training split.
        held_out: the test split for reporting, the validation split for what selects.
        seed: of latents and of whatever a metric draws.
        device: where the nets are.
        purpose: name of the random stream.
        log: reads the log of the run; None where there is none.
        guard: makes what each metric runs in from its description; one that swallows an error leaves the entry out.
        show: is given the pictures of each entry, by its name; None: none are drawn.

    Returns:
        entry name to value name to Value, in order.
    """
    if not entries:
        return {}
    wanted = max(entry.metric.samples for entry in entries)
    nets: Mapping[str, nn.Module] = {} if critic is None else {"critic": critic}
    generated = take(held_out, 0)
    if generator is not None:
        nets = {"generator": generator, **nets}
        # Conditions that it was not trained on, and classes in the shares of what it is compared with.
        given_by = held_out if len(held_out) else train
        if wanted:
            generated = draw_like(generator, given_by, wanted, seed=seed, purpose=purpose, device=device)
    drawn = {"seed": seed, "purpose": purpose, "device": device}
    parts = cache(partial(_of_each_class, entries, generator, train, held_out, **drawn))
    generated, nets, seen_train, seen = as_judged(generated, nets, train, held_out)
    results: Results = {}
    for entry in entries:
        with guard(f"the metric {entry.name}"):
            given = generated[: entry.metric.samples]
            rng = randomness.generator(seed, f"{purpose}/{entry.name}")
            inputs = MetricInput(given, seen_train, seen, rng=rng, nets=nets, log=log)
            results[entry.name] = counted(entry.metric.compute(inputs), given)
            if show is not None:
                with guard(f"the pictures of {entry.name}"):
                    show(entry.name, entry.metric.pictures(inputs))
        if entry.by_class and entry.name in results:
            with guard(f"the metric {entry.name} by class"):
                results[entry.name] |= values_by_class(entry, parts(), train, nets, seed=seed, purpose=purpose)
    return results


def _of_each_class(
    entries: Sequence[Entry], generator: nn.Module | None, train: Dataset, held_out: Dataset, **drawn: Any
) -> list[OneClass]:
    """What there is of each class. Raises DoesNotFit where the data are evaluated in another form."""
    if evaluation_data(train) is not train:
        raise DoesNotFit("by_class needs data that are evaluated as they are trained on: leave it out")
    return of_generator(generator, train, held_out, [entry for entry in entries if entry.by_class], **drawn)


JUDGED_BY = ("evaluate", "data", "seed")
"""Blocks of a recipe that say how a trained model, or a file of samples, is judged; others have had their effect."""


@contextmanager
def left_out(what: str, several: bool = True) -> Iterator[None]:
    """A guard for `evaluate`: of several metrics, one that does not fit is left out with a warning, and costs no other.

    Args:
        what: what is computed inside.
        several: whether there are others; what fails alone is an error.
    """
    try:
        yield
    except GantkError as error:
        if not several:
            raise
        console.warn(f"{what} is left out: {error}")


def counted(values: Mapping[str, Value], samples: Samples) -> dict[str, Value]:
    """What a metric found; where it does not say how many generated samples that rests on, all it was given.

    Args:
        values: by name.
        samples: what the metric was given.
    """
    n = len(samples) or None
    return {name: value if value.n is not None else replace(value, n=n) for name, value in values.items()}
