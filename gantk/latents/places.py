"""Places in a latent space, and how they are written: `seed=17,red=5,direction1=1.5`, or one between two of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit, RecipeError
from gantk.interfaces import declares
from gantk.interfaces.optional_members import member
from gantk.interfaces.priors import latents_of_seeds
from gantk.latents.directions import Directions, leading_directions, single_dimensions
from gantk.latents.paths import spherical
from gantk.messages import did_you_mean, shown

FORM = (
    "write seed=17, and with commas what is changed: red=5 (that part from another seed), direction1=1.5 or "
    "dimension3=-2 (moved so many standard deviations), truncation=1; or 'PLACE to PLACE at 0.4', and perhaps "
    "'holding red'"
)
MOVE = re.compile(r"(?:(?P<part>\w+)\.)?(?P<kind>direction|dimension)(?P<number>\d+)")
BETWEEN = re.compile(r"(?P<start>\S+) to (?P<end>\S+) at (?P<share>\S+?)(?: holding (?P<held>\w+))?")


@dataclass(frozen=True)
class Place:
    """The latent of a seed, perhaps with parts from other seeds, and moved along some directions.

    Args:
        seed: of the latent, as `gantk sample --seeds` draws it.
        parts: name of a part of the latent to the seed that it is from instead.
        moves: "direction1", "red.direction2" or "dimension3" to how far, in standard deviations.
        truncation: of all seeds, see `gantk.interfaces.priors`.
    """

    seed: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    moves: Mapping[str, float] = field(default_factory=dict)
    truncation: float | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is the latent of a seed as that is drawn."""
        return not self.parts and not self.moves

    def __str__(self) -> str:
        words = [f"seed={self.seed}", *(f"{name}={seed}" for name, seed in self.parts.items())]
        words += [f"{name}={_short(by)}" for name, by in self.moves.items()]
        return ",".join(words + ([] if self.truncation is None else [f"truncation={_short(self.truncation)}"]))


@dataclass(frozen=True)
class Between:
    """A place on the arc from one to another.

    Args:
        start: where share is 0.
        end: where share is 1.
        share: of the way, 0 … 1.
        held: the part of the latent that stays as at the start; None: none.
    """

    start: Place
    end: Place
    share: float
    held: str | None = None

    def __str__(self) -> str:
        holding = "" if self.held is None else f" holding {self.held}"
        return f"{self.start} to {self.end} at {_short(self.share)}{holding}"


def place_of(text: str) -> Place | Between:
    """A place from how it is written.

    Raises:
        RecipeError: it is not written so.
    """
    between = BETWEEN.fullmatch(" ".join(text.split()))
    if between is None:
        return _plain(text, text)
    share = _number(between["share"], text, float, "at")
    if not 0 <= share <= 1:
        raise RecipeError(f"--at {text}: at is from 0 (the start) to 1 (the end), and here it is {share:g}")
    return Between(_plain(between["start"], text), _plain(between["end"], text), share, between["held"])


def _plain(text: str, whole: str) -> Place:
    found: dict[str, Any] = {}
    for word in text.strip().split(","):
        name, equals, value = word.strip().partition("=")
        if not equals or not name or " " in value:
            raise RecipeError(f"--at {whole}: not understood: {shown(word)}; {FORM}")
        if name in found:
            raise RecipeError(f"--at {whole}: {name} is said twice")
        number = float if name == "truncation" or MOVE.fullmatch(name) else int
        found[name] = _number(value, whole, number, name)
    if "seed" not in found:
        raise RecipeError(f"--at {whole}: says no seed; {FORM}")
    seed, truncation = found.pop("seed"), found.pop("truncation", None)
    moves = {name: by for name, by in found.items() if MOVE.fullmatch(name)}
    return Place(seed, {name: by for name, by in found.items() if name not in moves}, moves, truncation)


def _number(text: str, whole: str, kind: Callable[[str], Any], name: str) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or (kind is int and value < 0) or not abs(value) < float("inf"):
        wanted = "a whole number from 0" if kind is int else "a number"
        raise RecipeError(f"--at {whole}: {name} is {wanted}, not {shown(text)}")
    return value


def _short(value: float) -> str:
    return f"{value:.6g}"


class LatentSpace:
    """The latents of a generator, by places. Directions are found once.

    Args:
        generator: with a latent of one axis.

    Raises:
        DoesNotFit: it has none, or makes samples from a condition.
    """

    def __init__(self, generator: nn.Module):
        shape: Any = member(generator, "latent_shape")
        if shape is None or len(shape) != 1 or declares(generator, "condition"):
            raise DoesNotFit("places are those of a latent of one axis, and this generator has none")
        self.generator = generator
        self.size = int(shape[0])
        self.parts: dict[str, slice] = dict(member(generator, "latent_parts") or {})
        self._directions: dict[tuple[str | None, int], Directions] = {}

    def directions(self, part: str | None = None, label: int = 0) -> Directions:
        """The directions that move the first layer most, the most first.

        Args:
            part: of the latent, in which they lie; None: in all of it.
            label: class number, for a generator that takes labels.

        Raises:
            DoesNotFit: they cannot be known, or there is no such part.
        """
        if (part, label) not in self._directions:
            free = None if part is None else self._part(part)
            self._directions[part, label] = leading_directions(self.generator, None, free, label)
        return self._directions[part, label]

    def vector(self, move: str, label: int = 0) -> Tensor:
        """The direction of length 1 that a move is along, (D,).

        Args:
            move: "direction1", "red.direction2", "dimension3".
            label: class number, for a generator that takes labels.

        Raises:
            DoesNotFit: there is none of that name.
        """
        match = MOVE.fullmatch(move)
        assert match is not None
        number, part = int(match["number"]), match["part"]
        if match["kind"] == "dimension":
            if part is not None:
                raise DoesNotFit(f"{move}: dimensions are counted through the whole latent: write dimension{number}")
            return single_dimensions(self.generator, [number]).vectors[0]
        found = self.directions(part, label)
        if not 1 <= number <= len(found):
            raise DoesNotFit(f"there is no {move}: directions have the numbers from 1 to {len(found)}")
        return found.vectors[number - 1]

    def latent(self, place: Place | Between, label: int = 0) -> Tensor:
        """The latent at a place, (D,).

        Args:
            place: where.
            label: class number, for a generator that takes labels.

        Raises:
            DoesNotFit: this generator has no such part or direction.
        """
        if isinstance(place, Between):
            start, end = self.latent(place.start, label), self.latent(place.end, label)
            free = torch.ones(self.size, dtype=torch.bool)
            if place.held is not None:
                free[self._part(place.held)] = False
            found = start.clone()
            found[free] = spherical(start[free], end[free], torch.tensor([place.share]))[0]
            return found
        found = self._of_seed(place.seed, place.truncation)
        for name, seed in place.parts.items():
            found[self._part(name)] = self._of_seed(seed, place.truncation)[self._part(name)]
        for move, by in place.moves.items():
            found = found + by * self.vector(move, label)
        return found

    def _of_seed(self, seed: int, truncation: float | None) -> Tensor:
        drawn = latents_of_seeds(self.generator, [seed], truncation=truncation)
        assert drawn is not None
        return drawn[0].clone()

    def _part(self, name: str) -> slice:
        if name not in self.parts:
            there = f"it has {', '.join(self.parts)}" if self.parts else "it has no parts"
            near = did_you_mean(name, [*self.parts], there)
            raise DoesNotFit(f"the latent of this generator has no part '{name}': {near}")
        return self.parts[name]
