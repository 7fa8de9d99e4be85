"""The command `gantk translate`: new fields of view through a trained translator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the translations."
)
@click.option("--to", metavar="DOMAIN", help="Of a model without pairs: which of both to make. [default: the second]")
@click.option("--channels", metavar="A,B,…", help="Channels of each file, by name or number. [default: as in training]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["ome.tif", "png", "ome.zarr"]),
    help="Of the files. [default: as the inputs]",
)
@click.option("--draws", type=click.IntRange(1), default=1, show_default=True, help="Mean and spread of N draws.")
@cli_options.seed
@click.option("--tile", type=click.IntRange(1), metavar="PIXELS", help="From tile to tile. [default: by the memory]")
@click.option(
    "--overlap", type=click.IntRange(0), metavar="PIXELS", help="Of tiles, on each side. [default: all the net sees]"
)
@cli_options.device
@click.option("--force", is_flag=True, help="Write over files of these names that are of something else.")
@cli_options.as_json
@cli_options.quiet
def translate(
    source: Path,
    files: tuple[Path, ...],
    out: Path,
    to: str | None,
    channels: str | None,
    form: Any,
    draws: int,
    seed: int,
    tile: int | None,
    overlap: int | None,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Translate new pictures of any size by a run that makes pictures from pictures: a stain from phase contrast.

    FILES are pictures or folders of them: TIFF, OME-TIFF, PNG, OME-Zarr and what else gantk reads, one file a channel
    (named as in training) or stacks. Large ones are read, translated and written in strips, in tiles that overlap as
    far as the net sees, so that there are no seams.

    \b
    gantk translate runs/phase_l1-1 new_fields -o dapi
    gantk translate runs/phase_l1-1 f07_*.png -o dapi --draws 8
    gantk translate stainings he/*.tif -o ihc --to ihc

    Each file keeps format and pixel size, has the names, type and units of the target, and says that it was made, from
    which input by which model. What is there already, of the same model and input, is not made again, so that the
    same command goes on where it stopped. A file that cannot be translated is named, and the exit code is then 1.
    """
    from gantk import Model
    from gantk.errors import DoesNotFit
    from gantk_cells.translation.translate import FieldTranslator, Wanted, announce, counted

    chosen = None if channels is None else tuple(_part(each) for each in channels.split(","))
    model = Model(source, device)
    translator = FieldTranslator(model, Wanted(out, to, chosen, form, draws, seed, tile, overlap, force))
    inputs = translator.inputs(files)
    cli_options.make_folder_of(out / "translation")
    announce(translator, inputs)
    done = []
    failed = list(inputs.broken)
    for each in translator.run(inputs.fields):
        done.append(each)
        if each.state == "failed":
            failed.append(each.reason)
    if as_json:
        console.answer_json(
            {
                "out": str(out),
                "checkpoint": str(model.checkpoint.path),
                "fields": [
                    {"name": each.name, "state": each.state, "files": [str(path) for path in each.files]}
                    | ({"reason": each.reason} if each.reason else {})
                    for each in done
                ],
                "failed": failed,
                "passed_over": inputs.passed_over,
            }
        )
    elif done:
        console.say(counted(done))
    if failed:
        raise DoesNotFit(f"{len(failed)} could not be translated:\n" + "\n".join(failed))
    if not as_json:
        console.answer(str(out))


def _part(text: str) -> int | str:
    text = text.strip()
    return int(text) if text.isdecimal() else text
