"""`gantk schema`."""

from __future__ import annotations

import click

from gantk import console


@click.command()
def command() -> None:
    """Print the JSON Schema of recipes, built from the installed components.

    Save it and name it at the top of a recipe, and an editor with a YAML plugin completes and checks as you type:

    \b
    gantk schema > recipe.schema.json
    # yaml-language-server: $schema=recipe.schema.json
    """
    from gantk.components.registry import installed_registry
    from gantk.recipe.json_schema import json_schema

    console.answer_json(json_schema(installed_registry()))
