"""The command `gantk inspect`: what a folder of images holds, a contact sheet, and a recipe that runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, console

if TYPE_CHECKING:
    from gantk_cells.inspection.recipe_proposal import Kinds
    from gantk_cells.inspection.survey import ClassSurvey, Survey

CLASSES = ("class", "split", "images", "sizes", "pixels", "channels", "µm a pixel", "damaged", "duplicates")
CHANNELS = ("channel", "class", "lowest", "1 %", "median", "99 %", "99.9 %", "99.99 %", "highest")
LISTED = 5  # damaged files, or sizes, that are named one by one
SEVERAL = 8  # classes above which the intensities of all together are told


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@cli_options.overrides
@click.option("-o", "--out", type=click.Path(path_type=Path), default="inspected.png", show_default=True)
@click.option("--recipe", type=click.Path(path_type=Path), default="inspected.yaml", show_default=True)
@click.option(
    "--classes",
    type=click.Choice(["proteins", "conditions"]),
    help="What class folders differ in: proteins are drawn in one and the same cell, conditions by a net each. "
    "[default: by their names]",
)
@cli_options.force
@cli_options.as_json
@cli_options.quiet
def inspect(
    folder: Path,
    overrides: tuple[str, ...],
    out: Path,
    recipe: Path,
    classes: Kinds | None,
    force: bool,
    as_json: bool,
) -> None:
    """Look at every image under FOLDER (PNG, JPEG or TIFF, in class folders or stacks of complete cells): classes,
    counts, sizes, types, channels, intensities, damage, duplicates. Draws the first few to --out, and writes a recipe
    that trains on them to --recipe, where a run will accept it. KEY=VALUE sets parameters of the picture,
    data.KEY=VALUE those of the data, which then stand in the recipe.

    \b
    gantk inspect my_images
    gantk inspect my_images colours=magenta/green scale_bar=5
    gantk inspect my_images --classes conditions
    gantk inspect my_images data.channels=[1,0] data.links=follow
    gantk validate inspected.yaml
    gantk run inspected.yaml
    """
    for path in (out, recipe):
        cli_options.refuse_to_overwrite(path, force)
    cli_options.refuse_no_picture(out)
    from gantk_basics.files.images.class_folder import Rules

    from gantk.errors import DoesNotFit
    from gantk.recipe import parameters_of
    from gantk_cells.inspection.contact_sheet import contact_sheet
    from gantk_cells.inspection.recipe_proposal import (
        data_block,
        kinds_of,
        question,
        recipe_text,
        usable,
        warnings_of,
    )
    from gantk_cells.inspection.survey import survey
    from gantk_cells.inspection.trial import warnings_of_recipe

    given = parameters_of([each.removeprefix("data.") for each in overrides if each.startswith("data.")])
    view = parameters_of([each for each in overrides if not each.startswith("data.")])
    files, proteins = given.get("channel_files"), given.get("proteins")
    markers = tuple(map(str, files)) if isinstance(files, list) else None
    rules = Rules(given.get("links", "refuse"), markers, given.get("sub_folders"))
    root = Path(str(given.get("root", folder)))
    everything = survey(root, rules, list(map(str, proteins)) if isinstance(proteins, list) else None)
    found, advice = usable(everything)
    if len(found.classes) < len(everything.classes):
        given["proteins"] = list(dict.fromkeys(each.name for each in found.classes))
    data = data_block(found, given)
    picture = contact_sheet(found, data, view)
    kinds = kinds_of(found, data, classes)
    text = recipe_text(data, len({each.name for each in found.classes}), kinds, found.is_lin)
    picture.save(out)
    advice += warnings_of(found, data)
    refused: DoesNotFit | None = None
    try:
        advice += warnings_of_recipe(text)
        recipe.write_text(text, encoding="utf-8")
    except DoesNotFit as error:
        refused = error
    if kinds and not classes and not found.is_lin:
        advice.append(question(kinds, folder))
    if as_json:
        each_class = [as_document(each) for each in everything.classes]
        known = {"out": str(out), "recipe": None if refused else str(recipe), "origin": found.origin, "data": data}
        known |= {"classes_are": kinds, "refused": str(refused) if refused else None}
        console.answer_json({**known, "warnings": advice, "classes": each_class})
    else:
        _print(everything, data, advice, bool(refused))
        console.say(f"the first images of each class: {out}")
    if refused:
        raise refused
    if not as_json:
        console.answer(str(recipe))


def _print(found: Survey, data: dict[str, Any], advice: list[str], refused: bool) -> None:
    """The tables, and what the owner should know."""
    folder = found.root
    console.table(f"{folder}: {found.origin} images", CLASSES, [row(each) for each in found.classes])
    console.table("intensities, percentiles of the pixels", CHANNELS, channel_rows(found))
    for each in found.classes if refused else ():  # else the data set warned of them
        for file, reason in each.damaged[:LISTED]:
            console.warn(f"{each.name}/{file}: {reason}")
    for text in advice:
        console.warn(text)
    red, *others = data.get("channels", [0, 1] if data["use"] == "cells/lin" else ["the first channel", "the others"])
    console.say(f"red is {red}, green {', '.join(map(str, others)) or 'none'}; the order of data.channels says which")


def row(each: ClassSurvey) -> list[str]:
    """A class as a line of the table."""
    counts = sorted({shape[0] for shape in each.shapes})
    return [
        each.name,
        each.split,
        str(each.images),
        _sizes(sorted({shape[1:] for shape in each.shapes})),
        ", ".join(each.types),
        ", ".join(map(str, counts)),
        ", ".join("?" if size is None else f"{size:g}" for size in each.pixel_sizes),
        str(len(each.damaged)),
        str(len(each.duplicates)),
    ]


def _sizes(found: list[tuple[int, ...]]) -> str:
    if len(found) <= LISTED:
        return ", ".join(f"{h} × {w}" for h, w in found)
    spans = [f"{min(sides)} … {max(sides)}" for sides in zip(*found, strict=True)]
    return f"{len(found)} sizes, {' × '.join(spans)}"


def channel_rows(found: Survey) -> list[list[str]]:
    """The intensities of each channel: of each class, or where there are many of all together."""
    usual = found.count("names").most_common(1)
    names = usual[0][0] if usual else ()
    rows = []
    for number in sorted({number for each in found.classes for number in each.channels}):
        title = f"{number} {names[number]}".strip() if number < len(names) else str(number)
        several = len(found.classes) > SEVERAL
        every: list[Any] = [("all", found.channel(number))] if several else []
        every += [
            (f"{each.name} {each.split}".strip(), each.channels[number])
            for each in found.classes
            if not several and number in each.channels
        ]
        for name, channel in every:
            values = (channel.lowest, *channel.percentiles(), channel.highest)
            rows.append([title, name, *(f"{value:g}" for value in values)])
    return rows


def as_document(each: ClassSurvey) -> dict[str, Any]:
    """A class as JSON values."""
    from gantk_cells.inspection.intensities import PERCENTILES

    return {
        "class": each.name,
        "split": each.split,
        "images": each.images,
        "shapes": [{"channels": c, "height": h, "width": w, "images": n} for (c, h, w), n in each.shapes.items()],
        "types": dict(each.types),
        "channel_names": [{"names": list(names), "images": n} for names, n in each.names.items()],
        "pixel_sizes_um": [{"size": size, "images": n} for size, n in each.pixel_sizes.items()],
        "intensities": [
            {
                "lowest": channel.lowest,
                "highest": channel.highest,
                "percentiles": dict(zip(map(str, PERCENTILES), channel.percentiles(), strict=True)),
            }
            for channel in each.channels.values()
        ],
        "damaged": [{"file": file, "reason": reason} for file, reason in each.damaged],
        "duplicates": each.duplicates,
        "in_training": each.in_training,
    }
