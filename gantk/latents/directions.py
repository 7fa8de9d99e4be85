"""Directions through a latent space: single numbers of it, and what moves a generator's first layer most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces.optional_members import member
from gantk.interfaces.priors import has_normal_prior
from gantk.latents.first_layer import first_layer


@dataclass(frozen=True)
class Directions:
    """Directions through a latent space.

    Args:
        vectors: of length 1, (K, D).
        names: "dimension 3", "direction 1 (red)".
        gains: how far one standard deviation moves the first layer, (K,); None where that was not asked.
    """

    vectors: Tensor
    names: tuple[str, ...]
    gains: Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    def titles(self) -> list[str]:
        """The names, with the gains where they are known."""
        if self.gains is None:
            return list(self.names)
        return [f"{name}: {gain:.3g}" for name, gain in zip(self.names, self.gains.tolist(), strict=True)]


def single_dimensions(generator: nn.Module, numbers: Sequence[int], free: slice | None = None) -> Directions:
    """Single numbers of the latent.

    Args:
        generator: whose latent.
        numbers: which of them, from 0.
        free: the part that may change; None: all of it.

    Raises:
        DoesNotFit: there is no such number, or it lies in the part that is held.
    """
    size = _size(generator)
    allowed = range(*(free or slice(None)).indices(size))
    for number in numbers:
        if number not in range(size):
            raise DoesNotFit(f"there is no dimension {number}: this latent has those from 0 to {size - 1}")
        if number not in allowed:
            held = f"the others are those from {allowed.start} to {allowed.stop - 1}"
            raise DoesNotFit(f"dimension {number} lies in the part of the latent that is held fixed; {held}")
    return Directions(torch.eye(size)[list(numbers)], tuple(f"dimension {number}" for number in numbers))


def leading_directions(
    generator: nn.Module, count: int | None, free: slice | None = None, label: int = 0
) -> Directions:
    """The directions that move the first layer of a generator most.

    Of all n of length 1 these make ‖A n‖ largest, each one perpendicular to those before: the eigenvectors of AᵀA,
    where A are the weights that take the latent. The gain of each is ‖A n‖, the root of its eigenvalue. Parts of a
    latent that have weights of their own are each looked at alone. The largest number of a vector is positive.

    Shen & Zhou 2021 ("Closed-form factorization of latent semantics in GANs"), equation 8.

    Args:
        generator: with a latent of one axis.
        count: how many, those with the largest gains first; None: all there are.
        free: the part of the latent that may change; None: all of it.
        label: class number, for a generator that takes labels.

    Raises:
        DoesNotFit: it cannot be known which weights take the latent, or there are fewer directions.
    """
    size = _size(generator)
    allowed = torch.zeros(size, dtype=torch.bool)
    allowed[free or slice(None)] = True
    vectors, gains, names = [], [], []
    for name, (part, weights) in first_layer(generator, label).items():
        places = torch.arange(size)[part]
        kept = allowed[places]
        if not kept.any():
            continue
        inside = weights[:, kept]
        values, found = torch.linalg.eigh(inside.T @ inside)
        whole = torch.zeros(len(values), size, dtype=found.dtype)
        whole[:, places[kept]] = found.T
        vectors.append(whole)
        gains.append(values.clamp_min(0).sqrt())
        names += [name] * len(values)
    if not names:
        raise DoesNotFit("no directions are known in what changes of this latent: no weights are known that take it")
    if count is not None and count > len(names):
        raise DoesNotFit(f"there are {len(names)} directions in what changes of this latent, and not {count}")
    together = torch.cat(gains)
    order = together.argsort(descending=True, stable=True)[:count]
    chosen = torch.cat(vectors)[order]
    largest = chosen.gather(1, chosen.abs().argmax(1, keepdim=True))
    titles = [
        f"direction {rank}" + (f" ({names[at]})" if names[at] not in ("", "latent") else "")
        for rank, at in enumerate(order.tolist(), 1)
    ]
    return Directions((chosen * largest.sign()).float(), tuple(titles), together[order])


def traverse(base: Tensor, directions: Directions, values: Tensor) -> Tensor:
    """Latents that differ from one of them along each direction alone: their coordinate along it takes each value.

    Under N(0, I) a coordinate along any direction is N(0, 1), so that values are standard deviations.

    Args:
        base: (D,).
        directions: K of them.
        values: (S,).

    Returns:
        (K · S, D), all values of the first direction first.
    """
    vectors = directions.vectors
    along = vectors @ base  # (K,)
    moved = base + (values[None, :] - along[:, None])[:, :, None] * vectors[:, None, :]  # (K, S, D)
    return moved.flatten(0, 1)


def _size(generator: nn.Module) -> int:
    shape: Any = member(generator, "latent_shape")
    if not has_normal_prior(generator):
        raise DoesNotFit("a traversal counts in standard deviations of N(0, 1), and this generator has another prior")
    return int(shape[0])
