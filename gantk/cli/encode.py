"""`gantk encode`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gantk import cli_options, completions, console


def _writer(out: Path) -> Any:
    """What writes the samples of a file with their latents beside them, by the ending of `out`."""
    from gantk.components.formats import format_for
    from gantk.errors import FileError
    from gantk.interfaces.optional_members import member

    try:
        found = member(format_for(out), "write_latents")
    except FileError:
        found = None
    if found is None:
        raise click.UsageError(f"{out}: latents are written as HDF5 (.h5), or beside their samples (.h5ad)")
    return found


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@click.argument("files", metavar="[FILES]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="latents.h5",
    show_default=True,
    help="File of latents to write, .h5; or of a format that holds latents beside their samples (.h5ad).",
)
@click.option("--label", metavar="CLASS", help="Of all samples, for an encoder that is told classes. [default: theirs]")
@cli_options.device
@cli_options.force
@cli_options.quiet
def command(source: Path, files: tuple[Path, ...], out: Path, label: str | None, device: str, force: bool) -> None:
    """Find the latents of samples by the encoder of a run or checkpoint: of an autoencoder, a VAE, a BiGAN.

    FILES hold samples as the model's data have them, in any format that `gantk list format` names; without any, the
    test split of the recipe's data is encoded. The file that is written keeps the number of the file (`file`) and of
    the class (`label`) beside each latent; `gantk sample --latents` makes samples of it again, each with its class, and
    `gantk interpolate --through` goes from one to the next.

    \b
    gantk encode runs/zoo-digits_vae-1 digits.h5 -o latents.h5
    gantk encode runs/zoo-digits_vae-1
    gantk encode runs/tybalt_simulated-1 data.h5ad -o latents.h5ad
    gantk sample runs/zoo-digits_vae-1 --latents latents.h5 -o back.png
    """
    cli_options.refuse_to_overwrite(out, force, new_folder=True)
    writer = None if out.suffix.lower() in (".h5", ".hdf5") else _writer(out)
    if writer is not None and len(files) != 1:
        raise click.UsageError(f"{out}: holds the samples of a file with their latents beside them: give one file")
    from gantk.api.encode import latents_of
    from gantk.api.run import Model

    found = latents_of(Model(source, device), files, label)
    cli_options.make_folder_of(out)
    if writer is None:
        found.write(out)
    else:
        writer(out, found.values, files[0])
    shape = " × ".join(map(str, found.values.shape[1:]))
    console.say(f"{len(found.values)} latents of {shape}, {found.attributes['about']}")
    console.answer(str(out))
