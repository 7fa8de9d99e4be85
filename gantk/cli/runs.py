"""`gantk runs`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, console


@click.command()
@click.argument("folder", required=False, default=Path("runs"), type=click.Path(path_type=Path))
@cli_options.as_json
def command(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER: recipe, steps, how each ended, its best value. [default: runs]

    \b
    gantk runs
    gantk runs --json
    """
    from gantk.api.run_list import list_runs

    found = list_runs(folder) if folder != Path("runs") or folder.is_dir() else []
    if as_json:
        console.answer_json([each.as_json() for each in found])
        return
    if not found:
        console.say(f"there are no runs in {folder}; `gantk run toy_motif` makes the first")
        return
    rows = [
        (
            each.name,
            each.recipe,
            f"{each.step:,}" + ("" if each.steps is None else f" of {each.steps:,}"),
            each.ended,
            each.began[:16].replace("T", " "),
            "" if each.value is None else f"{each.metric} {each.value:.4g}",
        )
        for each in found
    ]
    console.table("", ("run", "recipe", "steps", "ended", "began (UTC)", "best value"), rows)
