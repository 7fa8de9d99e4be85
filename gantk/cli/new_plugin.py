"""`gantk new-plugin`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import console
from gantk.messages import printable


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
    "--into",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="Folder in which its own folder is made. [default: here]",
)
def command(name: str, kinds: list[str], into: Path) -> None:
    """Write a small distribution, tests included, to start a plugin NAME from.

    Overwrites nothing. It installs and passes its tests as written.

    \b
    gantk new-plugin acme-gan --kind loss
    cd acme-gan && pip install -e '.[test]' && pytest
    """
    from gantk.api.new_plugin import write_package

    folder = write_package(name, kinds, into)
    plugin = folder.name.replace("-", "_")
    console.say(f"next: cd {folder} && pip install -e '.[test]' && pytest && gantk run {plugin}/first")
    console.answer(str(folder))
