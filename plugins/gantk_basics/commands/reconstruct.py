"""The command `gantk reconstruct`: which latents reproduce held-out samples, and how well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, completions, console
from gantk.interfaces import member

if TYPE_CHECKING:
    from gantk_basics.reconstruction.results import Reconstructed

HEADINGS = ("images", "L2", "nearest training image", "-log likelihood", "typical draws")


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@cli_options.overrides
@click.option("-n", "--number", type=click.IntRange(1), default=8, show_default=True, help="Test samples a class.")
@click.option("-o", "--out", type=click.Path(path_type=Path), default="reconstructions.png", show_default=True)
@click.option("--latents", type=click.Path(path_type=Path), help="Also write the latents, for gantk interpolate.")
@click.option(
    "--by",
    type=click.Choice(["search", "encoder"]),
    default="search",
    show_default=True,
    help="Search each latent, or take what the generator's own encoder gives (BiGAN, VAE).",
)
@click.option(
    "--red-first/--together",
    default=None,
    help="Find the red part of the latent by the red channel, then the green part; or all of it at once. "
    "[default: red first where the generator has such parts]",
)
@click.option("--iterations", type=click.IntRange(1), default=50, show_default=True, help="Of L-BFGS.")
@click.option("--step", type=click.FloatRange(0, 1, min_open=True), default=0.05, show_default=True, help="The first.")
@click.option("--starts", type=click.IntRange(1), default=5, show_default=True, help="Of which the best counts.")
@click.option(
    "--prior",
    type=click.FloatRange(0),
    default=0.001,
    show_default=True,
    help="Weight of the latent's mean square: more gives likelier latents; 0 the closest images, as in the paper.",
)
@click.option("--colours", metavar="A/B", help="Of cells: red/green or magenta/green. [default: red/green]")
@click.option(
    "--scale-bar",
    type=click.FloatRange(0),
    metavar="UM",
    help="Of cells: so many micrometres; 0: none. [default: fits]",
)
@cli_options.seed
@cli_options.device
@cli_options.force
@cli_options.as_json
@cli_options.quiet
def reconstruct(
    source: Path,
    overrides: tuple[str, ...],
    number: int,
    out: Path,
    latents: Path | None,
    by: str,
    red_first: bool | None,
    iterations: int,
    step: float,
    starts: int,
    prior: float,
    colours: str | None,
    scale_bar: float | None,
    seed: int,
    device: str,
    force: bool,
    as_json: bool,
) -> None:
    """Find the latents that reproduce held-out samples (Osokin et al. 2017, section 6.3), and draw real sample,
    reconstruction and nearest training sample under one another.

    L2 is the root of the mean squared difference of brightness (0 to 1). A generator that covers the data comes closer
    than the nearest training image does, from latents as likely as typical draws. KEY=VALUE changes the recipe's data.

    \b
    gantk reconstruct runs/lin_starshaped-1
    gantk reconstruct runs/lin_starshaped-1 -n 3 --together --latents latents.h5
    """
    cli_options.refuse_to_overwrite(out, force)
    cli_options.refuse_no_picture(out)
    if by == "encoder":
        searching = ("red_first", "iterations", "step", "starts", "prior", "seed")
        cli_options.refuse_beside("an encoder does not search", *searching)
    if latents is not None:
        cli_options.refuse_to_overwrite(latents, force)
    from gantk import Model
    from gantk_basics.reconstruction.results import carry_out
    from gantk_basics.reconstruction.search import Search

    drawn = {"colours": colours, "scale_bar": scale_bar}
    model = Model(source, device)
    parts: Any = member(model.state.sampled(), "latent_parts")
    if red_first is None:
        red_first = {"red", "green"} <= set(parts)
    search = None if by == "encoder" else Search(red_first, iterations, step, starts, prior=prior)
    found = carry_out(model, overrides, number, search, seed)
    found.picture(**{name: value for name, value in drawn.items() if value is not None}).save(out)
    if latents is not None:
        found.latents().write(latents)
    if as_json:
        console.answer_json({"out": str(out), "checkpoint": str(model.checkpoint.path), **found.document()})
        return
    console.table(f"{model.checkpoint.path}, test samples", (found.class_word, *HEADINGS), rows(found))
    console.say(f"wrote {out}" + (f" and {latents}" if latents is not None else ""))


def rows(found: Reconstructed) -> list[list[str]]:
    """The table: a line for each class, and one for all."""
    typical, classes = found.document().values()
    mean, spread = typical
    return [
        [
            name,
            str(values["images"]),
            f"{values['l2'][0]:.4f} ± {values['l2'][1]:.4f}",
            f"{values['nearest_l2'][0]:.4f} ± {values['nearest_l2'][1]:.4f}",
            f"{values['nll'][0]:.1f} ± {values['nll'][1]:.1f}",
            f"{mean:.1f} ± {spread:.1f}",
        ]
        for name, values in classes.items()
    ]
