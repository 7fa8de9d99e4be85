"""`gantk explore`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@cli_options.overrides
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Of 127.0.0.1 to listen on. [default: a free one]"
)
@click.option("--open/--no-open", "browser", default=True, show_default=True, help="Open the page in a browser.")
@cli_options.device
@cli_options.quiet
def command(source: Path, overrides: tuple[str, ...], port: int, browser: bool, device: str) -> None:
    """A page to explore what a run or checkpoint has learnt: sliders for directions of its latent, seeds, classes,
    truncation, the way between two samples, the nearest real ones; samples are saved, and the command line that draws
    the same one can be copied.

    The page is served on 127.0.0.1 alone, at an address that nobody can guess, until Ctrl-C; it asks nothing of the
    network. Needs the extra `explore`: pip install 'gantk[explore]'. KEY=VALUE of data says where the data lie now.

    \b
    gantk explore demo
    gantk explore runs/digits_dcgan-1 --no-open --port 5006
    gantk explore runs/dna_lac-1 data.path=elsewhere.csv

    The address is the only line on stdout.
    """
    from gantk.api.run import Model
    from gantk.explore.explorer import Explorer
    from gantk.recipe.overrides import refuse_others

    refuse_others(overrides, ("data",), "where the nearest real samples are looked for")
    explorer = Explorer(Model(source, device), str(source), overrides)
    from gantk.explore.server import serve_page

    def started(address: str) -> None:
        console.say("the page is open until Ctrl-C")
        console.answer(address)

    number = serve_page(explorer, port=port, on_start=started, browser=browser)
    console.say("the page is closed")
    raise click.exceptions.Exit(128 + number)
