"""The command `gantk crop`: from fields of view to cells."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, console

if TYPE_CHECKING:
    from gantk_cells.cropping.crop import Cropped


@click.command()
@click.argument("fields", nargs=-1, required=True, metavar="FIELDS... [KEY=VALUE]...")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to make for the cells."
)
@cli_options.as_json
@cli_options.quiet
def crop(fields: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Cut cells out of FIELDS of view: a folder, files, or a recipe (.yaml) of this command. TIFF, OME-TIFF, OME-Zarr,
    CZI, ND2 and LIF are read; where each channel is a file of its own, pattern= says how they are called. Masks
    or ROIs of your own say where cells are, or segment finds them.

    \b
    gantk crop fields -o cells segment.nuclei=DAPI segment.cells=GFP
    gantk crop fly -o cells 'pattern=f{field}_{channel}.tif' segment.nuclei=D
    gantk crop fields -o cells 'masks=masks/{field}_cp_masks.tif'
    gantk crop cells/crop.yaml -o cells_2 turn=long_axis to_um=0.2

    Writes to --out: a folder of OME-TIFF stacks, one a cell, which says where it came from (class folders
    where the pattern has {class}); cells.csv, a table of every cell with its field, position, angle, and the
    reason where it was left out; overlays/, the outlines on each field; labels/, which masks= reads when you have
    mended them; contact_sheet.png; train.yaml, a recipe that `gantk run` takes; crop.yaml, which repeats this.
    Look at the overlays. Prints the path of train.yaml.
    """
    keys = [each for each in fields if "=" in each and not Path(each).exists()]
    sources = [each for each in fields if each not in keys]
    overrides = tuple(map(quoted, keys))
    if not sources:
        raise click.UsageError("name a folder of fields, files, or a recipe")
    if out.exists() and any(out.iterdir()):
        raise click.UsageError(f"{out} is not empty; name a new folder")
    from gantk.errors import DoesNotFit
    from gantk.recipe import ENDINGS, load_as
    from gantk_cells.cropping.crop import crop as carry_out
    from gantk_cells.cropping.settings import CropBlocks

    if len(sources) == 1 and sources[0].lower().endswith(tuple(ENDINGS)):
        values = load_as(CropBlocks, sources[0], overrides)
    else:
        with TemporaryDirectory() as folder:
            recipe = Path(folder) / "crop.yaml"
            named: Any = sources[0] if len(sources) == 1 else sources
            recipe.write_text(f"fields: {json.dumps(named)}\n", encoding="utf-8")
            values = load_as(CropBlocks, recipe, overrides)
    done = carry_out(values, out)
    if as_json:
        console.answer_json(as_document(done))
    else:
        _print(done)
    if done.damaged:
        raise DoesNotFit("fields that could not be read were left out:\n" + "\n".join(done.damaged))
    if not as_json:
        console.answer(str(done.recipe))


def quoted(override: str) -> str:
    """A pattern that begins with a brace, which YAML takes for a mapping, in quotes."""
    key, _, value = override.partition("=")
    return f"{key}={json.dumps(value)}" if key in ("pattern", "masks") and value.startswith("{") else override


def as_document(done: Cropped) -> dict[str, Any]:
    """What was done, as JSON."""
    counts = {name: {reason or "kept": n for reason, n in each.items()} for name, each in done.counts().items()}
    smallest, largest, sharpness = done.limits
    return {
        "out": str(done.folder),
        "recipe": str(done.recipe),
        "fields": counts,
        "size": list(done.size),
        "pixel_size_um": done.pixel_size,
        "channels": list(done.channels),
        "limits": {"smallest": smallest, "largest": largest, "sharpness": sharpness},
        "damaged": done.damaged,
        "notes": done.notes,
    }


def _print(done: Cropped) -> None:
    from gantk_cells.cropping.crop import reasons_in

    reasons = reasons_in(done)
    rows = []
    for name, counts in done.counts().items():
        rows.append([name, str(sum(counts.values())), str(counts[""]), *(str(counts[reason]) for reason in reasons)])
    if len(rows) > 1:
        rows.append(["all", *(str(sum(int(row[k]) for row in rows)) for k in range(1, len(rows[0])))])
    console.table(f"cells in {done.folder}", ("field", "found", "kept", *reasons), rows)
    smallest, largest, sharpness = done.limits
    unit = "µm²" if done.pixel_size else "pixels"
    console.say(
        f"kept are areas of {smallest:.4g} … {largest:.4g} {unit} and a sharpness of {sharpness:.3g} or more "
        "(drop.smallest, drop.largest, drop.focus)"
    )
    size = f"{done.size[0]} × {done.size[1]} pixels"
    console.say(
        f"each cell: {size}{f' of {done.pixel_size:g} µm' if done.pixel_size else ''}, {', '.join(done.channels)}"
    )
    if not done.pixel_size:
        console.warn("the fields do not say how large a pixel is: lengths are in pixels; pixel_size_um=… says it")
    for note in done.notes:
        console.warn(note)
    console.say(f"look at {done.folder / 'overlays'} and {done.folder / 'contact_sheet.png'}")
