"""What documents say to type can be typed: overrides validate, commands and options exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from gantk import errors, plugin
from gantk.cli import gantk
from gantk.components import signature
from gantk.components.registry import installed_registry
from gantk.recipe import blocks as recipe_blocks
from gantk.recipe.find_file import locate, shipped
from gantk.recipe.recipe import load
from tests.helpers.documents import ROOT, blocks, documents

DOCUMENTS = documents()


def code_spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def commands_in(path: Path) -> list[str]:
    """Commands of `gantk` in shell blocks and in code spans, without what only a shell understands."""
    fenced = [
        line
        for block in blocks(path)
        if block.language == "sh" and not block.hidden and block.skip != "form" and block.exit_code == 0
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    spans = [span for span in code_spans(text) if span.startswith("gantk ")]
    lines = [re.split(r" (?:#|\||>|&&|;)", line)[0].strip() for line in fenced + spans]
    wanted = [line for line in lines if line.startswith("gantk ") and not re.search(r"[<…[$]|\b[A-Z]{2,}\b", line)]
    if path.name == "commands.md" or path.parent.name == "decisions":
        return []  # forms, with names for what is meant; notes of their time
    return wanted


BIOGANS = (ROOT / "docs" / "from-biogans.md").read_text()
RIGHT_HAND_SIDES = sorted(
    {
        span
        for row in BIOGANS.splitlines()
        if row.startswith("|")
        for span in code_spans(row.rsplit("|", 2)[1])
        if re.match(r"[a-z_.]+=", span)
    }
)


def test_there_is_something_to_check() -> None:
    assert len(RIGHT_HAND_SIDES) > 20
    assert sum(len(commands_in(path)) for path in DOCUMENTS) > 20


@pytest.mark.parametrize("overrides", RIGHT_HAND_SIDES)
def test_every_option_of_biogans_has_its_place(overrides: str) -> None:
    recipe = load("lin_starshaped", shlex.split(re.sub(r", ", ",", overrides)))
    assert recipe.values["generator"]["use"] == "cells/starshaped"


@pytest.mark.parametrize("name", re.findall(r"\| `(lin_\w+)`", BIOGANS))
def test_recipes_that_are_named_exist(name: str) -> None:
    assert locate(name).exists()


@pytest.mark.parametrize("line", sorted({line for path in DOCUMENTS for line in commands_in(path)}))
def test_commands_in_documents_exist_with_their_options(line: str) -> None:
    words = shlex.split(line)[1:]
    command = gantk.get_command(click.Context(gantk), words[0])
    assert command is not None, line
    if len(words) == 1:
        return  # only the command's name
    try:
        command.make_context(words[0], words[1:], resilient_parsing=False)
    except click.BadParameter as error:
        assert "does not exist" in error.message  # a file of the reader's
    if words[0] in ("run", "show", "validate") and words[1] in shipped():
        overrides = [word for word in words[2:] if re.match(r"[a-z_.0-9]+=", word)]
        load(words[1], overrides)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_recipe_key_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    keys = {"play": recipe_blocks.PlayBlock, "train": recipe_blocks.Train, "machine": recipe_blocks.Machine}
    there = {f"{block}.{each.name}" for block, fields in keys.items() for each in signature.parameters(fields)}
    assert set(re.findall(r"`((?:play|train|machine)\.[a-z_]+)`", text)) == there
    table = re.findall(r"^\| (`.*?) \|(.*)", text, re.M)
    named = {span for key, _ in table for span in code_spans(key)}
    assert {each.name for each in signature.parameters(recipe_blocks.Blocks)} - set(keys) <= named
    about_entries = next(meaning for key, meaning in table if key == "`evaluate`")
    for each in signature.parameters(recipe_blocks.EvaluateEntry):
        assert f"`{each.name}`" in about_entries


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    documented = set(re.findall(r"^\| `gantk ([a-z-]+)", text, re.M))
    assert documented == set(gantk.list_commands(click.Context(gantk)))


def rows_of(document: str, heading: str) -> dict[str, str]:
    """The table under a heading: first cell to second."""
    section = (ROOT / "docs" / document).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| (.+?) \| (.+?) \|", section, re.M))


def test_every_environment_variable_is_documented_and_no_other() -> None:
    sources = [path for folder in ("gantk", "plugins", "tests") for path in (ROOT / folder).rglob("*.py")]
    used = {
        name
        for path in sources
        for name in re.findall(r"[\"']((?:GANTK|G?OMP|MALLOC|GLIBC)_[A-Z_]+)[\"']", path.read_text())
    }
    documented = {name for cell in rows_of("files.md", "Environment variables") for name in code_spans(cell)}
    assert documented == used


def test_every_exit_code_is_documented_and_no_other() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.GantkError)]
    codes = {str(each.exit_code) for each in classes} | {"0", "2", "130", "143"}
    documented = {code for cell in rows_of("files.md", "Exit codes") for code in re.findall(r"\d+", cell)}
    assert documented == codes


def test_every_hook_and_kind_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text()
    hooks = {name for name, value in vars(plugin).items() if getattr(value, "gantk_spec", None) is not None}
    assert hooks == {"gantk_components", "gantk_recipes", "gantk_exporters", "gantk_bibliographies"}
    for path in DOCUMENTS:
        assert set(re.findall(r"def (gantk_\w+)\(", path.read_text())) <= hooks, path
    assert set(re.findall(r"def (gantk_\w+)\(", text)) == hooks
    kinds = {name for cell in rows_of("plugins.md", "Kinds") for name in code_spans(cell)}
    assert kinds == set(plugin.KINDS)


def test_components_and_recipes_that_are_named_exist() -> None:
    known = {each.full for each in installed_registry().components} | set(shipped())
    wrong_on_purpose = {block.text for path in DOCUMENTS for block in blocks(path) if block.exit_code}
    for path in DOCUMENTS:
        named = set(re.findall(r"(?<![\w/.-])(?:basics|motif|cells|dna)/[a-z][a-z0-9_]*(?![\w./])", path.read_text()))
        missing = {name for name in named - known if not any(name in text for text in wrong_on_purpose)}
        assert not missing, path
