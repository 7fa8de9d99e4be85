"""Writes cells as OME-TIFF files that say where each came from, the table of all, and a recipe that reads them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from gantk.errors import FileError
from gantk.files import write_bytes
from gantk_cells.cropping.measuring import Cell, area_of

TABLE = "cells.csv"
COLUMNS = ("file", "split", "field", "label", "y", "x", "angle", "area", "sharpness", "left out")


def write_cell(path: Path, picture: NDArray[Any], cell: Cell, channels: Sequence[str], size: float | None) -> None:
    """One cell as OME-TIFF, with its field, position and angle in the OME-XML.

    Args:
        path: of the file.
        picture: (C, H, W).
        cell: where it came from.
        channels: names.
        size: of a pixel, micrometres; None where it is not known.

    Raises:
        FileError: it cannot be written.
    """
    unit = "µm" if cell.pixel_size else "pixel"
    factor = cell.pixel_size or 1.0
    planes = len(picture)
    about = {key: str(value) for key, value in origin_of_cell(cell).items()}
    metadata: dict[str, Any] = {
        "axes": "CYX",
        "Name": path.name,
        "Channel": {"Name": list(channels)},
        "Plane": {
            "PositionX": [factor * cell.x] * planes,
            "PositionXUnit": [unit] * planes,
            "PositionY": [factor * cell.y] * planes,
            "PositionYUnit": [unit] * planes,
        },
        "MapAnnotation": {"Namespace": "gantk crop", **about},
    }
    if size:
        for axis in "XY":
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    try:
        tifffile.imwrite(path, picture, ome=True, photometric="minisblack", compression="zlib", metadata=metadata)
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror or error}") from error


def origin_of_cell(cell: Cell) -> dict[str, Any]:
    """Where a cell came from: words of the pattern, its field, its number there, position (pixels) and angle."""
    place = {"label": cell.label, "y": round(cell.y, 2), "x": round(cell.x, 2), "angle": round(cell.angle, 2)}
    return {**cell.tags, "field": cell.tags.get("field", cell.field), **place}


def write_table(path: Path, cells: Sequence[Cell]) -> None:
    """All cells, those left out, too, with the reason, as CSV."""
    words = sorted({word for cell in cells for word in cell.tags} - {*COLUMNS})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "split", "field", *words, *COLUMNS[3:]])
    for cell in cells:
        place = origin_of_cell(cell)
        numbers = [round(area_of(cell), 3), round(cell.sharpness, 4), cell.reason]
        own = [cell.file, cell.split, place["field"], *(cell.tags.get(word, "") for word in words)]
        table.writerow([*own, *(place[key] for key in ("label", "y", "x", "angle")), *numbers])
    write_bytes(path, text.getvalue().encode())


def write_labels(path: Path, labels: NDArray[np.int32]) -> None:
    """Labels of a field as TIFF, which Fiji, napari and `masks` read."""
    kind = np.uint16 if labels.max(initial=0) < 2**16 else np.uint32
    tifffile.imwrite(path, labels.astype(kind), compression="zlib")


def recipe_of(folder: Path, channels: Sequence[str], classes: Sequence[str], split_by: str | None) -> str:
    """A recipe that trains on the cells, which `gantk run` takes.

    Args:
        folder: of the cells.
        channels: their names.
        classes: names of the class folders; () where there are none.
        split_by: column of the table by which splits are made; None: by files.
    """
    from gantk_cells.inspection.recipe_proposal import recipe_text

    pairs = len(channels) > 1
    data: dict[str, Any] = {"use": "cells/lin" if classes else "cells/stacks", "root": str(folder)}
    data["layout"] = "per_class" if pairs and (not classes or len(classes) > 1) else "pairs" if classes else "composite"
    data["channels"] = list(channels)
    data["white"] = "99.9%"
    if split_by:
        data["split_by"] = split_by
    text = recipe_text(data, max(1, len(classes)), "proteins" if len(classes) > 1 else None)
    return text.replace("Written by `gantk inspect`", "Written by `gantk crop`")


def as_yaml(values: dict[str, Any]) -> str:
    """The values of a recipe of `gantk crop`, as a recipe."""
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())
