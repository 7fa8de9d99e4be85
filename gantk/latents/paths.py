"""Paths from latent to latent: arcs and straight lines, of the whole latent or of a part of it."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces.optional_members import member

Way = Literal["spherical", "linear"]


def spherical(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Points on the arc between two vectors, whose lengths change evenly: where N(0, I) has its mass, unlike a chord.

    Shoemake 1985; White 2016 (arXiv 1609.04468), section 3.1.

    Args:
        start: (D,).
        end: (D,).
        share: how far along each point lies, 0 … 1, (F,).

    Returns:
        (F, D).
    """
    lengths = torch.lerp(start.norm(), end.norm(), share)[:, None]  # (F, 1)
    one, other = (vector / vector.norm().clamp_min(1e-12) for vector in (start, end))
    angle = torch.atan2((one - other).norm(), (one + other).norm()) * 2  # exact for small angles too
    if angle.sin().abs() < 1e-6:  # the same direction, or opposite ones, between which no arc is the shortest
        return linear(start, end, share)
    weights = torch.stack([((1 - share) * angle).sin(), (share * angle).sin()], 1) / angle.sin()  # (F, 2)
    return lengths * (weights @ torch.stack([one, other]))


def linear(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Points on the straight line between two vectors; see `spherical`."""
    return start + share[:, None] * (end - start)


WAYS = {"spherical": spherical, "linear": linear}


def path(stops: Tensor, frames: int, *, way: Way = "spherical", loop: bool = True, free: slice | None = None) -> Tensor:
    """Latents along a path through some stops.

    Args:
        stops: (S, D), two or more.
        frames: from one stop to the next, the next one not counted.
        way: how to go from one to the next.
        loop: whether to go back to the first one; else the path ends with the last.
        free: the part of a latent that changes; the rest stays as in the first stop. None: all of it.

    Returns:
        (S · frames, D) of a loop, else ((S - 1) · frames + 1, D).
    """
    changing = stops[:, free] if free is not None else stops
    share = torch.arange(frames) / frames
    ends = torch.cat([changing[1:], changing[:1]]) if loop else changing[1:]
    parts = [WAYS[way](start, end, share) for start, end in zip(changing, ends, strict=False)]
    along = torch.cat(parts if loop else [*parts, changing[-1:]])
    if free is None:
        return along
    whole = stops[:1].repeat(len(along), 1)
    whole[:, free] = along
    return whole


def part_that_varies(generator: nn.Module, held: str | None) -> slice | None:
    """The part of the latent that is left when one is held fixed.

    Raises:
        DoesNotFit: the generator has no such part, or what is left of its latent is more than one part.
    """
    if held is None:
        return None
    parts: Any = member(generator, "latent_parts")
    others = [part for name, part in parts.items() if name != held]
    if held not in parts or len(others) != 1:
        known = f"it has {', '.join(parts)}" if parts else "its latent has no parts"
        raise DoesNotFit(f"this generator has no part '{held}' of the latent to hold fixed: {known}")
    return others[0]
