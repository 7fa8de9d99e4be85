"""`gantk compare`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, console


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
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

    \b
    gantk compare runs/lin_starshaped-1 runs/lin_independent-1
    gantk compare runs/lin_* --metric critic_test
    gantk compare runs/lin_* --metric '{use: basics/critic_test, steps: 500}'
    """
    from gantk.api import compare
    from gantk.evaluation.results import as_json as to_json

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
