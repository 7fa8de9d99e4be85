"""The site: it builds without a warning, and holds everything that the code has."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from gantk import errors
from gantk.cli import gantk
from gantk.components import signature
from gantk.components.registry import installed_registry
from gantk.recipe import blocks as recipe_blocks
from tests.helpers.documents import ROOT


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """docs/_reference.py, which writes the generated pages."""
    pytest.importorskip("mkdocs", reason="pip install 'gantk[docs]'")
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(reference: ModuleType) -> dict[str, str]:
    return reference.pages()


def test_every_component_with_its_parameters_is_in_the_reference(reference: ModuleType, pages: dict[str, str]) -> None:
    own = [each for each in installed_registry().components if each.distribution == "gantk"]
    assert {each.plugin for each in own} == set(reference.PLUGINS)
    for each in own:
        text = pages[f"reference/components-{each.plugin}.md"]
        section = re.search(rf"### {each.full} {{ #{each.kind}-.*?(?=\n##|\Z)", text, re.S)
        assert section, each
        if each.kind != "command":
            for parameter in signature.parameters(installed_registry().load(each)):
                assert f"| `{parameter.name}` |" in section[0], (each.full, parameter.name)


def test_every_command_with_its_options_is_in_the_reference(pages: dict[str, str]) -> None:
    context = click.Context(gantk)
    for name in gantk.list_commands(context):
        section = pages["reference/cli.md"].partition(f"\n## gantk {name}\n")[2].partition("\n## ")[0]
        command = gantk.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in section, (name, option.opts)


def test_every_recipe_key_is_in_the_reference(pages: dict[str, str]) -> None:
    text = pages["reference/recipe-keys.md"]
    blocks = [
        each
        for each in vars(recipe_blocks).values()
        if isinstance(each, type) and each.__module__ == "gantk.recipe.blocks"
    ]
    assert len(blocks) >= 6
    for block in blocks:
        for parameter in signature.parameters(block):
            assert re.search(rf"\| `[a-z_.]*{parameter.name}` \|", text), (block.__name__, parameter.name)


def test_every_error_is_in_the_reference(pages: dict[str, str]) -> None:
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.GantkError):
            assert f"| `{name}` |" in pages["reference/errors.md"]


@pytest.mark.slow
def test_site_builds_without_a_warning_and_needs_no_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    scripts = r"<(?:script|img|iframe)[^>]*\ssrc=\"?(https?://[^\s\">]+)"
    links = r"<link[^>]*rel=\"?(?:stylesheet|preconnect|preload)[^>]*href=\"?(https?://[^\s\">]+)"
    for page in (tmp_path / "site").rglob("*.html"):
        assert not re.findall(f"{scripts}|{links}", page.read_text()), page.name
