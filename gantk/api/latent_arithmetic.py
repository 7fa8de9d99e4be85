"""Arithmetic on latents: `mean(class=7) - mean(class=1) + seed=3`, of a file of latents and of seeds."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit, RecipeError
from gantk.files.latents import Latents
from gantk.interfaces.priors import latents_of_seeds
from gantk.messages import did_you_mean
from gantk.recipe.number_lists import whole_numbers

TERM = re.compile(r"\s*([+-])?\s*(?:mean\(\s*(\w+)\s*=\s*([^()]+?)\s*\)|(\w+)\s*=\s*([\w.]+))\s*")
FORM = "write terms with + or - between them: mean(class=7) - mean(class=1) + row=3, or seed=3, or mean(seed=1-8)"


@dataclass(frozen=True)
class Term:
    """One term of a sum.

    Args:
        sign: 1 or -1.
        key: "seed", "row" or a fact.
        value: of the key: a number or name; of `seed` and `row` within a mean a list as "1,4,7-9".
        mean: whether it is the mean of all that have the value.
    """

    sign: int
    key: str
    value: str
    mean: bool

    def __str__(self) -> str:
        return f"mean({self.key}={self.value})" if self.mean else f"{self.key}={self.value}"


def terms_of(expression: str) -> list[Term]:
    """The terms of a sum.

    Raises:
        RecipeError: it is not written so.
    """
    found: list[Term] = []
    at = 0
    while at < len(expression.rstrip()):
        match = TERM.match(expression, at)
        if match is None or (found and match[1] is None):
            raise RecipeError(f"--arithmetic: not understood from '{expression[at:].strip()}' on: {FORM}")
        sign, key, values, single, value = match.groups()
        found.append(Term(-1 if sign == "-" else 1, key or single, values or value, key is not None))
        at = match.end()
    if not found:
        raise RecipeError(f"--arithmetic is empty: {FORM}")
    return found


def latent_of(term: Term, generator: nn.Module, latents: Latents | None) -> Tensor:
    """The latent that a term stands for, without its sign, (D,).

    Args:
        term: of a sum.
        generator: whose latents.
        latents: of a file; None: only seeds are known.

    Raises:
        RecipeError: no such fact, row or value, or several latents without a mean.
    """
    if term.key == "seed":
        drawn = latents_of_seeds(generator, whole_numbers(term.value, "seed"))
        assert drawn is not None
        return _mean_of(term, drawn)
    if latents is None:
        raise RecipeError(f"--arithmetic: {term} speaks of latents in a file: give it, --through FILE")
    if term.key == "row":
        rows = whole_numbers(term.value, "row")
        if max(rows) >= len(latents.values):
            raise RecipeError(f"--arithmetic: there is no row {max(rows)}: the file has {len(latents.values)}, from 0")
        return _mean_of(term, latents.values[rows])
    if term.key not in latents.facts:
        known = ["seed", "row", *latents.facts]
        there = f"nothing else is known than {', '.join(known)}"
        raise RecipeError(f"--arithmetic: {term}: {did_you_mean(term.key, known, there)}")
    fact = latents.facts[term.key]
    names = list(latents.attributes.get("names", {}).get(term.key, []))
    try:
        wanted = float(names.index(term.value)) if term.value in names else float(term.value)
    except ValueError as error:
        there = f"it is one of {', '.join(names)}" if names else "it is a number"
        raise RecipeError(f"--arithmetic: {term}: {did_you_mean(term.value, names, there)}") from error
    chosen = latents.values[fact == wanted]
    if not len(chosen):
        raise RecipeError(f"--arithmetic: no latent of the file has {term.key}={term.value}")
    return _mean_of(term, chosen)


def _mean_of(term: Term, latents: Tensor) -> Tensor:
    if len(latents) > 1 and not term.mean:
        raise RecipeError(
            f"--arithmetic: {len(latents)} latents have {term}: write mean({term}), or choose one by row=N"
        )
    return latents.float().mean(0)


def calculate(expression: str, generator: nn.Module, latents: Latents | None) -> tuple[Tensor, list[str]]:
    """The latents of all terms and then their sum, (T + 1, D), with a title each: Radford et al. 2016, section 6.3.2.

    Args:
        expression: as `terms_of` reads it.
        generator: whose latents.
        latents: of a file, or None.

    Raises:
        RecipeError: it is not understood, or speaks of what is not there.
        DoesNotFit: latents of another length than the generator takes.
    """
    terms = terms_of(expression)
    parts = torch.stack([latent_of(term, generator, latents) for term in terms])
    signs = torch.tensor([float(term.sign) for term in terms])
    titles = [f"{'-' if term.sign < 0 else '+' if number else ''} {term}".strip() for number, term in enumerate(terms)]
    if not parts.isfinite().all():
        raise DoesNotFit("--arithmetic: these latents hold numbers that are not finite")
    return torch.cat([parts, (signs @ parts)[None]]), [*titles, "= the sum"]
