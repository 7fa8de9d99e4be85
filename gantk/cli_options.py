"""Options that several commands share."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gantk import completions, console
from gantk.errors import RecipeError
from gantk.recipe.number_lists import whole_numbers

if TYPE_CHECKING:
    from gantk.interfaces import Samples
    from gantk.recipe.recipe import Recipe

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")
device = click.option(
    "--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda or mps: where to compute."
)


class Seed(click.ParamType):
    """A whole number, or "random": another one at each call, which is said, so that the call can be repeated."""

    name = "seed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if value == "random":
            drawn = secrets.randbits(32)
            console.say(f"seed {drawn}, drawn at random: --seed {drawn} repeats this")
            return drawn
        try:
            return int(str(value))
        except ValueError:
            self.fail(f"{value!r} is no whole number, and not the word random", param, ctx)


class NumberList(click.ParamType):
    """Whole numbers and ranges of them: 3,17,200-220.

    Args:
        what: what they are: "seed".
    """

    name = "list"

    def __init__(self, what: str):
        self.what = what

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """The numbers."""
        try:
            return value if isinstance(value, list) else whole_numbers(str(value), self.what)
        except RecipeError as error:
            self.fail(str(error), param, ctx)


class Threshold(click.ParamType):
    """A positive number of standard deviations."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        try:
            found = float(str(value))
        except ValueError:
            found = 0.0
        if not 0 < found < float("inf"):
            self.fail(f"{value!r} is no positive number", param, ctx)
        return found


truncation = click.option(
    "--truncation",
    type=Threshold(),
    metavar="T",
    help="Draw numbers of a latent beyond ±T again (Brock et al. 2019): samples nearer to typical ones, less variety.",
)
seed = click.option(
    "--seed", type=Seed(), default=0, show_default=True, metavar="N|random", help="Seed of the random numbers."
)
overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=completions.override)
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


def refuse_to_overwrite(path: Path, force: bool, new_folder: bool = False) -> None:
    """Raises a usage error where `path` exists and --force was not given.

    Args:
        path: where to write.
        force: whether --force was given.
        new_folder: whether the command makes its folder where there is none (`make_folder_of`).
    """
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists already; give another name, or --force to overwrite it")
    if not new_folder and not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is not a folder; make it first, or give another path")


def make_folder_of(path: Path) -> None:
    """Makes the folder that a file goes to, where there is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"{path.parent}: this folder cannot be made: {error.strerror or error}") from error


PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""Endings of single pictures that commands write."""


def refuse_no_picture(path: Path) -> None:
    """Raises a usage error where the ending of `path` is not that of a picture: before there is one to lose."""
    if path.suffix.lower() not in PICTURES:
        raise click.UsageError(f"{path}: a picture's name ends in {', '.join(PICTURES)}")


def refuse_unwritable(path: Path, sample: Samples) -> None:
    """Refuses a file that samples could not be written to, before there are any: writes one to a file of that name.

    Args:
        path: where samples will go.
        sample: one like them.

    Raises:
        GantkError: no format has its ending, or that format does not hold such samples.
    """
    from gantk.components import format_for

    with TemporaryDirectory() as folder:
        format_for(path, sample.spec).write(Path(folder) / path.name, sample)
