"""The first images of each class in one picture, as a recipe will read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gantk_basics.image_sizes import fitted
from gantk_basics.inspection.intensities import PERCENTILES
from gantk_basics.inspection.survey import ClassSurvey, Survey
from gantk_basics.pixel_values import Levels
from PIL import Image

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk_cells.data.layouts import images_spec
from gantk_cells.inspection.recipe_proposal import data_pixel_size, places
from gantk_cells.stack import stack_spec
from gantk_cells.views.composite import Composite
from gantk_cells.views.contrast import brightness
from gantk_cells.views.sheet import Line, SheetBlock, sheet


def contact_sheet(found: Survey, data: dict[str, Any], parameters: dict[str, Any]) -> Image.Image:
    """What lies in a folder: a block for each class, its channels in colours.

    Args:
        found: the images.
        data: the block of the recipe that reads them.
        parameters: of the view (`cells/composite`).
    """
    blocks, view = [], None
    for each in found.classes:
        samples = _samples(found, each, data)
        if samples is None:
            continue
        view = Composite(samples.spec, **parameters)
        count = f"{each.images} image{'s' * (each.images > 1)}"
        lines = [_line(view, samples)] if not samples.spec.attributes.get("stack") else view.lines(samples)
        blocks.append(SheetBlock(f"{each.name} {each.split}: {count}".replace(" :", ":"), lines))
    if view is None:
        raise DoesNotFit(f"{found.root}: no image has the channels of the recipe")
    return sheet(f"{found.root}: {found.origin} images", blocks, view.scale, view.bar)


def _line(view: Composite, samples: Samples) -> Line:
    return Line([], [view.composite(image) for image in brightness(samples, view.contrast)])


def _samples(found: Survey, each: ClassSurvey, data: dict[str, Any]) -> Samples | None:
    """The first images of a class as samples from 0 to 1; None where none has the channels."""
    drawn, kept = [], None
    for decoded in each.first:
        numbers = places(decoded, data.get("channels", [0, 1] if data["use"] == "cells/lin" else _every(decoded)))
        if not numbers:
            continue
        kept = kept or _levels(found, numbers, data, decoded.images.dtype.name)
        size = data.get("size") or found.count("shapes").most_common(1)[0][0][1:]
        image, _ = fitted(decoded.images[0][numbers], tuple(size), data.get("fit", "crop_and_pad"))
        low, high = (np.array(level)[:, None, None] for level in (kept.background, kept.white))
        drawn.append(torch.from_numpy(((image - low) / np.maximum(high - low, 1e-12)).clip(0, 1).astype(np.float32)))
    if kept is None:
        return None
    images = torch.stack(drawn)
    names = [f"channel {k}" for k in range(images.shape[1])]
    stacked = data["use"] == "cells/stacks"
    red, *proteins = _titles(data, names) if stacked else ("", each.name)
    spec = images_spec(
        images.shape[2:],
        (red, "protein") if stacked else names,
        found.origin,
        data_pixel_size(found),
        Levels.whole("uint8", 2 if stacked else len(names)),
        proteins,
        units=stacked,
    )
    spec = stack_spec(spec) if stacked else spec
    return Samples(samples=images * 2 - 1, spec=spec)


def _titles(data: dict[str, Any], names: list[str]) -> list[str]:
    given = data.get("channel_names") or data.get("channels") or names
    return [each if isinstance(each, str) else f"channel {each}" for each in given]


def _every(decoded: Any) -> list[int]:
    return list(range(decoded.images.shape[1]))


def _levels(found: Survey, numbers: list[int], data: dict[str, Any], type: str) -> Levels:
    """About the levels that the recipe will find, from some of the pixels."""
    whole = 0.0 if type == "float32" else float(np.iinfo(type).max)
    lows, highs = [], []
    for number in numbers:
        known = dict(zip((f"{share:g}%" for share in PERCENTILES), found.channel(number).percentiles(), strict=True))
        lows.append(known.get(data.get("background", ""), 0.0))
        highs.append(known.get(data.get("white", ""), whole))
    return Levels(tuple(lows), tuple(highs), type)
