"""What `gantk inspect` says of a folder of images: what it holds, a contact sheet, and a recipe that runs."""

from __future__ import annotations

from pathlib import Path

from gantk_basics.files.images.class_folder import Rules
from gantk_basics.inspection.survey import survey
from gantk_basics.inspection.survey_tables import as_document, damaged, remarks, tables

from gantk.interfaces import Inspection, InspectRequest
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
    red, *others = data.get("channels", [0, 1] if data["use"] == "cells/lin" else ["the first channel", "the others"])
    each_class = [as_document(each) for each in everything.classes]
    return Inspection(
        text,
        data,
        tables=tables(everything),
        advice=advice + warnings_of(found, data),
        questions=[question(kinds, request.path)] if kinds and not classes and not found.is_lin else [],
        notes=[f"red is {red}, green {', '.join(map(str, others)) or 'none'}; the order of data.channels says which"],
        if_refused=[*damaged(everything), *remarks(found)],  # else the data set says so
        picture=picture,
        picture_text="the first images of each class",
        document={"origin": found.origin, "classes_are": kinds, "classes": each_class},
    )
