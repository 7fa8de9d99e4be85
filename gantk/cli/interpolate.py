"""`gantk interpolate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gantk import cli_options, console

if TYPE_CHECKING:
    from gantk.api.interpolate import Way


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path))
@cli_options.overrides
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="interpolation.gif",
    show_default=True,
    help=".gif: animated; .png: all frames in one picture; else samples in the format of that ending.",
)
@click.option("--frames", type=click.IntRange(1), default=12, show_default=True, help="From one stop to the next.")
@click.option("--stops", type=click.IntRange(2), default=4, show_default=True, help="Latents drawn to go through.")
@click.option("--through", type=click.Path(path_type=Path), help="File of latents to go through instead.")
@click.option("--order", metavar="FACT", help="With --through: sorted by what is known of them (length, red_state, …).")
@click.option("--only", multiple=True, metavar="FACT=NUMBER", help="With --through: those of them that …; repeat.")
@click.option("--loop/--open", default=True, show_default=True, help="Back to the first stop, or end with the last.")
@click.option("--way", type=click.Choice(["spherical", "linear"]), default="spherical", show_default=True)
@click.option("--hold", metavar="PART", help="Part of the latent that stays fixed: red or green of separable nets.")
@click.option("--label", metavar="CLASS", help="For a generator that takes labels. [default: the first]")
@click.option("--png-frames", type=click.Path(path_type=Path), metavar="FOLDER", help="Also write each frame there.")
@cli_options.seed
@cli_options.device
@cli_options.force
@cli_options.quiet
def command(
    source: Path,
    overrides: tuple[str, ...],
    out: Path,
    frames: int,
    stops: int,
    through: Path | None,
    order: str | None,
    only: tuple[str, ...],
    loop: bool,
    way: Way,
    hold: str | None,
    label: str | None,
    png_frames: Path | None,
    seed: int,
    device: str,
    force: bool,
) -> None:
    """Draw samples along a path through the latent space of a run or checkpoint.

    The path goes through random latents, or with --through those of a file that `gantk reconstruct --latents` wrote:
    in the order of their length, say, they mimic the cell cycle. KEY=VALUE sets parameters of the view.

    \b
    gantk interpolate runs/lin_starshaped-1 -o cells.gif
    gantk interpolate runs/lin_starshaped-1 --hold red colours=magenta/green
    gantk interpolate runs/lin_starshaped-1 --through latents.h5 --order length
    """
    cli_options.refuse_to_overwrite(out, force)
    if through is None and (order is not None or only):
        raise click.UsageError("--order and --only choose among the latents of a file: give one, --through FILE")
    if through is not None:
        cli_options.refuse_beside("--through names the latents", "stops", "seed")
    if out.suffix.lower() not in (".gif", ".png") and png_frames is None:
        cli_options.refuse_beside(f"{out} holds samples and no picture", "overrides")
    if png_frames is not None and png_frames.exists() and not force:
        raise click.UsageError(f"{png_frames} exists already; give another name, or --force to write into it")
    from gantk.api import interpolate
    from gantk.api.run import Model
    from gantk.components.formats import format_for
    from gantk.files.pictures import write_animation
    from gantk.recipe.recipe import parameters_of
    from gantk.reporting.pictures import write_picture
    from gantk.sampling import present

    parameters = parameters_of(overrides)
    model = Model(source, device)
    generator = interpolate.generator_of(model)
    free = interpolate.part_that_varies(generator, hold)
    ending = out.suffix.lower()
    writer = None if ending in (".gif", ".png") else format_for(out, model.spec)
    if through is None:
        at = interpolate.stops_at_random(generator, stops, seed)
    else:
        at = interpolate.chosen(interpolate.latents_for(through, model), order, only)
    latents = interpolate.path(at, frames, way=way, loop=loop, free=free)
    samples = interpolate.draw_along(model, latents, label)
    if ending == ".gif" or png_frames is not None:
        drawn = interpolate.frames_of(samples, model.checkpoint.step, parameters)
        if png_frames is not None:
            interpolate.write_frames(png_frames, drawn)
        if ending == ".gif":
            write_animation(out, drawn, 0.1, 0.1 if loop else 1.0)
    if ending == ".png":
        write_picture(out, samples, f"step {model.checkpoint.step}", parameters)
    elif writer is not None:
        writer.write(out, present(generator, samples))
    console.say(f"{len(samples)} frames, {samples.attributes['origin']}")
    console.answer(str(out))
