"""`gantk inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gantk import cli_options, console


class InspectCommand(click.Command):
    """Has the options that the installed data sets add, too: the keyword-only parameters of their `inspect`."""

    _params: list[click.Parameter]
    _complete = False

    @property
    def params(self) -> list[click.Parameter]:
        """Arguments and options; always the same list, since click adds to it."""
        if not self._complete:
            from gantk.components.inspectors import inspect_options

            self._complete = True
            for name, option in inspect_options().items():
                kind = click.Choice(option.choices) if option.choices else None
                text = f"({', '.join(option.owners)}) {option.help}"
                self._params.append(click.Option([f"--{name.replace('_', '-')}", name], type=kind, help=text))
        return self._params

    @params.setter
    def params(self, values: list[click.Parameter]) -> None:
        self._params = values


@click.command(cls=InspectCommand)
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@cli_options.overrides
@click.option("-o", "--out", type=click.Path(path_type=Path), default="inspected.png", show_default=True)
@click.option("--recipe", type=click.Path(path_type=Path), default="inspected.yaml", show_default=True)
@cli_options.force
@cli_options.as_json
@cli_options.quiet
def command(
    path: Path,
    overrides: tuple[str, ...],
    out: Path,
    recipe: Path,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Look at data of your own: what lies at PATH (a file or folder), what is odd about it, and a recipe that trains
    on it. The data set that reads such files is asked, whichever plugin brings it; where several do, the lines to type
    are shown.

    Draws a picture to --out, and writes the recipe to --recipe, where a run will accept it. KEY=VALUE sets parameters
    of the picture, data.KEY=VALUE those of the data, which then stand in the recipe.

    \b
    gantk inspect my_images
    gantk inspect my_images colours=magenta/green scale_bar=5
    gantk inspect my_images --classes conditions
    gantk inspect my_images data.channels=[1,0] data.links=follow
    gantk inspect cells.h5ad data.label=cell_type
    gantk validate inspected.yaml
    gantk run inspected.yaml
    """
    for each in (out, recipe):
        cli_options.refuse_to_overwrite(each, force)
    cli_options.refuse_no_picture(out)
    from gantk.components.inspectors import inspectors
    from gantk.interfaces import InspectRequest
    from gantk.recipe import parameters_of
    from gantk.reporting import inspection

    data = parameters_of([each.removeprefix("data.") for each in overrides if each.startswith("data.")])
    view = parameters_of([each for each in overrides if not each.startswith("data.")])
    given = {name: value for name, value in options.items() if value is not None}
    found = inspection.inspected(InspectRequest(path, data, view), given, inspectors())
    if found.picture is not None:
        found.picture.save(out)
    refused = inspection.write_recipe(found, recipe)
    found.advice += found.questions
    if as_json:
        known = {"out": None if found.picture is None else str(out), "recipe": None if refused else str(recipe)}
        document = {**known, **found.document, "data": dict(found.data), "refused": str(refused) if refused else None}
        console.answer_json({**document, "warnings": found.advice})
    else:
        for table in found.tables:
            console.table(table.title, table.headings, table.rows)
        for text in (*(found.if_refused if refused else ()), *found.advice):
            console.warn(text)
        for text in found.notes:
            console.say(text)
        if found.picture is not None:
            console.say(f"{found.picture_text}: {out}")
    if refused:
        raise refused
    if not as_json:
        console.answer(str(recipe))
