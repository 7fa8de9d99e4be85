"""`gantk cp`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument("recipe", shell_complete=completions.recipes)
@click.argument("target", type=click.Path(path_type=Path), required=False)
@cli_options.force
def command(recipe: str, target: Path | None, force: bool) -> None:
    """Copy a shipped RECIPE, or sweep, to TARGET (a file or folder; here if not given) to start from."""
    from gantk.recipe.find_file import locate, shipped_sweeps

    source = shipped_sweeps().get(recipe) or locate(recipe)
    path = target or Path()
    path = path / source.name if path.is_dir() else path
    cli_options.refuse_to_overwrite(path, force)
    path.write_bytes(source.read_bytes())
    console.answer(str(path))
