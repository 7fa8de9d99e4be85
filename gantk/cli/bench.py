"""`gantk bench`."""

from __future__ import annotations

from typing import Any

import click

from gantk import cli_options, completions, console
from gantk.messages import duration


@click.command()
@click.argument("recipe", shell_complete=completions.recipes)
@cli_options.overrides
@click.option("--seconds", type=click.FloatRange(min=1), default=25.0, show_default=True, help="To measure for, about.")
@cli_options.as_json
@cli_options.quiet
def command(recipe: str, overrides: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Measure what this machine does with RECIPE, and what would be faster.

    Trains for some steps and throws the result away: no folder is made. Says how many steps a second there are, how
    long the whole run would take, what a step's time is spent on, and what other numbers of threads, batches and
    engines would do.
    """
    from gantk.api.benchmark import Bench
    from gantk.machine import freed_memory_kept
    from gantk.recipe.recipe import load

    loaded = load(recipe, overrides)
    cli_options.tell_dropped(loaded)
    bench = Bench(loaded.values, seconds)
    with freed_memory_kept():
        found = {"recipe": loaded.name} | bench.measure()
    if as_json:
        console.answer_json(found)
    else:
        _tell(found)


def _tell(found: dict[str, Any]) -> None:
    from gantk.api.benchmark import faster

    rate = found["steps_per_second"]
    speed = f"{rate:.2f} steps a second" if rate >= 1 else f"{1 / rate:.2f} s a step"
    console.answer(f"{found['recipe']} on {found['device']}, {found['threads']} threads, load {found['load']:.1f}")
    console.answer(f"speed       {speed}, {found['samples_per_second']:,.0f} real samples a second")
    console.answer(f"the run     {found['steps']:,} steps, {duration(found['seconds_of_training'])} of training")
    data = "" if found["data_mb"] is None else f", of which data {found['data_mb']:,.0f} MB"
    console.answer(f"memory      {found['memory_mb']:,.0f} MB at most{data}")
    rows = [(name, f"{share:.1%}") for name, share in found["parts"].items()]
    console.table("a step's time", ("part", "share"), rows)
    for each in found["variations"]:
        change = " ".join(f"{key}={value}" for key, value in each.items() if key not in ("times_as_fast", "refused"))
        said = each.get("refused") or f"{each['times_as_fast']:.2f} times as many samples a second"
        console.answer(f"{change:<24} {said}")
    better = faster(found["variations"])
    if better:
        best = next(f"{key}={value}" for key, value in better[0].items() if key != "times_as_fast")
        console.answer(f"faster      {best}; another batch size changes the training, threads and engine do not")
    elif found["variations"]:
        console.answer("faster      nothing that was tried")
    else:
        console.answer("faster      nothing was tried: there was no time left; give --seconds 60 or more")
