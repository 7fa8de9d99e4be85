"""`gantk view`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, completions, console

SHOWN = 16  # samples


@click.command()
@click.argument("source", metavar="RUN|FILE", type=click.Path(path_type=Path), shell_complete=completions.runs)
@cli_options.overrides
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Picture to write. [default: SOURCE's name + .png]")
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1),
    help="How many samples to draw.  [default: 16; with --nearest 6]",
)
@click.option("--curves", is_flag=True, help="Of a run: its training curves.")
@click.option(
    "--training", is_flag=True, help="Of a run: its samples over training (.gif: animated, .png: in a column)."
)
@click.option(
    "--nearest", is_flag=True, help="Of a run: samples beside the nearest training and held-out ones (needs the data)."
)
@click.option("--text", is_flag=True, help="Print the samples as coloured text instead (sequences).")
@cli_options.seed
@cli_options.force
def command(
    source: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    number: int | None,
    curves: bool,
    training: bool,
    nearest: bool,
    text: bool,
    seed: int,
    force: bool,
) -> None:
    """Make a picture of a run or checkpoint (fresh samples), of a sample file, or of a plain image.

    KEY=VALUE sets parameters of the view that draws such samples (`gantk show cells/composite` lists its own); with
    --nearest, data.KEY=VALUE says where the data lie by now.

    \b
    gantk view runs/lin_starshaped-1 -o cells.png
    gantk view runs/lin_starshaped-1 colours=magenta/green scale_bar=10
    gantk view runs/lin_starshaped-1 --training -o training.gif
    gantk view runs/lin_starshaped-1 --nearest -n 4 -o nearest.png
    gantk view samples.h5
    gantk view made.fa --text motifs=jaspar.txt
    """
    if sum((curves, training, nearest, text)) > 1:
        raise click.UsageError(
            "--curves, --training, --nearest and --text are different things to look at: give one of them"
        )
    if text:
        cli_options.refuse_beside("--text prints, and draws no picture", "out", "force")
        from gantk.api import view
        from gantk.recipe.recipe import parameters_of

        _refuse_seed_of_file(source)
        console.answer_text(view.samples_text(source, number or SHOWN, seed, parameters_of(overrides)))
        return
    out = out or Path(f"{source.name.removesuffix(source.suffix) if source.is_file() else source.name}.png")
    if out.suffix.lower() not in (".png", ".gif"):
        raise click.UsageError(f"{out}: a picture's name ends in .png (or .gif, with --training)")
    if nearest:
        _nearest(source, overrides, out, number, seed, force)
        return
    training = training or out.suffix.lower() == ".gif"
    if curves and training:
        raise click.UsageError(f"{out}: curves are one picture: give a name that ends in .png")
    if curves or training:
        shown = "the numbers of a run" if curves else "pictures that a run has drawn"
        cli_options.refuse_beside(f"{shown} are shown as they are", "overrides", "number", "seed")
    cli_options.refuse_to_overwrite(out, force)
    from gantk.files.pictures import is_picture, read_picture, write_image

    if source.is_file() and is_picture(source) and not (curves or training):
        cli_options.refuse_beside(f"{source} is a picture already", "overrides", "number", "seed")
        write_image(out, read_picture(source))
        console.answer(str(out))
        return
    from gantk.api import view
    from gantk.recipe.recipe import parameters_of

    if curves:
        write_image(out, view.curves_picture(source))
    elif training:
        view.write_training(source, out)
    else:
        _refuse_seed_of_file(source)
        write_image(out, view.picture(source, number or SHOWN, seed, parameters_of(overrides)))
    console.answer(str(out))


def _nearest(source: Path, overrides: tuple[str, ...], out: Path, number: int | None, seed: int, force: bool) -> None:
    """Samples beside their nearest ones, and in words how far these are."""
    if out.suffix.lower() != ".png":
        raise click.UsageError(f"{out}: the nearest samples are one picture: give a name that ends in .png")
    cli_options.refuse_to_overwrite(out, force)
    from gantk.api.nearest import nearest_picture
    from gantk.files.pictures import write_image
    from gantk.reporting import nearest

    picture, caption = nearest_picture(source, number or nearest.SHOWN, seed, overrides)
    write_image(out, picture)
    console.say(caption)
    console.answer(str(out))


def _refuse_seed_of_file(source: Path) -> None:
    """Refuses --seed where samples lie in a file: nothing is drawn at random."""
    from gantk.training.checkpoint import is_checkpoint

    if source.is_file() and not is_checkpoint(source):
        cli_options.refuse_beside(f"the samples are those in {source}", "seed")
