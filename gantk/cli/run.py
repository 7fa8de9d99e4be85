"""`gantk run`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from gantk import cli_options


@click.command()
@click.argument("recipe")
@cli_options.overrides
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Run folder to make. [default: runs/RECIPE-<number>]"
)
@cli_options.verbose
@cli_options.quiet
def command(recipe: str, overrides: tuple[str, ...], out: Path | None) -> int:
    """Train RECIPE, judge the result and write a report.

    RECIPE is a file, the name of a shipped recipe (`gantk list recipes`), or - for standard input. Values are
    overridden with KEY=VALUE:

    \b
    gantk run recipes/lin_starshaped.yaml train.steps=100 data.cells=300
    gantk run toy_motif loss.use=basics/wgan 'evaluate=[]'

    The folder of the run is the only line on stdout. Ctrl-C finishes the step, writes a checkpoint and prints the
    command that goes on.
    """
    from gantk.cli.result import show_result
    from gantk.recipe.find_file import STDIN
    from gantk.recipe.recipe import load
    from gantk.runs import start
    from gantk.training.distributed import launcher, process_group, ranks

    loaded = load(recipe, overrides)
    devices = loaded.values["machine"]["devices"]
    if launcher.wanted(devices):
        ranks.Ranks(count=devices).share_of(loaded.values["train"]["batch"])
        where = [] if out is None else ["--out", str(out)]
        with TemporaryDirectory(prefix="gantk-") as temporary:
            if recipe == STDIN:  # each process reads it anew
                recipe = str(Path(temporary) / f"{loaded.name}.yaml")
                Path(recipe).write_text(loaded.text, encoding="utf-8")
            return launcher.launch(["run", recipe, *overrides, *where], devices)
    cli_options.tell_dropped(loaded)
    folder = start.start(loaded, out)
    if process_group.here().first:
        show_result(folder)
    return 0
