"""Paths through the latent space, and what a generator draws along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor, nn

from gantk import console
from gantk.api.run import Model
from gantk.errors import DoesNotFit, GantkError, RecipeError
from gantk.files.latents import Latents
from gantk.files.pictures import write_image
from gantk.interfaces import Samples, declares
from gantk.interfaces.optional_members import member
from gantk.interfaces.priors import draw_latents
from gantk.reporting import pictures
from gantk.sampling import render

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


def chosen(latents: Latents, order: str | None, only: Sequence[str], least: int = 2) -> Tensor:
    """Latents of a file, in the order of what is known of them.

    Args:
        latents: of `gantk reconstruct`, say.
        order: the fact they are sorted by; None: as they lie in the file.
        only: "fact=number": the others are left out.
        least: how many must be left.

    Raises:
        RecipeError: there is no such fact, or fewer latents are left.
    """
    kept = torch.ones(len(latents.values), dtype=torch.bool)
    for text in only:
        name, _, number = text.partition("=")
        try:
            kept &= _fact(latents, name) == float(number)
        except ValueError as error:
            raise RecipeError(f"--only {text}: write fact=number") from error
    rows = kept.nonzero()[:, 0]
    if order is not None:
        rows = rows[_fact(latents, order)[rows].argsort(stable=True)]
    if len(rows) < least:
        needed = "a path needs two latents or more" if least == 2 else "a traversal starts from a latent"
        raise RecipeError(f"{needed}, and {len(rows)} are left of {len(kept)}")
    return latents.values[rows]


def _fact(latents: Latents, name: str) -> Tensor:
    if name not in latents.facts:
        raise RecipeError(
            f"nothing is known of '{name}' in this file; there are {', '.join(latents.facts) or 'no facts'}"
        )
    return latents.facts[name]


def generator_of(model: Model) -> nn.Module:
    """The generator that paths lead through.

    Raises:
        GantkError: there is none, or its samples come from something else than a latent of one axis.
    """
    generator = model.state.sampled()
    if generator is None:
        raise GantkError(f"{model.checkpoint.path}: has no generator")
    shape: Any = member(generator, "latent_shape")
    if shape is None or len(shape) != 1 or declares(generator, "condition"):
        raise DoesNotFit("paths lead through latents of one axis, drawn from N(0, 1); this generator has none")
    return generator


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


def latents_for(path: Path, model: Model) -> Latents:
    """Latents of a file, with a warning where they were found for another model.

    Raises:
        GantkError: no such file, or latents of another length than this generator takes.
    """
    found = Latents.read(path)
    shape: Any = generator_of(model).latent_shape
    if tuple(found.values.shape[1:]) != tuple(shape):
        raise DoesNotFit(
            f"{path}: these latents have {found.values[0].numel()} numbers, and this generator takes {shape[0]}"
        )
    if found.attributes.get("model") != model.checkpoint.digest:
        console.warn(f"{path}: these latents were found for another model; in this one they mean something else")
    return found


def stops_at_random(generator: nn.Module, count: int, seed: int, truncation: float | None = None) -> Tensor:
    """Latents to go through, (count, D); see `gantk.interfaces.priors` for the truncation."""
    drawn = draw_latents(generator, count, seed=seed, purpose="interpolate", truncation=truncation)
    assert drawn is not None
    return drawn


def class_number(model: Model, label: str | None) -> int | None:
    """The class that a path is drawn in, by number; None for a generator that takes no labels.

    Args:
        model: whose generator.
        label: the class; None: the first.

    Raises:
        GantkError: no such class.
    """
    classes = model.spec.classes
    if not classes or not declares(generator_of(model), "labels"):
        if label is not None:
            raise DoesNotFit(f"this generator does not draw one class or another, so it cannot draw '{label}'")
        return None
    if label is not None and label not in classes:
        raise GantkError(f"no class is called '{label}'; there are {', '.join(classes)}")
    return classes.index(label or classes[0])


def draw_along(model: Model, latents: Tensor, label: str | None) -> Samples:
    """What the model makes of latents (F, D), in order.

    Args:
        model: whose generator.
        latents: along a path.
        label: the class, for a generator that takes labels; None: the first.

    Raises:
        GantkError: no such class.
    """
    generator, spec = generator_of(model), model.spec
    number = class_number(model, label)
    labels = None if number is None else torch.full((len(latents),), number)
    drawn = render(generator, spec, latents, len(latents), labels=labels, device=model.device)
    drawn.attributes |= {"model": model.checkpoint.digest, "step": model.checkpoint.step}
    return drawn


def frames_of(samples: Samples, step: int, parameters: Mapping[str, Any] | None = None) -> list[Image.Image]:
    """One picture for each sample, by the view of such samples.

    Args:
        samples: along a path.
        step: of the checkpoint, for the caption.
        parameters: of the view.

    Raises:
        GantkError: the samples' spec names no view.
    """
    view = pictures.build_view(samples.spec, **(parameters or {}))
    if view is None:
        raise GantkError("these samples name no view to draw them with; write another format than .gif and .png")
    count = len(samples)
    return [
        view.draw(samples[slice(i, i + 1)], caption=f"step {step}, frame {i + 1} of {count}")
        for i in console.progress(range(count), text="drawing frames")
    ]


def write_frames(folder: Path, frames: Sequence[Image.Image], names: Sequence[str] = ()) -> None:
    """Writes frame-001.png, … to a new folder, or pictures of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, 1):
        write_image(folder / f"{names[number - 1] if names else f'frame-{number:03d}'}.png", frame)
