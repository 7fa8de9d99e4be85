"""`gantk sample`."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1),
    help="How many samples.  [default: 64, or one of each condition given]",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default="samples.h5",
    show_default=True,
    help="File to write; its ending chooses the format (.h5, .ome.tif, …), .png draws a picture.",
)
@cli_options.seed
@click.option(
    "--seeds",
    type=cli_options.NumberList("seed"),
    metavar="3,17,200-220",
    help="A sample of each seed, which depends on it alone, in place of -n and --seed.",
)
@cli_options.truncation
@click.option(
    "--reject",
    type=click.IntRange(1),
    default=1,
    metavar="K",
    help="Draw K times as many and keep those that the critic ranks highest.",
)
@click.option("--label", metavar="CLASS", help="For a generator that takes labels. [default: each class in turn]")
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A sample of each latent in a file (of `gantk reconstruct`, `gantk encode`, or .npy), instead of random ones.",
)
@click.option(
    "--at",
    "at",
    multiple=True,
    metavar="PLACE",
    help="A sample of a place in the latent space: seed=17,red=5,direction1=1.5; repeat.",
)
@click.option(
    "--condition",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Conditions, in turn, from a file of samples or .npy.  [default: those of test samples, at random]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A parameter of sampling, or of the condition, that the generator declares.",
)
@click.option(
    "--units", metavar="A,B,…", help="Of samples with a unit each (proteins), these alone, by name. [default: all]"
)
@click.option(
    "--round",
    "rounding",
    type=click.Choice(["nearest", "stochastic"]),
    help="Integers in place of real numbers, where the format takes it: the nearest, or drawn with that mean (counts).",
)
@click.option("--raw", is_flag=True, help="Samples as the critic sees them (star-shaped nets: pairs, not stacks).")
@cli_options.device
@cli_options.force
@cli_options.quiet
def command(
    source: Path,
    number: int | None,
    out: Path,
    seed: int,
    seeds: list[int] | None,
    truncation: float | None,
    reject: int,
    label: str | None,
    latents: Path | None,
    at: tuple[str, ...],
    condition: Path | None,
    settings: tuple[str, ...],
    units: str | None,
    rounding: str | None,
    raw: bool,
    device: str,
    force: bool,
) -> None:
    """Draw samples from a run (its best checkpoint if one was kept, else its newest) or from a checkpoint file.

    The weights are the moving average where the recipe keeps one. Neither the data nor the run folder is needed, but
    for a generator that is given a condition and no --condition: it takes those of test samples, at random.

    \b
    gantk sample runs/toy_motif-1 -n 1000 --reject 8 -o strings.h5
    gantk sample runs/lin_starshaped-1 -n 16 -o cells.ome.tif
    gantk sample demo --seeds 3,17,200-220 --truncation 1.5 -o chosen.png
    gantk sample demo --at seed=17,green=5,direction1=1.5 -o moved.png
    gantk sample demo -n 1 --seed random --units Alp14,Tea1 -o cell.ome.tif
    gantk sample runs/lin_starshaped-1 --latents latents.h5 -o cells.ome.tif
    gantk sample runs/ggan_l1000-1 --condition new.gct -o predicted.gct
    """
    if latents is not None:
        cli_options.refuse_beside(
            "there is a sample of each latent", "number", "seed", "seeds", "reject", "units", "truncation"
        )
    if at:
        meant = ("number", "seed", "seeds", "reject", "units", "truncation", "latents", "condition")
        cli_options.refuse_beside("--at says which latents are meant (truncation=… in it, too)", *meant)
    if seeds is not None:
        cli_options.refuse_beside("--seeds names the samples to draw", "number", "seed", "reject")
    cli_options.refuse_to_overwrite(out, force, new_folder=True)
    from gantk.api.places import samples_at
    from gantk.api.run import Model
    from gantk.api.sampling_options import conditions_of, latents_in
    from gantk.components.formats import format_for
    from gantk.interfaces.optional_members import has_member, member
    from gantk.latents.places import place_of
    from gantk.recipe.recipe import parameters_of
    from gantk.reporting.grids import write_titled
    from gantk.reporting.pictures import write_picture

    places = [place_of(text) for text in at]
    model = Model(source, device)
    cli_options.make_folder_of(out)
    rounded = {} if rounding is None else {"round": rounding}
    if rounded and out.suffix.lower() == ".png":
        raise click.UsageError("--round makes integers in a file of numbers; a picture takes none")
    writer = None if out.suffix.lower() == ".png" else format_for(out, model.spec, **rounded)
    given = conditions_of(model.generator, model.spec, condition, parameters_of(settings))
    said: dict[str, Any] = {"label": label, "raw": raw}
    titles = [f"seed {each}" for each in seeds or ()] + [str(place) for place in places]
    if condition is not None or settings:
        said["condition"] = given
    chosen = latents is not None or seeds is not None or bool(places)
    if number is None and not chosen:
        number = 64 if given.values is None else len(given.values)
    if units is not None:
        said["units"] = [name.strip() for name in units.split(",")]
    if latents is None and not places:
        said["truncation"] = truncation
    if latents is None and not places and writer is not None and (number or 1 if seeds is None else len(seeds)) > 1:
        cli_options.refuse_unwritable(out, model.sample(1, seed=seed, **said))
    if not chosen and writer is not None and reject == 1 and has_member(writer, "write_parts"):
        parts = model.sample_parts(number, seed=seed, **said)
        first = next(parts)
        member(writer, "write_parts")(out, chain([first], parts), number)
        count, samples = number, first
    else:
        if latents is not None:
            found = latents_in(latents, model.checkpoint.digest)
            own = None if label is not None else found.facts.get("label")
            samples = model.render(found.values, labels=own, **said)
        elif places:
            samples = samples_at(model, places, label=label, raw=raw, settings=given.settings)
        elif seeds is not None:
            samples = model.sample_seeds(seeds, **said)
        else:
            samples = model.sample(number, seed=seed, reject=reject, **said)
        count = len(samples)
        if writer is None and titles:
            write_titled(out, samples, titles, f"step {model.checkpoint.step}")
        elif writer is None:
            write_picture(out, samples)
        else:
            writer.write(out, samples)
    shape = " × ".join(f"{size} {axis}" for size, axis in zip(samples.spec.shape, samples.spec.axes, strict=True))
    console.say(f"{count} samples of {shape}, {samples.attributes['origin']}, step {model.checkpoint.step}")
    console.answer(str(out))
