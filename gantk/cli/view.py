"""`gantk view`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import console
from gantk.cli import options


@click.command()
@click.argument("source", metavar="RUN|FILE", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Picture to write. [default: SOURCE's name + .png]")
@click.option("-n", "--number", type=click.IntRange(1), default=16, show_default=True, help="How many samples to draw.")
@click.option("--curves", is_flag=True, help="Of a run: its training curves.")
@click.option(
    "--training", is_flag=True, help="Of a run: its samples over training (.gif: animated, .png: in a column)."
)
@options.seed
@options.force
def command(source: Path, out: Path | None, number: int, curves: bool, training: bool, seed: int, force: bool) -> None:
    """Make a picture of a run or checkpoint (fresh samples), of a sample file, or of a plain image.

    \b
    gantk view runs/lin_starshaped-1 -o cells.png
    gantk view runs/lin_starshaped-1 --training -o training.gif
    gantk view samples.h5
    """
    out = out or Path(f"{source.name.removesuffix(source.suffix) if source.is_file() else source.name}.png")
    if out.suffix.lower() not in (".png", ".gif"):
        raise click.UsageError(f"{out}: a picture's name ends in .png (or .gif, with --training)")
    options.refuse_to_overwrite(out, force)
    from gantk import viewing

    if curves:
        viewing.curves(source).save(out)
    elif training or out.suffix.lower() == ".gif":
        viewing.write_training(source, out)
    else:
        viewing.picture(source, number, seed).save(out)
    console.answer(str(out))
