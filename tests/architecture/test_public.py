"""What is public: modules directly in gantk/, and what the fronts of seven packages list in `__all__`."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.imports import FRONTS, MODULES, imported_names
from tests.helpers.documents import ROOT

PACKAGES = ("interfaces", "autograd", "components", "recipe", "files", "training", "testing")
PUBLIC = {f"gantk.{name}": set(importlib.import_module(f"gantk.{name}").__all__) for name in PACKAGES}
OUTSIDE = sorted(
    path.relative_to(ROOT)
    for folder in ("plugins", "examples", "gantk/templates")
    for path in (ROOT / folder).rglob("*.py*")
    if path.suffix in (".py", ".j2") and not {"__pycache__", "tests"} & set(path.parts)
)


def is_public(name: str) -> bool:
    """Whether a dotted name may be imported from outside: a module in gantk/, a name in it, or what a front lists."""
    parts = name.split(".")
    if len(parts) == 1:
        return True
    owner = ".".join(parts[:2])
    if owner in PUBLIC:
        return len(parts) == 2 or (len(parts) == 3 and parts[2] in PUBLIC[owner])
    module = MODULES.get(owner)
    if module is None:
        return name in {f"gantk.{each}" for each in importlib.import_module("gantk").__all__}
    return module.name != "__init__.py" and len(parts) <= 3


@pytest.mark.parametrize("path", OUTSIDE, ids=str)
def test_plugins_examples_and_templates_import_only_what_is_public(path: Path) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".j2":
        names = [
            f"{words[1]}.{name.strip()}"
            for words in (line.split() for line in text.splitlines() if line.startswith("from gantk"))
            for name in " ".join(words[3:]).split(",")
        ]
    else:
        names = list(imported_names(ROOT / path, "gantk."))
        names += [name for name in imported_names(ROOT / path, "gantk") if name.startswith("gantk.")]
    assert sorted({name for name in names if not is_public(name)}) == []


@pytest.mark.parametrize("front", sorted(FRONTS))
def test_a_front_gives_what_it_lists(front: str) -> None:
    package = importlib.import_module(front)
    assert sorted(package.__all__) == sorted(FRONTS[front]) or front == "gantk"
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize("front", sorted(FRONTS))
def test_no_public_name_is_that_of_a_module_beside_it(front: str) -> None:
    """`gantk.training.state` would be the function or the module, by what was imported first."""
    folder = MODULES[front].parent
    modules = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.iterdir() if path.is_dir()}
    names = set(importlib.import_module(front).__all__)
    exported_modules = {name for name, home in FRONTS[front].items() if home == f"{front}.{name}"}
    assert names & modules <= exported_modules


def test_fronts_import_neither_torch_nor_pydantic() -> None:
    code = (
        f"import sys, {', '.join(sorted(FRONTS))}\nprint(sorted({{'torch', 'pydantic', 'numpy'}} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
