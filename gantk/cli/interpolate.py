"""`gantk interpolate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, completions, console

if TYPE_CHECKING:
    from gantk.api.run import Model
    from gantk.interfaces import Samples
    from gantk.latents.paths import Way

PICTURES = (".gif", ".png")
TRAVERSING = ("dimensions", "directions")


@dataclass(frozen=True)
class Wanted:
    """What was asked for, whichever way the latents are chosen.

    Args:
        model: whose latents.
        out: the file to write.
        png_frames: a folder for single pictures.
        parameters: of the view.
        label: the class to draw.
    """

    model: Model
    out: Path
    png_frames: Path | None
    parameters: Mapping[str, Any]
    label: str | None

    def write_samples(self, samples: Samples) -> None:
        """Writes them to a file of samples, where `out` is one."""
        if self.out.suffix.lower() not in PICTURES:
            from gantk.components.formats import format_for
            from gantk.sampling import present

            format_for(self.out, self.model.spec).write(self.out, present(self.model.generator, samples))


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@cli_options.overrides
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help=".gif: animated; .png: all in one picture; else samples in the format of that ending. "
    "[default: interpolation.gif; of --arithmetic interpolation.png]",
)
@click.option(
    "--frames", type=click.IntRange(1), help="From one stop to the next; values of a traversal. [default: 12; 7]"
)
@click.option("--stops", type=click.IntRange(2), default=4, show_default=True, help="Latents drawn to go through.")
@click.option("--through", type=click.Path(path_type=Path), help="File of latents to go through, or to start from.")
@click.option("--order", metavar="FACT", help="With --through: sorted by what is known of them (length, red_state, …).")
@click.option("--only", multiple=True, metavar="FACT=NUMBER", help="With --through: those of them that …; repeat.")
@click.option("--loop/--open", default=True, show_default=True, help="Back to the first stop, or end with the last.")
@click.option("--way", type=click.Choice(["spherical", "linear"]), default="spherical", show_default=True)
@click.option(
    "--dimensions",
    type=cli_options.NumberList("dimension"),
    metavar="0,3,5-8",
    help="Instead of a path: a traversal of each of these numbers of the latent, all others as they are.",
)
@click.option(
    "--directions",
    type=click.IntRange(1),
    metavar="K",
    help="Instead of a path: a traversal of the K directions that move the first layer most (Shen & Zhou 2021).",
)
@click.option("--sigmas", type=cli_options.Threshold(), default=3.0, show_default=True, help="A traversal goes to ±.")
@click.option(
    "--arithmetic",
    metavar="SUM",
    help="Instead of a path: 'mean(class=7) - mean(class=1) + row=3' of latents in a file (--through) and of seeds.",
)
@click.option("--hold", metavar="PART", help="Part of the latent that stays fixed: red or green of separable nets.")
@click.option("--label", metavar="CLASS", help="For a generator that takes labels. [default: the first]")
@click.option("--png-frames", type=click.Path(path_type=Path), metavar="FOLDER", help="Also write each frame there.")
@cli_options.truncation
@cli_options.seed
@cli_options.device
@cli_options.force
@cli_options.quiet
def command(
    source: Path,
    overrides: tuple[str, ...],
    out: Path | None,
    frames: int | None,
    stops: int,
    through: Path | None,
    order: str | None,
    only: tuple[str, ...],
    loop: bool,
    way: Way,
    dimensions: list[int] | None,
    directions: int | None,
    sigmas: float,
    arithmetic: str | None,
    hold: str | None,
    label: str | None,
    png_frames: Path | None,
    truncation: float | None,
    seed: int,
    device: str,
    force: bool,
) -> None:
    """Draw samples along a path through the latent space of a run or checkpoint, or around one latent.

    The path goes through random latents, or with --through those of a file that `gantk reconstruct --latents` wrote:
    in the order of their length, say, they mimic the cell cycle. A traversal changes the latent of --seed, the one that
    `gantk sample --seeds` draws, or the first of --through. KEY=VALUE sets parameters of the view.

    \b
    gantk interpolate runs/lin_starshaped-1 -o cells.gif
    gantk interpolate runs/lin_starshaped-1 --hold red colours=magenta/green
    gantk interpolate runs/lin_starshaped-1 --through latents.h5 --order length
    gantk interpolate demo --directions 5 --seed 17 --hold red -o directions.png
    gantk interpolate runs/digits-1 --dimensions 0-9 --sigmas 2
    gantk interpolate runs/digits-1 --through l.h5 --arithmetic 'row=3 - row=1'
    """
    out = out or Path("interpolation.gif" if arithmetic is None else "interpolation.png")
    cli_options.refuse_to_overwrite(out, force)
    if sum(each is not None for each in (dimensions, directions, arithmetic)) > 1:
        raise click.UsageError("--dimensions, --directions and --arithmetic are different pictures: give one of them")
    if through is None and (order is not None or only):
        raise click.UsageError("--order and --only choose among the latents of a file: give one, --through FILE")
    if dimensions is not None or directions is not None:
        cli_options.refuse_beside("a traversal starts from one latent", "stops", "loop", "way")
    else:
        cli_options.refuse_beside("only --dimensions and --directions go to ± so much", "sigmas")
    if arithmetic is not None:
        meant = ("frames", "stops", "order", "only", "loop", "way", "hold", "seed", "truncation")
        cli_options.refuse_beside("--arithmetic says which latents are meant", *meant)
        if out.suffix.lower() == ".gif":
            raise click.UsageError(f"{out}: a sum of latents is no animation; write .png, or a file of samples")
    elif through is not None:
        cli_options.refuse_beside("--through names the latents", "stops", "seed", "truncation")
    if out.suffix.lower() not in PICTURES and png_frames is None:
        cli_options.refuse_beside(f"{out} holds samples and no picture", "overrides")
    if png_frames is not None and png_frames.exists() and not force:
        raise click.UsageError(f"{png_frames} exists already; give another name, or --force to write into it")
    from gantk.api import interpolate
    from gantk.api.run import Model
    from gantk.components.formats import format_for
    from gantk.interfaces.priors import latents_of_seeds
    from gantk.latents import paths
    from gantk.recipe.recipe import parameters_of

    wanted = Wanted(Model(source, device), out, png_frames, parameters_of(overrides), label)
    model = wanted.model
    generator = interpolate.generator_of(model)
    free = paths.part_that_varies(generator, hold)
    if out.suffix.lower() not in PICTURES:
        format_for(out, model.spec)
    found = None if through is None else interpolate.latents_for(through, model)
    if arithmetic is not None:
        samples = _sum(wanted, arithmetic, found)
    elif dimensions is not None or directions is not None:
        if found is None:
            base = latents_of_seeds(generator, [seed], truncation=truncation)
            assert base is not None
        else:
            base = interpolate.chosen(found, order, only, least=1)
        start = f"seed {seed}" if found is None else f"a latent of {through}"
        samples = _traversal(wanted, base[0], start, dimensions, directions, free, sigmas, frames or 7)
    else:
        if found is None:
            at = interpolate.stops_at_random(generator, stops, seed, truncation)
        else:
            at = interpolate.chosen(found, order, only)
        latents = paths.path(at, frames or 12, way=way, loop=loop, free=free)
        samples = _path(wanted, interpolate.draw_along(model, latents, label), loop)
    wanted.write_samples(samples)
    console.say(f"{len(samples)} frames, {samples.attributes['origin']}")
    console.answer(str(out))


def _path(wanted: Wanted, samples: Samples, loop: bool) -> Samples:
    """Draws samples along a path."""
    from gantk.api import interpolate
    from gantk.files.pictures import write_animation
    from gantk.reporting.pictures import write_picture

    step, ending = wanted.model.checkpoint.step, wanted.out.suffix.lower()
    if ending == ".gif" or wanted.png_frames is not None:
        drawn = interpolate.frames_of(samples, step, wanted.parameters)
        if wanted.png_frames is not None:
            interpolate.write_frames(wanted.png_frames, drawn)
        if ending == ".gif":
            write_animation(wanted.out, drawn, 0.1, 0.1 if loop else 1.0)
    if ending == ".png":
        write_picture(wanted.out, samples, f"step {step}", wanted.parameters)
    return samples


def _traversal(
    wanted: Wanted,
    base: Any,
    start: str,
    dimensions: list[int] | None,
    count: int | None,
    free: slice | None,
    sigmas: float,
    frames: int,
) -> Samples:
    """Samples around one latent, drawn: a row for each direction, a column for each value."""
    from dataclasses import replace

    import torch

    from gantk.api import interpolate, traversal
    from gantk.files.pictures import write_animation, write_image
    from gantk.latents import directions as latent_directions
    from gantk.reporting.grids import tiles_of

    model = wanted.model
    generator = interpolate.generator_of(model)
    if dimensions is not None:
        directions = latent_directions.single_dimensions(generator, dimensions, free)
    else:
        label = interpolate.class_number(model, wanted.label) or 0
        directions = latent_directions.leading_directions(generator, count or 1, free, label)
    values = torch.linspace(-sigmas, sigmas, frames) if frames > 1 else torch.zeros(1)
    samples = interpolate.draw_along(model, latent_directions.traverse(base, directions, values), wanted.label)
    names = traversal.file_names(directions, values)
    if wanted.out.suffix.lower() in PICTURES or wanted.png_frames is not None:
        tiles = tiles_of(samples, wanted.parameters)
        if wanted.png_frames is not None:
            interpolate.write_frames(wanted.png_frames, tiles, names)
        if wanted.out.suffix.lower() == ".gif":
            write_animation(wanted.out, traversal.traversal_frames(tiles, directions, values), 0.2, 0.2)
        elif wanted.out.suffix.lower() == ".png":
            gains = "" if directions.gains is None else "; numbers: how far 1 sd moves the first layer"
            caption = f"from {start}, step {model.checkpoint.step}, {samples.attributes['origin']}{gains}"
            write_image(wanted.out, traversal.traversal_picture(tiles, directions, values, caption))
    for title in directions.titles() if directions.gains is not None else ():
        console.say(title)
    return replace(samples, names=names)


def _sum(wanted: Wanted, expression: str, found: Any) -> Samples:
    """What each term of a sum of latents is, and their sum, drawn."""
    from dataclasses import replace

    from gantk.api import interpolate
    from gantk.api.latent_arithmetic import calculate
    from gantk.reporting.grids import write_titled

    latents, titles = calculate(expression, interpolate.generator_of(wanted.model), found)
    samples = interpolate.draw_along(wanted.model, latents, wanted.label)
    if wanted.png_frames is not None:
        frames = interpolate.frames_of(samples, wanted.model.checkpoint.step, wanted.parameters)
        interpolate.write_frames(wanted.png_frames, frames)
    if wanted.out.suffix.lower() == ".png":
        caption = f"step {wanted.model.checkpoint.step}"
        write_titled(wanted.out, samples, titles, caption, columns=len(titles), parameters=wanted.parameters)
    length, typical = latents[-1].norm().item(), latents.shape[1] ** 0.5
    console.say(f"the sum has length {length:.2f}; draws from N(0, 1) have about {typical:.2f} ± 0.71")
    return replace(samples, names=titles)
