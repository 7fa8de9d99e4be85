"""Metrics: generated samples against real ones, as a table of numbers that say what they mean."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from gantk import randomness
from gantk.data import take
from gantk.errors import RecipeError
from gantk.evaluation.representation import as_judged
from gantk.interfaces import Dataset, Samples, Value, declares
from gantk.sampling import draw
from gantk.training.from_recipe import Entry

Results = dict[str, dict[str, Value]]
COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def draw_like(
    generator: nn.Module, dataset: Dataset, n: int, *, seed: int, purpose: str, device: torch.device | str
) -> Samples:
    """n generated samples; where the generator takes labels or a condition, those of real samples at random."""
    labels = condition = None
    if declares(generator, "labels") or declares(generator, "condition"):
        rng = randomness.generator(seed, f"{purpose}/given")
        chosen = torch.randint(len(dataset), (n,), generator=rng)
        real = dataset.batch(chosen, None).to("cpu")
        labels, condition = real.labels, real.condition
    return draw(
        generator,
        dataset.spec,
        n,
        seed=seed,
        purpose=purpose,
        labels=labels if declares(generator, "labels") else None,
        condition=condition,
        device=device,
    )


def evaluate(
    entries: Sequence[Entry],
    generator: nn.Module | None,
    critic: nn.Module,
    train: Dataset,
    held_out: Dataset,
    *,
    seed: int,
    device: torch.device | str,
    purpose: str = "evaluate",
    guard: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> Results:
    """Runs every metric on the same generated samples.

    Args:
        entries: which metrics.
        generator: what to judge (the average where there is one); None where only a critic was trained.
        critic: the trained critic, for metrics that ask for it.
        train: the training split.
        held_out: the test split for reporting, the validation split for what selects.
        seed: of latents and of whatever a metric draws.
        device: where the nets are.
        purpose: name of the random stream.
        guard: makes what each metric runs in from its description; one that swallows an error leaves the entry out.

    Returns:
        entry name to value name to Value, in order.
    """
    if not entries:
        return {}
    wanted = max(getattr(entry.metric, "samples", 0) for entry in entries)
    nets: Mapping[str, nn.Module] = {"critic": critic}
    generated = take(held_out, 0)
    if generator is not None:
        nets = {"generator": generator, "critic": critic}
        given_by = held_out if declares(generator, "condition") else train  # conditions that it was not trained on
        if wanted:
            generated = draw_like(generator, given_by, wanted, seed=seed, purpose=purpose, device=device)
    generated, nets, train, held_out = as_judged(generated, nets, train, held_out)
    results: Results = {}
    for entry in entries:
        with guard(f"the metric {entry.name}"):
            results[entry.name] = entry.metric.compute(
                generated[: getattr(entry.metric, "samples", 0)],
                train,
                held_out,
                rng=randomness.generator(seed, f"{purpose}/{entry.name}"),
                nets=nets,
            )
    return results


def flat(results: Results) -> dict[str, float]:
    """Results as one mapping: "motif_rate.hits" to number."""
    return {f"{entry}.{name}": value.value for entry, values in results.items() for name, value in values.items()}


@dataclass(frozen=True)
class Bar:
    """One bar that a recipe's `require` sets: `name` must be `sign` `bound`, and whether it is."""

    name: str
    sign: str
    bound: float
    met: bool


def bars(entry: str, require: Mapping[str, Any], values: Mapping[str, Value]) -> list[Bar]:
    """The bars of an entry.

    Args:
        entry: its name.
        require: as the recipe has it: {">=": 0.9} is about the first value, {"hits": {"<": 9}} names one.
        values: what the metric found.

    Raises:
        RecipeError: a bar for a value that is not there.
    """
    found = []
    for key, bar in require.items():
        wanted = {next(iter(values)): {key: bar}} if key in COMPARE else {key: bar}
        for name, bounds in wanted.items():
            if name not in values:
                raise RecipeError(f"evaluate: {entry} has no value {name!r}; it has {', '.join(values)}")
            for sign, bound in (bounds if isinstance(bounds, Mapping) else {">=": bounds}).items():
                found.append(Bar(name, sign, bound, COMPARE[sign](values[name].value, bound)))
    return found


def missed_bars(entries: Sequence[Entry], results: Results) -> list[str]:
    """One line for each `require` of the recipe that the results do not meet."""
    return [
        f"{entry.name}.{bar.name} is {results[entry.name][bar.name].value:.4g}, required {bar.sign} {bar.bound:g}"
        for entry in entries
        for bar in bars(entry.name, entry.require, results[entry.name])
        if not bar.met
    ]


ARROWS = {"higher": "↑", "lower": "↓", "near": "≈", None: ""}


def rows(results: Results) -> list[list[str]]:
    """The results as rows of text: name, value, direction, reference, note."""
    return [
        [
            f"{entry}.{name}",
            f"{value.value:.4g}",
            ARROWS[value.better],
            "" if value.reference is None else f"{value.reference:.4g}",
            value.note,
        ]
        for entry, values in results.items()
        for name, value in values.items()
    ]


HEADINGS = ("metric", "generated", "better", "reference", "which is")


def summaries(entries: Sequence[Entry], results: Results) -> list[str]:
    """The readable lines that some metrics put above their numbers."""
    return [
        entry.metric.summary(results[entry.name])
        for entry in entries
        if hasattr(entry.metric, "summary") and entry.name in results
    ]


def as_json(results: Results) -> dict[str, Any]:
    """Results as JSON values."""
    return {entry: {name: asdict(value) for name, value in values.items()} for entry, values in results.items()}


def from_json(document: Mapping[str, Any]) -> Results:
    """Results that `as_json` wrote."""
    return {entry: {name: Value(**value) for name, value in values.items()} for entry, values in document.items()}
