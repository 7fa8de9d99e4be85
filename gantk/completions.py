"""What a shell completes: recipes, components, runs and keys, for `shell_complete=` of click. Imports no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

ENDINGS_OF_RECIPES = (".yaml", ".yml")
KINDS_AT = {"use": "", "loss.use": "loss", "generator.use": "generator", "critic.use": "critic", "data.use": "dataset"}
SAFE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
"""Words that no shell takes for anything else; a file may have any name."""
Items = list[CompletionItem]


def recipes(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Recipes by name, and files that end as recipes do."""
    from gantk.recipe.find_file import shipped

    return _beginning(incomplete, [*shipped(), *_paths(incomplete, ENDINGS_OF_RECIPES)])


def sweeps(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Sweeps by name, and files that end as they do."""
    from gantk.recipe.find_file import shipped_sweeps

    return _beginning(incomplete, [*shipped_sweeps(), *_paths(incomplete, ENDINGS_OF_RECIPES)])


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Runs in runs/, and any other file or folder, such as a checkpoint."""
    from gantk.files.find_run import RUNS, runs_in

    return _beginning(incomplete, [*map(str, runs_in(RUNS)), *_paths(incomplete, ())])


def components(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Components and recipes by name."""
    return _beginning(incomplete, [*_names("")]) + recipes(context, parameter, incomplete)


def kinds(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Kinds of component, and "recipes"."""
    from gantk.plugin import KINDS

    return _beginning(incomplete, [*KINDS, "recipes"])


def metrics(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Metrics by their full names."""
    return _beginning(incomplete, [*_names("metric")])


def override(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """Keys of the recipe or run that the line names, with their "="; behind `use=` components."""
    typed = [each for value in context.params.values() for each in (value if isinstance(value, tuple) else (value,))]
    before = [str(each) for each in typed if isinstance(each, str | Path)]
    key, equals, _ = incomplete.rpartition("=")
    if equals or before[-1:] == ["="]:  # bash takes "=" for the end of a word
        key = key if equals else before[-2]
        names = _names(KINDS_AT.get(key, "optimizer" if "optimizer" in key else "metric")) if _is_use(key) else []
        return _beginning(incomplete, [f"{key}={name}" if equals else name for name in names])
    return _beginning(incomplete, [f"{key}=" for key in _keys(before)])


def recipes_and_overrides(context: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """For commands that take several recipes, and then keys."""
    return recipes(context, parameter, incomplete) + override(context, parameter, incomplete)


def _is_use(key: str) -> bool:
    return key.rpartition(".")[2] == "use"


def _beginning(incomplete: str, words: Sequence[str]) -> Items:
    safe = (word for word in dict.fromkeys(words) if SAFE.fullmatch(word))  # a shell writes them as they are
    return [CompletionItem(word) for word in safe if word.startswith(incomplete)]


def _names(kind: str) -> Iterator[str]:
    from gantk.components.registry import installed_registry

    for declared in installed_registry().components:
        if kind in ("", declared.kind):
            yield declared.full


def _paths(incomplete: str, endings: Sequence[str]) -> list[str]:
    """Folders, with "/", and files that end so, or any where no ending is named, that begin as what was typed."""
    folder, _, _ = incomplete.rpartition("/")
    try:
        entries = sorted(os.scandir(folder or ("/" if incomplete.startswith("/") else ".")), key=lambda each: each.name)
    except OSError:
        return []
    before = incomplete[: incomplete.rfind("/") + 1]
    return [
        f"{before}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.is_dir() or not endings or entry.name.endswith(tuple(endings))
    ]


def _keys(typed: Sequence[str]) -> list[str]:
    """Keys of what is named first: those that stand there, and those of the blocks that all recipes have."""
    from gantk.components.signature import parameters
    from gantk.recipe.blocks import Blocks, Machine, PlayBlock, Train
    from gantk.recipe.recipe import leaves

    blocks: dict[str, Any] = {"play": PlayBlock, "train": Train, "machine": Machine}
    known = [f"{block}.{each.name}" for block, fields in blocks.items() for each in parameters(fields)]
    top = [each.name for each in parameters(Blocks) if each.nested is None or each.name == "evaluate"]
    parts = [f"{block}.use" for block in ("data", "generator", "critic", "loss")]
    said = [key for key, _ in leaves(_values(typed[0]))] if typed else []
    return [*said, *top, *parts, *known]


def _values(name: str) -> dict[str, Any]:
    """What stands in a recipe, or in the resolved one of a run; nothing where it cannot be read."""
    from gantk.errors import GantkError
    from gantk.recipe.diagnostics import Source
    from gantk.recipe.find_file import locate
    from gantk.recipe.yaml_positions import compose

    run = Path(name) / "resolved.yaml"
    try:
        path = run if run.is_file() else locate(name)
        root, _ = compose(Source(name, path.read_text(encoding="utf-8")))
    except (GantkError, OSError, ValueError):
        return {}
    values = root.plain() if root is not None else {}
    return values if isinstance(values, dict) else {}
