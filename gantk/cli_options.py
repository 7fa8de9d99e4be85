"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gantk import console

if TYPE_CHECKING:
    from gantk.recipe.recipe import Recipe

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
device = click.option(
    "--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda or mps: where to compute."
)
seed = click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random numbers.")
overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
force = click.option("--force", is_flag=True, help="Overwrite the output file if it exists.")


def _set_quiet(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    console.set_quiet(value)
    return value


def _set_details(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    console.set_details(value)
    return value


verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_set_details,
    help="Say the losses whenever they are read, every second or so; of what fails on the way, the traceback too.",
)
quiet = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_set_quiet,
    help="Say nothing but answers, warnings and errors.",
)


def refuse_beside(reason: str, *names: str) -> None:
    """Options of the command that is at work which were given, and would have no effect, are refused.

    Args:
        reason: why they have none: "--curves draws what a run has recorded".
        names: of its parameters, as the function calls them; "overrides" for KEY=VALUE.

    Raises:
        UsageError: one was given.
    """
    context = click.get_current_context()
    typed = [each for each in context.command.params if each.name in names and _given(context, each)]
    if typed:
        words = ["KEY=VALUE" if isinstance(each, click.Argument) else each.opts[-1] for each in typed]
        raise click.UsageError(f"{' and '.join(words)} would have no effect, since {reason}: leave it out")


def _given(context: click.Context, parameter: click.Parameter) -> bool:
    source = context.get_parameter_source(str(parameter.name))
    return source is ParameterSource.COMMANDLINE and context.params[str(parameter.name)] != ()


def tell_dropped(recipe: Recipe) -> None:
    """Says which values of the recipe an override of `use` has dropped, since they belonged to another component."""
    if recipe.dropped:
        from gantk.recipe.recipe import dropped_sentence

        console.warn(dropped_sentence(recipe.dropped))


def refuse_to_overwrite(path: Path, force: bool) -> None:
    """Raises a usage error where `path` exists and --force was not given."""
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists already; give another name, or --force to overwrite it")
    if not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is not a folder; make it first, or give another path")
