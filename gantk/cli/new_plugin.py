"""`gantk new-plugin`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gantk import console
from gantk.messages import printable

if TYPE_CHECKING:
    from gantk.api.exercise import Exercise


def _kinds(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    from gantk.messages import did_you_mean
    from gantk.plugin import KINDS

    wanted = [each.strip() for each in value.split(",") if each.strip()]
    if wanted == ["all"]:
        return list(KINDS)
    for each in wanted:
        if each not in KINDS:
            hint = did_you_mean(each, KINDS, f"kinds are {', '.join(KINDS)}")
            raise click.BadParameter(f"'{printable(each)}' is not one of them; {hint}")
    if not wanted:
        raise click.BadParameter(f"say at least one of {', '.join(KINDS)}")
    return wanted


def _exercise(context: click.Context, parameter: click.Parameter, value: str | None) -> Exercise | None:
    from gantk.api.exercise import EXERCISES
    from gantk.messages import did_you_mean

    if value is None:
        return None
    if value not in EXERCISES:
        hint = did_you_mean(value, EXERCISES, f"there are {', '.join(EXERCISES)}")
        raise click.BadParameter(f"'{printable(value)}' is not one of them; {hint}")
    return EXERCISES[value]


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    "kinds",
    metavar="KIND[,KIND]...",
    default="generator,critic,loss,dataset,metric,view,callback",
    show_default=True,
    callback=_kinds,
    help="Which components it starts with; all: one of each kind.",
)
@click.option(
    "--exercise",
    metavar="EXERCISE",
    callback=_exercise,
    help="With gaps to fill, a notebook, and a test for each gap: gan, acgan or vae.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Folder in which its own folder is made. [default: here]",
)
@click.pass_context
def command(context: click.Context, name: str, kinds: list[str], exercise: Exercise | None, into: Path) -> None:
    """Write a small distribution, tests included, to start a plugin NAME from.

    Overwrites nothing. It installs and passes its tests as written.

    \b
    gantk new-plugin acme-gan --kind loss
    cd acme-gan && pip install -e '.[test]' && pytest

    \b
    gantk new-plugin my-gan --exercise gan
    """
    from gantk.api.new_plugin import write_package

    if exercise is not None and context.get_parameter_source("kinds") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--exercise says which components are written: leave out --kind")
    folder = write_package(name, kinds, into, exercise)
    plugin = folder.name.replace("-", "_")
    if exercise is None:
        console.say(f"next: cd {folder} && pip install -e '.[test]' && pytest && gantk run {plugin}/first")
    else:
        console.say(f"next: read {folder / 'README.md'}; cd {folder} && pip install -e '.[test]' && pytest")
    console.answer(str(folder))
