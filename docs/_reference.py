"""The reference of the site, written from the code each time the site is built: it cannot be out of date.

mkdocs calls the functions named `on_…` (mkdocs.yml, `hooks`). `pages()` gives every generated page by its address; the
tests look at the same.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner
from mkdocs.structure.files import File, Files

from gantk import errors, plugin
from gantk.cli import gantk
from gantk.components.registry import Declared, installed_registry
from gantk.components.signature import parameters, supplied
from gantk.recipe import blocks as recipe_blocks

DOCS = Path(__file__).parent
PLUGINS = ("basics", "motif", "cells", "dna", "expression", "zoo")
PLURALS = {"loss": "losses", "dataset": "data sets"}
PYTHON = {
    "gantk": (
        "From Python: what `import gantk` gives.",
        ["gantk.api.run", "gantk.api.model", "gantk.api.samples", "gantk.evaluation.results"],
    ),
    "gantk.plugin": ("What a plugin module imports: the hooks, and `Component`.", ["gantk.plugin"]),
    "gantk.interfaces": (
        "What components are. [Plugins](../plugins.md) shows them at work.",
        ["gantk.interfaces", "gantk.spec", "gantk.interfaces.play", "gantk.data", "gantk.errors"],
    ),
    "gantk.testing": ("The conformance kit. [Plugins](../plugins.md#the-rules) has its rules.", ["gantk.testing"]),
}


def pages() -> dict[str, str]:
    """Address below docs/ to Markdown, of every generated page."""
    found = {"reference/cli.md": cli(), "reference/recipe-keys.md": recipe_keys(), "reference/errors.md": mistakes()}
    found |= {f"reference/components-{name}.md": components(name) for name in PLUGINS}
    found |= {f"reference/python-{name.replace('.', '-')}.md": python(name) for name in PYTHON}
    return found


def cli() -> str:
    """The help of every command, as `--help` prints it."""
    parts = [
        "# The command line",
        "What `--help` prints. [Commands](../commands.md) has them all on one page.",
        _help(),
    ]
    for name in gantk.list_commands(click.Context(gantk)):
        parts += [f"## gantk {name}", _help(name)]
    return "\n\n".join(parts) + "\n"


def _help(*words: str) -> str:
    shown = CliRunner().invoke(gantk, [*words, "--help"], prog_name="gantk", terminal_width=90)
    return f"```text\n{shown.output.rstrip()}\n```"


def components(plugin_name: str) -> str:
    """Every component of a first-party plugin."""
    every = [declared for declared in installed_registry().components if declared.plugin == plugin_name]
    parts = [
        f"# Components of {plugin_name}",
        f"What `gantk show {plugin_name}/NAME` prints. A recipe names a component by `use:`.",
    ]
    for kind in plugin.KINDS:
        of_kind = [declared for declared in every if declared.kind == kind]
        if of_kind:
            parts.append(f"## {PLURALS.get(kind, kind + 's').capitalize()}")
            parts += [part for declared in of_kind for part in _component(declared)]
    return "\n\n".join(parts) + "\n"


def _component(declared: Declared) -> Iterator[str]:
    yield f"### {declared.full}" + f" {{ #{declared.kind}-{declared.full.replace('/', '-')} }}"
    target = installed_registry().load(declared)
    if declared.kind == "command":
        command = declared.name.replace("_", "-")
        yield f"{_escaped(declared.summary)}: see [gantk {command}](cli.md#gantk-{command})."
        return
    text = inspect.cleandoc(target.__doc__ or declared.summary)
    yield _escaped(re.split(r"\n(?:Args|Raises|Returns):", text)[0].rstrip())
    if supplied(target):
        yield f"gantk supplies: {', '.join(f'`{name}`' for name in supplied(target))}."
    yield from _parameters(target)


def recipe_keys() -> str:
    """Every block of a recipe."""
    parts = ["# Recipe keys", "[Recipes](../recipes.md) says how they are written and overridden."]
    blocks: list[tuple[str, str, Any]] = [
        ("The file", "", recipe_blocks.Blocks),
        ("play", "play.", recipe_blocks.PlayBlock),
        ("train", "train.", recipe_blocks.Train),
        ("train.keep_best", "train.keep_best.", recipe_blocks.KeepBest),
        ("An entry of evaluate", "", recipe_blocks.EvaluateEntry),
        ("Beside the parameters of an optimizer", "", recipe_blocks.OptimizerEntry),
        ("machine", "machine.", recipe_blocks.Machine),
    ]
    for title, prefix, block in blocks:
        parts += [f"## {title}", _escaped(inspect.cleandoc(block.__doc__).partition("\nArgs:")[0].strip())]
        parts += _parameters(block, prefix)
    return "\n\n".join(parts) + "\n"


def mistakes() -> str:
    """Every error class with its exit code."""
    parts = ["# Errors", "What gantk raises on purpose, and the exit code that the command line makes of it."]
    rows = []
    for name, error in vars(errors).items():
        if inspect.isclass(error) and issubclass(error, (errors.GantkError, errors.Interrupted)):
            code = "130, 143" if error is errors.Interrupted else str(error.exit_code)
            rows.append((f"`{name}`", code, _cell(inspect.cleandoc(error.__doc__ or "").partition("\n\n")[0])))
    return "\n\n".join([*parts, _table(("error", "exit code", "when"), rows)]) + "\n"


def python(name: str) -> str:
    """The page of a Python module: mkdocstrings fills it in."""
    about, modules = PYTHON[name]
    return "\n\n".join([f"# {name}", about, *(f"::: {module}" for module in modules)]) + "\n"


def _parameters(target: Any, prefix: str = "") -> Iterator[str]:
    rows = [
        (
            f"`{prefix}{parameter.name}`",
            _cell(parameter.type_text),
            "required" if parameter.required else f"`{json.dumps(parameter.default, ensure_ascii=False)}`",
            _cell(parameter.help),
        )
        for parameter in parameters(target)
    ]
    if rows:
        yield _table(("parameter", "type", "default", "meaning"), rows)


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    headings = list(headings)
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _escaped(" ".join(text.split())).replace("|", "&#124;")


def _escaped(text: str) -> str:
    """Plain text as Markdown: what stands between backticks stays as it is."""
    parts = re.split(r"(`+[^`]+`+)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([*_\[\]\\#])", r"\\\1", escape(part, False)) for part in parts
    )


# What mkdocs calls.


def on_config(config: Any) -> Any:
    """A `*` in the navigation stands for all pages of a folder, by name."""
    config.nav = _spread(config.nav)
    return config


def _spread(nav: Any) -> Any:
    if isinstance(nav, dict):
        return {title: _spread(each) for title, each in nav.items()}
    if not isinstance(nav, list):
        return nav
    spread: list[Any] = []
    for each in nav:
        if isinstance(each, str) and "*" in each:
            spread += sorted(str(path.relative_to(DOCS)) for path in DOCS.glob(each))
        else:
            spread.append(_spread(each))
    return spread


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated pages."""
    for address, text in pages().items():
        files.append(File.generated(config, address, content=text))
    return files
