"""Names: a thing has one, modules and folders can be read in one sitting, and plugins share one skeleton."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.architecture.imports import MODULES
from tests.helpers.documents import ROOT

LONGEST = 320
MOST_IN_A_FOLDER = 16
SAME_NAME = {
    "load": "both are public: gantk.load gives a trained model, gantk.recipe.load a recipe",
}
"""Names that may stand in several modules of gantk/, with the reason."""

FOLDERS = {
    "files", "data", "nets", "losses", "metrics", "objectives", "views", "optimizers", "callbacks", "commands",
    "recipes",
}  # fmt: skip
WORK = {
    "gantk_basics": {"exporters", "inspection", "reconstruction"},
    "gantk_cells": {"inspection", "cropping", "translation"},
    "gantk_dna": {"design"},
    "gantk_expression": {"inspection"},
}
"""Folders of a plugin that are not those of a kind: the work of its commands, named by a noun."""

FAMILIES = {"gantk_zoo": {"conditional", "divergences", "encoders", "games"}}
"""Folders of a plugin of published systems: each module in them holds the losses and nets of a paper."""

ORDER = ("files", "data", "nets", "losses", "metrics", "objectives", "views", "callbacks", "commands")
SOURCES = sorted(
    path for folder in ("gantk", "plugins") for path in (ROOT / folder).rglob("*.py") if "templates" not in path.parts
)
PLUGINS = sorted(path for path in (ROOT / "plugins").iterdir() if (path / "plugin.py").exists())


def public_definitions(path: Path) -> list[str]:
    """Names of the functions and classes at the top of a module, but private ones."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


def test_a_public_name_stands_in_one_module_of_gantk() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module, path in MODULES.items():
        if ".testing.rules." in module or module.startswith("gantk.cli."):
            continue  # rules are called as what they check, commands as what they run
        for name in public_definitions(path):
            homes[name].append(module)
    for module, path in MODULES.items():  # `api.run.run` calls what runs/ does
        if module.startswith("gantk.api."):
            for name in public_definitions(path):
                homes[name] = [each for each in homes[name] if each == module or not each.startswith("gantk.runs.")]
    twice = {name: modules for name, modules in homes.items() if len(modules) > 1 and name not in SAME_NAME}
    assert twice == {}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_a_folder_is_seen_at_a_glance() -> None:
    counts: dict[Path, int] = defaultdict(int)
    for path in SOURCES:
        counts[path.parent] += path.name not in ("__init__.py", "__main__.py")
    full = {str(folder.relative_to(ROOT)): n for folder, n in counts.items() if n > MOST_IN_A_FOLDER}
    full.pop("gantk/cli", None)  # one module a command
    assert full == {}


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_plugins_share_one_skeleton(plugin: Path) -> None:
    folders = {path.name for path in plugin.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - FOLDERS <= WORK.get(plugin.name, set()) | FAMILIES.get(plugin.name, set())
    for folder in folders & FOLDERS:
        assert not (plugin / f"{folder}.py").exists(), f"{folder} is a folder and a module"


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda path: path.name)
def test_imports_of_a_plugin_go_down(plugin: Path) -> None:
    """Nouns ← files ← data ← nets ← losses ← metrics ← views ← work ← commands, and no other plugin but basics."""
    for path in plugin.rglob("*.py"):
        place = path.relative_to(plugin).parts[0].removesuffix(".py")
        rank = rank_of(place, plugin.name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("gantk_"):
                continue
            other, _, inner = node.module.partition(".")  # type: ignore[union-attr]
            assert other in (plugin.name, "gantk_basics"), f"{path}: imports {node.module}"
            if other == plugin.name:
                places = [inner.split(".")[0]] if inner else [each.name for each in node.names]
                for each in places:
                    assert rank_of(each, plugin.name) <= rank, f"{path}: imports {node.module}, which is above it"


def rank_of(place: str, plugin: str) -> int:
    """How high a folder or module of a plugin stands; 0: nouns."""
    if place == "plugin":
        return 100
    if place in WORK.get(plugin, set()):
        return ORDER.index("callbacks") + 1
    if place in FAMILIES.get(plugin, set()):
        return ORDER.index("losses") + 1
    if place in ORDER:
        return ORDER.index(place) + 1 + (place == "commands")
    return 0
