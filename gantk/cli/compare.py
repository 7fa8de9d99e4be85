"""`gantk compare`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument(
    "runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path), shell_complete=completions.runs
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    shell_complete=completions.metrics,
    help="Evaluate this metric on all of them now: a name, or '{use: NAME, KEY: VALUE}'; repeat for more.",
)
@click.option("--seed", type=int, help="Seed of latents and metrics, with --metric. [default: each recipe's]")
@cli_options.device
@cli_options.as_json
@cli_options.quiet
def command(runs: tuple[Path, ...], metrics: tuple[str, ...], seed: int | None, device: str, as_json: bool) -> None:
    """Metric tables of several runs side by side: those that they ended with, or with --metric this one on all; and
    the keys in which their recipes differ, apart from what is measured and where they ran.

    Where runs have different references (data of another form), a value's own reference stands behind it in brackets.
    Folders of `gantk run --seeds` are compared by mean ± standard deviation, and where they share seeds by the mean of
    the differences with its 95 % interval (Student's t): the first of them against each other.

    \b
    gantk compare runs/lin_starshaped-1 runs/lin_independent-1
    gantk compare runs/ring_gan-1 runs/ring_minibatch-1
    gantk compare runs/lin_* --metric critic_test
    gantk compare runs/lin_* --metric '{use: basics/critic_test, steps: 500}'
    """
    from gantk.api import compare
    from gantk.evaluation.results import as_json as to_json
    from gantk.repeats.folder import is_repeats

    several = [is_repeats(run) for run in runs]
    if any(several):
        _compare_seeds(runs, several, metrics, as_json)
        return
    if not metrics:
        cli_options.refuse_beside("without --metric nothing is computed", "seed", "device")
    found = compare.judged(runs, compare.entries(metrics), device, seed) if metrics else compare.kept(runs)
    recipes = compare.recipes_of(runs)
    differing = compare.differences(recipes)
    if as_json:
        values = {name: to_json(results) for name, results in found.items()}
        console.answer_json({"values": values, "differing": differing})
        return
    console.table("test split", *compare.comparison_table(found))
    if differing:
        console.answer("")
        console.table("the recipes differ in", *compare.differences_table(differing, list(recipes)))
    elif len(recipes) > 1:
        console.say("the recipes of these runs are the same")


def _compare_seeds(runs: tuple[Path, ...], several: list[bool], metrics: tuple[str, ...], as_json: bool) -> None:
    """Compares folders of runs with several seeds."""
    from gantk.api import compare
    from gantk.repeats import compare as repeats
    from gantk.repeats.folder import RepeatsFolder
    from gantk.repeats.report import tables_of

    if not all(several):
        one = runs[several.index(False)]
        raise click.UsageError(f"{one} is not of several seeds, and others are: compare such with such")
    if metrics:
        raise click.UsageError("--metric computes on single runs: name the folders of the seeds, runs/NAME-1/seed-0 …")
    folders = [RepeatsFolder(run) for run in runs]
    tables = {name: tables_of(folder) for name, folder in zip(compare.names_of(runs), folders, strict=True)}
    differing = compare.differences({name: each.recipe().values for name, each in zip(tables, folders, strict=True)})
    if as_json:
        console.answer_json({**repeats.spreads_as_json(tables), "differing": differing})
        return
    for line in repeats.seeds_of(folders):
        console.warn(line)
    console.table("test split, mean ± sd (seeds)", *repeats.spread_table(tables))
    for pair, found in repeats.paired_differences(tables).items():
        console.answer("")
        console.table(f"{pair}, over the seeds that both have", *repeats.difference_table(found))
    if differing:
        console.answer("")
        console.table("the recipes differ in", *compare.differences_table(differing, list(tables)))
