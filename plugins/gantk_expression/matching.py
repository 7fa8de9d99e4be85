"""Profiles of a file as a model was trained on them: genes matched by name, numbers brought to the same kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.messages import did_you_mean, printable
from gantk_expression.numbers import IN_WORDS, what_numbers
from gantk_expression.transforms import Transform, undone

SHOWN = 5  # genes that a message names
LOGARITHMS = ("log1p", "log2")


def of_genes(steps: Sequence[Transform], columns: Tensor) -> tuple[Transform, ...]:
    """Fitted steps of some of their genes.

    Args:
        steps: of all genes.
        columns: numbers of the genes that are left, (G,).
    """
    found = []
    for step in steps:
        by_name = {each.name: getattr(step, each.name) for each in fields(step)}
        cut: dict[str, Any] = {
            name: value[columns] for name, value in by_name.items() if isinstance(value, Tensor) and value.dim()
        }
        found.append(replace(step, **cut) if cut else step)
    return tuple(found)


def matched(genes: Sequence[str], known: Sequence[str]) -> Tensor:
    """Where genes stand among those of a file, (G,) int64.

    Args:
        genes: that a model takes.
        known: of the file, in its order.

    Raises:
        DoesNotFit: genes that are missing or stand there more than once; the message names them.
    """
    at = {name: number for number, name in enumerate(known)}
    missing = [name for name in genes if name not in at]
    if missing:
        few = list(known)[:SHOWN]
        hint = did_you_mean(missing[0], known, f"the file has {_some(few)}{', …' if len(known) > SHOWN else ''}")
        raise DoesNotFit(
            f"{len(missing):,} of the {len(genes):,} genes that this model takes are missing: {_some(missing)}; {hint}"
        )
    counts = Counter(known)
    doubled = [name for name in genes if counts[name] > 1]
    if doubled:
        raise DoesNotFit(
            f"{len(doubled):,} of the genes that this model takes stand there more than once: {_some(doubled)}; leave "
            "one row or column of each"
        )
    return torch.tensor([at[name] for name in genes], dtype=torch.int64)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:SHOWN])) + (f", … ({len(names):,})" if len(names) > SHOWN else "")


def as_trained(samples: Samples, genes: Sequence[str], steps: Sequence[Transform]) -> Tensor:
    """Profiles of a file, as a model sees those that it was trained on: (N, G).

    Genes are matched by name, whatever their order and whatever else there is. Numbers that carry fitted steps (samples
    that gantk wrote with them) are first brought back to those of their own file; then the model's steps are done,
    those that scale whole rows with all genes of the file.

    Args:
        samples: profiles with names of their genes.
        genes: that the model takes, in its order.
        steps: fitted on the training data for these genes.

    Raises:
        DoesNotFit: genes without names, missing ones or doubled ones, missing values, or numbers of another kind than
            the steps take.
    """
    spec = samples.spec
    if spec.axes != ("gene",) or "gene" not in spec.names:
        raise DoesNotFit("these samples are no profiles with names of genes, by which they could be matched")
    columns = matched(genes, spec.names["gene"])
    values, numbers = undone(samples.samples.float(), spec)
    if not bool(torch.isfinite(values[:, columns]).all()):
        raise DoesNotFit(f"{int((~torch.isfinite(values[:, columns])).any(1).sum()):,} profiles have missing values")
    if steps:
        kind = numbers or what_numbers(values.numpy()).numbers
        wanted = steps[0].before
        if kind != wanted and not {kind, wanted} <= set(LOGARITHMS):
            raise DoesNotFit(
                f"the model was trained on numbers that {IN_WORDS[wanted]}, and those here {IN_WORDS[kind]}: give the "
                "same kind"
            )
    rest = list(steps)
    while rest and rest[0].by_row:
        values = rest.pop(0).apply(values)
    values = values[:, columns]
    for step in rest:
        values = step.apply(values)
    return values
