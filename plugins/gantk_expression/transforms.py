"""Transforms of expression: library size, log1p, standardise, 0-1; `fitting` fits them, output undoes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_expression.numbers import IN_WORDS, Numbers

Step = Literal["recover_counts", "library_size", "log1p", "log2", "standardise", "unit"]
"""What may stand in `transform`, in the order in which it is done."""

PER = 1e4  # counts per so many, as single-cell tools scale them


@dataclass(frozen=True, kw_only=True)
class Transform:
    """One fitted step: from numbers of one kind to numbers of another, and back.

    Args:
        before: what the numbers are that it is given.
    """

    name: ClassVar[Step]
    after: ClassVar[Numbers]
    takes: ClassVar[tuple[Numbers, ...]]
    cure: ClassVar[str] = "leave it out of data.transform"
    elementwise: ClassVar[bool] = False
    """Whether it works on each number alone and leaves zeros as they are, so that sparse data stay sparse."""
    by_row: ClassVar[bool] = False
    """Whether it scales whole rows, which is done with all genes before some are chosen."""
    before: Numbers

    def apply(self, values: Tensor) -> Tensor:
        """(B, G) before it to (B, G) after it."""
        raise NotImplementedError

    def undo(self, values: Tensor) -> Tensor:
        """(B, G) after it to (B, G) before it."""
        raise NotImplementedError

    @property
    def numbers_undone(self) -> Numbers:
        """What the numbers are after `undo`."""
        return self.before

    def to_json(self) -> dict[str, Any]:
        """JSON values of which `transforms_from` makes the same step."""
        found: dict[str, Any] = {"step": self.name}
        for each in fields(self):
            value = getattr(self, each.name)
            found[each.name] = [float(f"{x:.9g}") for x in value.tolist()] if isinstance(value, Tensor) else value
        return found


@dataclass(frozen=True, kw_only=True)
class RecoverCounts(Transform):
    """Counts from log1p of counts per 10,000: expm1(x) · total / 10,000, rounded to integers.

    Args:
        column: of obs, that holds the total of each cell.
    """

    name = "recover_counts"
    after = "counts"
    takes = ("log1p",)
    cure = "it takes log1p of counts per 10,000; leave it out of data.transform, or name another data.layer"
    by_row = True
    column: str = ""

    def apply(self, values: Tensor) -> Tensor:
        """Values as they are: what is generated has no total of its own."""
        return values

    def undo(self, values: Tensor) -> Tensor:
        """Values as they are: counts are what the file was made from."""
        return values

    @property
    def numbers_undone(self) -> Numbers:
        """Counts stay counts."""
        return "counts"


@dataclass(frozen=True, kw_only=True)
class LibrarySize(Transform):
    """Rows scaled to one sum over all genes.

    Args:
        target: that sum.
    """

    name = "library_size"
    after = "normalised"
    takes = ("counts", "normalised")
    cure = "it takes counts: name a layer that has them (data.layer), or leave it out of data.transform"
    by_row = True
    target: float = PER

    def apply(self, values: Tensor) -> Tensor:
        """Each row times target / its sum."""
        return values * (self.target / values.sum(1, keepdim=True).clamp(min=1e-12))

    def undo(self, values: Tensor) -> Tensor:
        """Values as they are: what is generated was never counted, and has no other sum."""
        return values

    @property
    def numbers_undone(self) -> Numbers:
        """Scaled counts stay scaled."""
        return "normalised"


@dataclass(frozen=True, kw_only=True)
class Log1p(Transform):
    """log(1 + x)."""

    name = "log1p"
    after = "log1p"
    takes = ("counts", "normalised")
    cure = "a logarithm of them makes no sense: leave it out of data.transform"
    elementwise = True

    def apply(self, values: Tensor) -> Tensor:
        """log(1 + x)."""
        return values.log1p()

    def undo(self, values: Tensor) -> Tensor:
        """exp(x) - 1, at least 0."""
        return values.expm1().clamp(min=0)


@dataclass(frozen=True, kw_only=True)
class Log2(Transform):
    """log2(1 + x), as bulk profiles are often given."""

    name = "log2"
    after = "log2"
    takes = ("counts", "normalised")
    cure = Log1p.cure
    elementwise = True

    def apply(self, values: Tensor) -> Tensor:
        """log2(1 + x)."""
        return values.log1p() / float(np.log(2))

    def undo(self, values: Tensor) -> Tensor:
        """2^x - 1, at least 0."""
        return (values * float(np.log(2))).expm1().clamp(min=0)


@dataclass(frozen=True, kw_only=True)
class Standardise(Transform):
    """Each gene with mean 0 and standard deviation 1 over the training samples.

    Args:
        mean: (G,) of the training samples.
        sd: (G,) of the training samples, 1 where a gene is constant.
    """

    name = "standardise"
    after = "scaled"
    takes = ("counts", "normalised", "log1p", "log2", "unit", "scaled")
    mean: Tensor = field(default_factory=lambda: torch.zeros(0))
    sd: Tensor = field(default_factory=lambda: torch.ones(0))

    def apply(self, values: Tensor) -> Tensor:
        """(x - mean) / sd."""
        return (values - self.mean.to(values)) / self.sd.to(values)

    def undo(self, values: Tensor) -> Tensor:
        """x · sd + mean."""
        return values * self.sd.to(values) + self.mean.to(values)


@dataclass(frozen=True, kw_only=True)
class Unit(Transform):
    """Each gene from 0, the least of the training samples, to 1, their largest; what lies outside is cut off.

    Args:
        low: (G,) least of the training samples.
        high: (G,) largest of the training samples, above `low`.
    """

    name = "unit"
    after = "unit"
    takes = ("counts", "normalised", "log1p", "log2", "unit", "scaled")
    low: Tensor = field(default_factory=lambda: torch.zeros(0))
    high: Tensor = field(default_factory=lambda: torch.ones(0))

    def apply(self, values: Tensor) -> Tensor:
        """(x - low) / (high - low), within 0 and 1."""
        low, high = self.low.to(values), self.high.to(values)
        return ((values - low) / (high - low)).clamp(0, 1)

    def undo(self, values: Tensor) -> Tensor:
        """x · (high - low) + low."""
        low, high = self.low.to(values), self.high.to(values)
        return values * (high - low) + low


STEPS: dict[str, type[Transform]] = {
    each.name: each for each in (RecoverCounts, LibrarySize, Log1p, Log2, Standardise, Unit)
}


def check_steps(names: Sequence[str], numbers: Numbers, what: str = "the data") -> Numbers:
    """What the numbers are after all steps.

    Args:
        names: steps in their order.
        numbers: what they are before.
        what: holds them, for the message.

    Raises:
        DoesNotFit: a step that such numbers do not go into: negative values where counts are needed, log of log.
    """
    for name in names:
        step = STEPS[name]
        if numbers not in step.takes:
            raise DoesNotFit(
                f"data.transform: {name} does not go with {what}, which {IN_WORDS[numbers]}; {step.cure}. If that is "
                "wrong, say what they are: data.numbers=" + step.takes[0]
            )
        numbers = step.after
    return numbers


def split_steps(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Steps that scale whole rows, which must stand first, and the others.

    Raises:
        DoesNotFit: one that scales rows stands behind another one, or a step twice.
    """
    if len(set(names)) < len(names):
        raise DoesNotFit(f"data.transform has a step twice: {', '.join(names)}")
    count = next((at for at, name in enumerate(names) if not STEPS[name].by_row), len(names))
    first, rest = list(names[:count]), list(names[count:])
    for name in rest:
        if STEPS[name].by_row:
            raise DoesNotFit(
                f"data.transform: {name} stands behind {rest[0]}; it scales whole samples, so write it first: "
                f"[{', '.join([name, *(each for each in names if each != name)])}]"
            )
    return first, rest


def transforms_from(document: Sequence[dict[str, Any]]) -> tuple[Transform, ...]:
    """Steps from the JSON values of `Transform.to_json`.

    Raises:
        ValueError: they are no such values.
    """
    found = []
    try:
        for each in document:
            values: dict[str, Any] = {
                name: torch.tensor(value, dtype=torch.float32) if isinstance(value, list) else value
                for name, value in each.items()
                if name != "step"
            }
            found.append(STEPS[each["step"]](**values))
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise ValueError(f"these are no steps of a transform: {error}") from error
    return tuple(found)


def transforms_of(spec: DataSpec) -> tuple[Transform, ...]:
    """The fitted steps that a DataSpec of expression carries; none where it says nothing."""
    return transforms_from(spec.attributes.get("transform", ()))


def undone(samples: Tensor, spec: DataSpec) -> tuple[Tensor, Numbers | None]:
    """Samples as numbers of the file that the data came from, and what these are; None where the spec says nothing.

    Args:
        samples: (B, G), as nets see them.
        spec: carries the fitted steps.
    """
    numbers = spec.attributes.get("numbers")
    for step in reversed(transforms_of(spec)):
        samples, numbers = step.undo(samples), step.numbers_undone
        if step.by_row:
            break  # what was before it cannot be told
    return samples, numbers


def applied(samples: Tensor, spec: DataSpec) -> Tensor:
    """The reverse of `undone`: numbers of the file to what nets see.

    Args:
        samples: (B, G).
        spec: carries the fitted steps.
    """
    for step in transforms_of(spec):
        samples = samples if step.by_row else step.apply(samples)
    return samples
