"""Samples of places in the latent space, as `gantk sample --at` and the page of `gantk explore` draw them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gantk.api.interpolate import class_number
from gantk.api.model import Model
from gantk.api.samples import Drawn
from gantk.interfaces import declares
from gantk.latents.places import Between, LatentSpace, Place


def samples_at(
    model: Model,
    places: Sequence[Place | Between],
    *,
    label: str | None = None,
    raw: bool = False,
    settings: Mapping[str, Any] | None = None,
    space: LatentSpace | None = None,
) -> Drawn:
    """A sample of each place, whose latent depends on that place alone.

    Args:
        model: whose generator.
        places: one or more.
        label: the class of all of them, for a generator that takes labels; None: the first.
        raw: as for `Model.sample`.
        settings: as for `Model.sample`.
        space: of this generator, which knows its directions already; None: a new one.

    Raises:
        DoesNotFit: this generator has no such places, or no such class.
    """
    latents = latents_at(model, places, label, space)
    labels = None
    if model.spec.classes and declares(model.generator, "labels"):
        labels = torch.full((len(latents),), class_number(model, label) or 0)
    elif label is not None:
        class_number(model, label)  # says that it draws none
    drawn = model.render(latents, labels=labels, raw=raw, settings=settings)
    drawn.attributes |= {"places": [str(place) for place in places]}
    return Drawn.of(replace(drawn, names=[re.sub(r"[^\w.-]+", "_", str(place)) for place in places]))


def latents_at(
    model: Model, places: Sequence[Place | Between], label: str | None = None, space: LatentSpace | None = None
) -> Tensor:
    """The latents of places, (N, D); see `samples_at`."""
    known = LatentSpace(model.generator) if space is None else space
    number = class_number(model, label) or 0
    return torch.stack([known.latent(place, number) for place in places])
