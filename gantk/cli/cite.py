"""`gantk cite`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import completions, console


@click.command()
@click.argument("source", metavar="RUN|RECIPE", shell_complete=completions.runs)
def command(source: str) -> None:
    """Print BibTeX: gantk's own entry, and the papers that the components of a run, checkpoint or recipe name.

    \b
    gantk cite runs/lin_starshaped-1 > references.bib
    gantk cite ring_gan
    """
    from gantk.export.citations import cited
    from gantk.files.run_folder import RunFolder
    from gantk.recipe.recipe import load, recipe_from_text
    from gantk.training.checkpoint import is_checkpoint, read_checkpoint

    path = Path(source)
    if (path / "resolved.yaml").is_file():
        recipe = recipe_from_text(RunFolder(path).resolved(), name=path.name)
    elif path.is_file() and is_checkpoint(path):
        recipe = recipe_from_text(read_checkpoint(path).recipe, name=path.stem)
    else:
        recipe = load(source)
    console.answer("\n\n".join(cited(recipe)))
