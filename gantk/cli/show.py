"""`gantk show`."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, completions, console
from gantk.messages import with_article

if TYPE_CHECKING:
    from gantk.components.registry import Declared
    from gantk.recipe.recipe import Recipe


@click.command()
@click.argument("name", metavar="NAME|RECIPE", shell_complete=completions.components)
@cli_options.overrides
@click.option("--stages", is_flag=True, help="Of a recipe: what each layer of its nets makes of what it is given.")
@cli_options.as_json
def command(name: str, overrides: tuple[str, ...], stages: bool, as_json: bool) -> None:
    """Show what a component takes and means, or every value of a recipe and where it comes from.

    \b
    gantk show basics/wgan_gp
    gantk show recipes/lin_starshaped.yaml loss.use=basics/wgan
    gantk show toy_motif_course --stages
    """
    from gantk.components.registry import installed_registry

    found = installed_registry().named(name)
    if not found:
        return _recipe(name, overrides, stages, as_json)
    if stages:
        raise click.UsageError(f"--stages is for a recipe, which says the sizes of its data; {name} is a component")
    if overrides:
        kinds = " and ".join(with_article(declared.kind) for declared in found)
        raise click.UsageError(
            f"KEY=VALUE changes a recipe, and {name} is {kinds}: leave it out, or show a recipe: "
            f"gantk show RECIPE {shlex.join(overrides)}"
        )
    if as_json:
        console.answer_json([_as_json(declared) for declared in found])
        return None
    for declared in found:
        _component(declared)
    return None


def _component(declared: Declared) -> None:
    import inspect

    from gantk.components.registry import installed_registry
    from gantk.components.schedules import scheduled
    from gantk.components.signature import parameters, supplied

    target = installed_registry().load(declared)
    own = () if declared.kind == "command" else scheduled(declared.kind, parameters(target))
    console.answer(f"{declared.full}  ({declared.kind} of {declared.distribution} {declared.version})")
    if declared.kind == "command":
        console.answer(f"{declared.summary}\n  gantk {declared.name.replace('_', '-')} --help says more\n")
        return
    text = inspect.cleandoc(target.__doc__ or declared.summary)
    console.answer(text.partition("\nArgs:")[0].rstrip() + "\n")
    if supplied(target):
        console.answer(f"gantk supplies: {', '.join(supplied(target))}\n")
    rows = [
        (
            parameter.name,
            f"{parameter.type_text} *" if parameter.scheduled else parameter.type_text,
            "required" if parameter.required else json.dumps(parameter.default),
            parameter.help,
        )
        for parameter in own
    ]
    if rows:
        console.table("", ("parameter", "type", "default", "meaning"), rows)
        if any(parameter.scheduled for parameter in own):
            console.answer("* may follow a schedule: {from: …, to: …, shape: cosine, over: 1.0}")
        console.answer("")


def _as_json(declared: Declared) -> dict[str, Any]:
    from gantk.components.registry import installed_registry
    from gantk.components.schedules import scheduled
    from gantk.components.signature import parameters, supplied

    target = installed_registry().load(declared)
    is_command = declared.kind == "command"
    return {
        "kind": declared.kind,
        "name": declared.full,
        "summary": declared.summary,
        "distribution": declared.distribution,
        "version": declared.version,
        "doc": target.help if is_command else target.__doc__,
        "supplied": [] if is_command else list(supplied(target)),
        "parameters": []
        if is_command
        else [
            {
                "name": parameter.name,
                "type": parameter.type_text,
                "required": parameter.required,
                "default": parameter.default,
                "help": parameter.help,
                "schedule": parameter.scheduled,
            }
            for parameter in scheduled(declared.kind, parameters(target))
        ],
    }


def _recipe(name: str, overrides: tuple[str, ...], stages: bool, as_json: bool) -> None:
    from gantk.components.registry import installed_registry
    from gantk.errors import FileError
    from gantk.recipe.find_file import STDIN, locate
    from gantk.recipe.recipe import leaves, load

    try:
        if name != STDIN:
            locate(name)
    except FileError as error:
        near = installed_registry().nearest_to(name)
        hint = f". A component of a similar name is '{near}'" if near else ""
        raise FileError(f"there is no component called '{name}', and {error}{hint}") from error
    recipe = load(name, overrides)
    cli_options.tell_dropped(recipe)
    if stages:
        return _stages(recipe, as_json)
    if as_json:
        console.answer_json({"recipe": recipe.name, "values": recipe.values, "origins": recipe.origins})
        return None
    rows = [(path, json.dumps(value), recipe.origins.get(path, "")) for path, value in leaves(recipe.values)]
    console.table("", ("key", "value", "from"), rows)
    return None


def _stages(recipe: Recipe, as_json: bool) -> None:
    from dataclasses import asdict

    from gantk.training import datasets
    from gantk.training.stages import stages_of

    found = stages_of(recipe.values, datasets(recipe.values)["train"].spec)
    if as_json:
        console.answer_json({"recipe": recipe.name, "stages": [asdict(stage) for stage in found]})
        return
    rows = [
        (
            f"{stage.net}.{stage.layer}" if stage.layer else stage.net,
            stage.kind,
            " × ".join(map(str, stage.given)),
            " × ".join(map(str, stage.made)),
            stage.arithmetic,
            f"{stage.parameters:,}" if stage.parameters else "",
        )
        for stage in found
    ]
    console.table("", ("layer", "kind", "given", "makes", "size of an axis", "parameters"), rows)
