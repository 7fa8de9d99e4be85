"""`gantk encode`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@click.argument("files", metavar="[FILES]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="latents.h5",
    show_default=True,
    help="File of latents to write, .h5.",
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
    gantk sample runs/zoo-digits_vae-1 --latents latents.h5 -o back.png
    """
    if out.suffix.lower() not in (".h5", ".hdf5"):
        raise click.UsageError(f"{out}: latents are written as HDF5; give a name that ends in .h5")
    cli_options.refuse_to_overwrite(out, force, new_folder=True)
    from gantk.api.encode import latents_of
    from gantk.api.run import Model

    found = latents_of(Model(source, device), files, label)
    cli_options.make_folder_of(out)
    found.write(out)
    shape = " × ".join(map(str, found.values.shape[1:]))
    console.say(f"{len(found.values)} latents of {shape}, {found.attributes['about']}")
    console.answer(str(out))
