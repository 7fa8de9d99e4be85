"""What `gantk inspect` says of a folder of images: what it holds, a contact sheet, and a recipe that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gantk_basics.files.images.class_folder import Rules

from gantk.interfaces import Inspection, InspectRequest, InspectTable
from gantk_cells.inspection.contact_sheet import contact_sheet
from gantk_cells.inspection.inspector import Kinds
from gantk_cells.inspection.recipe_proposal import (
    data_block,
    kinds_of,
    question,
    recipe_text,
    usable,
    warnings_of,
)
from gantk_cells.inspection.survey import ClassSurvey, Survey, survey

CLASSES = ("class", "split", "images", "sizes", "pixels", "channels", "µm a pixel", "damaged", "duplicates")
CHANNELS = ("channel", "class", "lowest", "1 %", "median", "99 %", "99.9 %", "99.99 %", "highest")
LISTED = 5  # damaged files, or sizes, that are named one by one
SEVERAL = 8  # classes above which the intensities of all together are told


def inspect_images(request: InspectRequest, classes: Kinds | None) -> Inspection:
    """Looks at every image under a folder: classes, counts, sizes, channels, intensities, damage, duplicates.

    Args:
        request: the folder, keys of the `data` block, parameters of the picture.
        classes: what class folders differ in; None: by their names.

    Raises:
        DataError: there are no images, or they cannot be read together.
    """
    given = dict(request.data)
    files, proteins = given.get("channel_files"), given.get("proteins")
    markers = tuple(map(str, files)) if isinstance(files, list) else None
    rules = Rules(given.get("links", "refuse"), markers, given.get("sub_folders"))
    root = Path(str(given.get("root", request.path)))
    everything = survey(root, rules, list(map(str, proteins)) if isinstance(proteins, list) else None)
    found, advice = usable(everything)
    if len(found.classes) < len(everything.classes):
        given["proteins"] = list(dict.fromkeys(each.name for each in found.classes))
    data = data_block(found, given)
    picture = contact_sheet(found, data, dict(request.view))
    kinds = kinds_of(found, data, classes)
    text = recipe_text(data, len({each.name for each in found.classes}), kinds, found.is_lin)
    damaged = [f"{each.name}/{file}: {reason}" for each in everything.classes for file, reason in each.damaged[:LISTED]]
    red, *others = data.get("channels", [0, 1] if data["use"] == "cells/lin" else ["the first channel", "the others"])
    each_class = [as_document(each) for each in everything.classes]
    return Inspection(
        text,
        data,
        tables=[
            InspectTable(f"{root}: {found.origin} images", CLASSES, [row(each) for each in everything.classes]),
            InspectTable("intensities, percentiles of the pixels", CHANNELS, channel_rows(everything)),
        ],
        advice=advice + warnings_of(found, data),
        questions=[question(kinds, request.path)] if kinds and not classes and not found.is_lin else [],
        notes=[f"red is {red}, green {', '.join(map(str, others)) or 'none'}; the order of data.channels says which"],
        if_refused=damaged,
        picture=picture,
        picture_text="the first images of each class",
        document={"origin": found.origin, "classes_are": kinds, "classes": each_class},
    )


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
