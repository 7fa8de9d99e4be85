"""What documents say to type can be typed: overrides validate, commands and options exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from gantk import recipe_blocks, signature
from gantk.cli import gantk
from gantk.recipe import load, locate, shipped

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def code_spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def commands_in(path: Path) -> list[str]:
    text = path.read_text()
    fenced = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
    spans = [span for span in code_spans(re.sub(r"```.*?```", "", text, flags=re.S)) if span.startswith("gantk ")]
    lines = [line.partition(" #")[0].strip() for line in fenced + spans]
    wanted = [line for line in lines if line.startswith("gantk ") and not re.search("[<…[]", line)]
    return [line for line in wanted if path.name != "commands.md"]  # those are forms, with names for what is meant


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
    arguments = words[1 : words.index(">")] if ">" in words else words[1:]
    command.make_context(words[0], arguments, resilient_parsing=False)
    if words[0] in ("run", "show", "validate") and words[1] in shipped():
        overrides = [word for word in words[2:] if re.match(r"[a-z_.0-9]+=", word)]
        load(words[1], overrides)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"


def test_every_recipe_key_is_documented() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    blocks = {"play": recipe_blocks.Play, "train": recipe_blocks.Train, "machine": recipe_blocks.Machine}
    for block, fields in blocks.items():
        for parameter in signature.parameters(fields):
            assert f"`{block}.{parameter.name}`" in text, f"{block}.{parameter.name} is not in docs/recipes.md"
    documented = re.findall(r"`(play|train|machine)\.([a-z_]+)`", text)
    for block, name in documented:
        assert name in {parameter.name for parameter in signature.parameters(blocks[block])}, f"{block}.{name} is gone"


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    documented = set(re.findall(r"^\| `gantk ([a-z-]+)", text, re.M))
    assert documented == set(gantk.list_commands(click.Context(gantk)))
