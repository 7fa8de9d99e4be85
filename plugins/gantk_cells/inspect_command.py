"""The command `gantk inspect`: what a folder of images holds, a contact sheet, and a recipe that runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantk import console
from gantk.cli import options

if TYPE_CHECKING:
    from PIL import Image

    from gantk_cells.inspecting import ClassSurvey

HEADINGS = ("class", "split", "images", "sizes", "bits", "channels: lowest … highest", "damaged", "duplicates")
LISTED = 5  # damaged files that are named


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), default="inspected.png", show_default=True)
@click.option("--recipe", type=click.Path(path_type=Path), default="inspected.yaml", show_default=True)
@options.force
@options.as_json
@options.quiet
def inspect(folder: Path, out: Path, recipe: Path, force: bool, as_json: bool) -> None:
    """Look at every image under FOLDER: classes, counts, sizes, bits, brightness, damage, duplicates. Draws the first
    few of each class to --out, and writes a recipe that trains on them to --recipe.

    \b
    gantk inspect my_images
    gantk validate inspected.yaml
    gantk run inspected.yaml
    """
    for path in (out, recipe):
        options.refuse_to_overwrite(path, force)
    from gantk_cells import folders
    from gantk_cells.inspecting import data_block, survey

    found = survey(folder)
    caption = f"{folder}: {folders.find(folder, None, 'per_class').origin} images"
    data = data_block(folder, found)
    recipe.write_text(recipe_text(data, len({each.name for each in found})), encoding="utf-8")
    contact_sheet(found, data, caption).save(out)
    if as_json:
        console.answer_json(
            {"out": str(out), "recipe": str(recipe), "data": data, "classes": [as_document(e) for e in found]}
        )
        return
    console.table(str(folder), HEADINGS, [row(each) for each in found])
    for each in found:
        for file, reason in each.damaged[:LISTED]:
            console.warn(f"{each.name}/{file}: {reason}")
    console.say(f"the first images of each class: {out}")
    console.answer(str(recipe))


def row(each: ClassSurvey) -> list[str]:
    """A class as a line of the table."""
    return [
        each.name,
        each.split,
        str(each.images),
        ", ".join(f"{h} × {w}" for _, h, w in each.shapes),
        ", ".join(map(str, each.bits)),
        "; ".join(f"{channel}: {each.lowest[channel]} … {each.highest[channel]}" for channel in each.lowest),
        str(len(each.damaged)),
        str(len(each.duplicates)),
    ]


def as_document(each: ClassSurvey) -> dict[str, Any]:
    """A class as JSON values."""
    return {
        "class": each.name,
        "split": each.split,
        "images": each.images,
        "shapes": [{"channels": c, "height": h, "width": w, "images": n} for (c, h, w), n in each.shapes.items()],
        "bits": dict(each.bits),
        "lowest": list(each.lowest.values()),
        "highest": list(each.highest.values()),
        "damaged": [{"file": file, "reason": reason} for file, reason in each.damaged],
        "duplicates": each.duplicates,
    }


def recipe_text(data: dict[str, Any], classes: int) -> str:
    """A recipe that trains on these data: star-shaped for several classes, separable for one, else a DCGAN.

    Args:
        data: the block, as it is to be written.
        classes: how many there are.
    """
    start = "width: 16, initialisation: default"
    if data["layout"] == "per_class":
        about, kinds, extra = "Star-shaped GAN", ("cells/starshaped", "cells/per_class"), ", bias: true"
    elif len(data.get("channels", [0, 1])) == 2:
        about, kinds, extra = "Separable GAN", ("cells/separable", "cells/separable"), ", bias: true"
    else:
        about, kinds, extra = "DCGAN", ("basics/dcgan", "basics/dcgan"), ""
    smooth = ", smooth: true" if extra else ""
    lines = [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items()]
    rest = f"""\
generator: {{use: {kinds[0]}, latent: 100, {start}{extra}{smooth}}}
critic: {{use: {kinds[1]}, {start}{extra}}}
loss: {{use: basics/gan, r1: 1, r1_every: 4}}
play:
  generator_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
  critic_optimizer: {{use: basics/adam, lr: 2e-3, betas: [0, 0.9]}}
train: {{steps: 2000, batch: 16, ema: 0.995, schedule: tail, sample_every: 200, samples: 8, checkpoint_every: 500}}
evaluate:
  - {{use: {"cells/dependence" if extra else "basics/diversity"}, samples: 500}}
"""
    head = [
        "# Written by `gantk inspect`. The first channel is the one that all classes share (red); say which with",
        "# data.channels. The sizes and the training settings are those of lin_starshaped, for a CPU.",
        f"about: {about}, {classes} class{'es' if classes > 1 else ''} of images",
        "seed: 0",
        "data:",
    ]
    return "\n".join([*head, *lines, rest])


def contact_sheet(found: list[ClassSurvey], data: dict[str, Any], caption: str) -> Image.Image:
    """The first images of each class as the recipe will read them."""
    import numpy as np
    import torch
    from PIL import Image

    from gantk.interfaces import Samples
    from gantk.spec import DataSpec
    from gantk_cells.composite import Composite, brightness
    from gantk_cells.sheet import Block, Line, sheet

    channels = data.get("channels", [0, 1])
    height, width = data.get("size") or next(iter(next(each for each in found if each.images).shapes))[1:]
    spec = DataSpec((len(channels), height, width), ("channel", "y", "x"), range=(0.0, 1.0))
    view, blocks = Composite(spec), []
    for each in found:
        drawn = []
        for image in each.first:
            if len(image) <= max(channels):
                continue
            top = data.get("white", 255) if image.dtype == np.uint16 else 255
            scaled = (image[channels].astype(np.float32) / top).clip(0, 1)
            parts = [np.asarray(Image.fromarray(part).resize((width, height))) for part in scaled]
            drawn.append(torch.from_numpy(np.stack(parts)))
        if drawn:
            values = brightness(Samples(samples=torch.stack(drawn), spec=spec))
            title = f"{each.name} {each.split}: {each.images} images".replace(" :", ":")
            blocks.append(Block(title, [Line([], [view.composite(image) for image in values])]))
    return sheet(caption, blocks, view.scale)
