"""`gantk run`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from gantk import cli_options, completions

if TYPE_CHECKING:
    from gantk.recipe.recipe import Recipe


@click.command()
@click.argument("recipe", shell_complete=completions.recipes)
@cli_options.overrides
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Run folder to make. [default: runs/RECIPE-<number>]"
)
@click.option(
    "--seeds",
    type=cli_options.NumberList("seed"),
    metavar="0-4",
    help="A run with each of these seeds, in one folder, with mean and spread.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="With --seeds: so many runs at once, which share this machine's threads.",
)
@click.option("--resume", is_flag=True, help="Go on in --out where it was begun; nothing to do where it is finished.")
@cli_options.verbose
@cli_options.quiet
def command(
    recipe: str, overrides: tuple[str, ...], out: Path | None, seeds: list[int] | None, jobs: int, resume: bool
) -> int:
    """Train RECIPE, evaluate the result and write a report.

    RECIPE is a file, the name of a shipped recipe (`gantk list recipes`), or - for standard input. Values are
    overridden with KEY=VALUE:

    \b
    gantk run recipes/lin_starshaped.yaml train.steps=100 data.cells=300
    gantk run toy_motif loss.use=basics/wgan 'evaluate=[]'
    gantk run ring_gan --seeds 0-4 --jobs 2
    gantk run toy_motif --out runs/motif --resume

    The folder of the run is the only line on stdout. Ctrl-C finishes the step, writes a checkpoint and prints the
    command that goes on. With --resume the same line may be typed (or sent by a workflow) again and again: it starts,
    goes on, or finds all done; a folder of another recipe is refused.
    """
    if seeds is None:
        cli_options.refuse_beside("there is one run: --jobs is for --seeds", "jobs")
    if resume and out is None:
        raise click.UsageError("--resume goes on in the folder that --out names: give it")
    from gantk.cli.result import show_result
    from gantk.recipe.find_file import STDIN
    from gantk.recipe.recipe import load
    from gantk.runs import start
    from gantk.training.distributed import launcher, process_group, ranks

    loaded = load(recipe, overrides)
    if seeds is not None:
        return _run_seeds(loaded, seeds, jobs, out, resume)
    devices = loaded.values["machine"]["devices"]
    if launcher.wanted(devices):
        ranks.Ranks(count=devices).share_of(loaded.values["train"]["batch"])
        where = [] if out is None else ["--out", str(out), *["--resume"] * resume]
        with TemporaryDirectory(prefix="gantk-") as temporary:
            if recipe == STDIN:  # each process reads it anew
                recipe = str(Path(temporary) / f"{loaded.name}.yaml")
                Path(recipe).write_text(loaded.text, encoding="utf-8")
            return launcher.launch(["run", recipe, *overrides, *where], devices)
    cli_options.tell_dropped(loaded)
    folder = start.start_or_resume(loaded, out) if resume and out is not None else start.start(loaded, out)
    if process_group.here().first:
        show_result(folder)
    return 0


def _run_seeds(recipe: Recipe, seeds: list[int], jobs: int, out: Path | None, resume: bool) -> int:
    """A run a seed; prints the table of means, and the folder of all to stdout."""
    from gantk import console
    from gantk.repeats.compare import mean_rows
    from gantk.repeats.start import refuse_missed_bars, run_seeds

    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise click.UsageError(f"--seeds has {', '.join(map(str, twice))} twice: name each seed once")
    cli_options.tell_dropped(recipe)
    folder = run_seeds(recipe, seeds, out, jobs, resume)
    headings, rows = mean_rows(folder)
    if rows:
        console.table("on the test split, mean ± sd over seeds", headings, rows, to_stdout=False)
    console.say(f"report     {folder.report}")
    console.say(f"next       gantk compare {folder.path}")
    console.answer(str(folder.path))
    refuse_missed_bars(folder)
    return 0
