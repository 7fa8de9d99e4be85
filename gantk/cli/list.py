"""`gantk list`."""

from __future__ import annotations

import click

from gantk import cli_options, completions, console
from gantk.messages import printable
from gantk.plugin import KINDS


@click.command()
@click.argument("kind", required=False, shell_complete=completions.kinds)
@cli_options.as_json
def command(kind: str | None, as_json: bool) -> None:
    """Show what is installed: components of every kind, or of one KIND, or `recipes`."""
    from gantk.components.registry import installed_registry

    wanted = kind.removesuffix("s") if kind and kind not in KINDS else kind  # `gantk list losses` is heard too
    wanted = {"losse": "loss", "losses": "loss"}.get(wanted or "", wanted)
    if wanted == "recipe":
        return _recipes(as_json)
    if wanted is not None and wanted not in KINDS:
        raise click.UsageError(f"'{printable(kind or '')}' is not a kind; kinds are {', '.join(KINDS)}, and recipes")
    found = installed_registry().components if wanted is None else installed_registry().of_kind(wanted)
    if as_json:
        console.answer_json(
            [
                {
                    "kind": declared.kind,
                    "name": declared.full,
                    "summary": declared.summary,
                    "plugin": declared.plugin,
                    "distribution": declared.distribution,
                    "version": declared.version,
                }
                for declared in found
            ]
        )
        return None
    rows = [
        (declared.full, declared.kind, f"{declared.distribution} {declared.version}", declared.summary)
        for declared in found
    ]
    console.table("", ("name", "kind", "from", "what it is"), rows)
    for plugin in installed_registry().plugins:
        if plugin.state in ("broken", "refused"):
            console.warn(f"{plugin.title} is {plugin.state}: {plugin.reason} (`gantk doctor` says more)")
    return None


def _recipes(as_json: bool) -> None:
    from gantk.recipe.find_file import shipped, summary

    found = {name: summary(path) for name, path in shipped().items()}
    if as_json:
        console.answer_json([{"name": name, "about": about} for name, about in found.items()])
    else:
        console.table("", ("recipe", "about"), found.items())
