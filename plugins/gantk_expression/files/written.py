"""Samples as an expression matrix to write: transforms undone, names, labels and conditions as annotation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from gantk import randomness
from gantk.console import say
from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_expression.matrix import ExpressionMatrix, column_of
from gantk_expression.numbers import IN_WORDS, Numbers
from gantk_expression.profiles import LANDMARK_STEPS
from gantk_expression.transforms import undone

Round = Literal["none", "nearest", "stochastic"]


@dataclass(frozen=True)
class Written:
    """What a file gets.

    Args:
        matrix: values, names and annotation.
        numbers: what the values are; None: nobody knows.
        facts: what gantk says of the file, JSON.
        categories: of each categorical column of obs its entries, in order.
    """

    matrix: ExpressionMatrix
    numbers: Numbers | None
    facts: str
    categories: dict[str, tuple[str, ...]]


def to_write(samples: Samples, rounding: Round) -> Written:
    """Samples as numbers of the file that their data came from, with what is known of them.

    Args:
        samples: (N, G), as nets see them.
        rounding: to the nearest integer, or up or down at random so that the mean stays.

    Raises:
        DoesNotFit: samples that are no vectors, or numbers that cannot be rounded.
    """
    spec = samples.spec
    if len(spec.shape) != 1 or spec.categorical:
        raise DoesNotFit(f"an expression file holds vectors with a number for each gene, not {spec.axes}; take .h5")
    given = samples.samples.detach().cpu().float()
    values, numbers = undone(given, spec)
    _say_what_is_lost(given, numbers, spec)
    values = rounded(values, rounding, numbers, int(samples.attributes.get("latent_seed") or 0))
    origin = str(samples.attributes.get("origin", "generated"))
    short = next((each for each in ("generated", "simulated") if origin.startswith(each)), "real")
    obs: dict[str, list[str]] = {}
    categories: dict[str, tuple[str, ...]] = {}
    if samples.labels is not None and spec.classes:
        name = str(spec.attributes.get("label", "label"))
        obs[name] = [spec.classes[each] for each in samples.labels.tolist()]
        categories[name] = spec.classes
    for name, entries, values_of in _conditions(samples):
        if name not in obs:
            obs[name] = entries
            if values_of is not None:
                categories[name] = values_of
    obs["origin"] = [short] * len(values)
    if numbers is not None:
        obs["numbers"] = [numbers] * len(values)
    names = list(samples.names) if samples.names is not None else [f"{short}-{at + 1:06d}" for at in range(len(values))]
    matrix = ExpressionMatrix(
        values.numpy(),
        genes=list(spec.names.get(spec.axes[0]) or (f"{spec.axes[0]}_{at}" for at in range(spec.shape[0]))),
        samples=names,
        obs={name: column_of(entries) for name, entries in obs.items()},
        origin=short,
    )
    facts = {"origin": origin, "numbers": numbers, "attributes": _plain(samples.attributes), "spec": spec.to_json()}
    return Written(matrix, numbers, json.dumps(facts), categories)


def _say_what_is_lost(given: torch.Tensor, numbers: Numbers | None, spec: DataSpec) -> None:
    """Says how many numbers are no logarithm of a count, where a generator may make any number."""
    below = ((given < 0).float().mean().item()) if spec.attributes.get("numbers") in ("log1p", "log2") else 0.0
    if below and numbers in ("counts", "normalised") and len(given) > 1:  # a single one is a trial of the command
        say(f"{below:.1%} of the numbers are below 0, and become 0 in the file, where they stand without the logarithm")


def rounded(values: torch.Tensor, rounding: Round, numbers: Numbers | None, seed: int) -> torch.Tensor:
    """Integers in place of real numbers.

    Args:
        values: (N, G).
        rounding: how; none: as they are, and counts that are no integers are spoken of.
        numbers: what they are.
        seed: of what is drawn.

    Raises:
        DoesNotFit: they are neither counts nor scaled counts.
    """
    if rounding == "none":
        if numbers == "counts" and len(values) > 1 and not torch.equal(values, values.round()):
            say("a generator's counts are no integers: --round stochastic draws some, whose mean they are")
        return values
    if numbers not in ("counts", "normalised"):
        kind = "of a kind that nobody named" if numbers is None else f"such as {IN_WORDS[numbers]}"
        raise DoesNotFit(f"--round makes integers of counts, and these are numbers {kind}: leave it out")
    values = values.clamp(min=0)
    if rounding == "nearest":
        return values.round()
    drawn = torch.rand(values.shape, generator=randomness.generator(seed, "round"))
    return values.floor() + (drawn < values - values.floor()).float()


def _conditions(samples: Samples) -> list[tuple[str, list[str], tuple[str, ...] | None]]:
    """Of each number of the condition its name, entries as texts, and the values of a categorical one."""
    about: Any = samples.spec.attributes.get("condition", ())
    if LANDMARK_STEPS in samples.spec.attributes:
        return []  # genes are no annotation
    if samples.condition is None or samples.condition.dim() != 2 or len(about) != samples.condition.shape[1]:
        return []
    found = []
    for column, each in zip(samples.condition.T.tolist(), about, strict=True):
        values = tuple(map(str, each.get("values", ())))
        if values:
            texts = [values[min(max(round(number), 0), len(values) - 1)] for number in column]
        else:
            texts = [f"{number * each.get('sd', 1.0) + each.get('mean', 0.0):.6g}" for number in column]
        found.append((str(each["name"]), texts, values or None))
    return found


def _plain(attributes: Any) -> Any:
    """What of the attributes is JSON."""
    return {name: value for name, value in attributes.items() if isinstance(value, str | int | float | bool | None)}


def spec_in(facts: Any, genes: Sequence[str]) -> DataSpec | None:
    """The DataSpec that a file written by gantk carries; None where it has none, or one of other genes."""
    try:
        spec = DataSpec.from_json(facts["spec"])
    except (KeyError, TypeError, ValueError):
        return None
    return spec if len(spec.shape) == 1 and spec.shape[0] == len(genes) else None
