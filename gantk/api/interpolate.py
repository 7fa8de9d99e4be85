"""Paths through the latent space, and what a generator draws along them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
