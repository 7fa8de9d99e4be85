"""Plugins: found, isolated, disabled, refused; components: found by name, or a message that helps."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

import pytest

import gantk
from gantk.components.registry import Registry
from gantk.errors import ComponentError
from tests.helpers.recipes_plugin import entry_point
from tests.helpers.recipes_plugin import registry as toy_registry

GOOD = """
from gantk.plugin import Component, hookimpl

@hookimpl
def gantk_components():
    yield Component("critic", "patch", "{name}:Patch", "judges patches")

class Patch: pass
"""


def install(folder: Path, distribution: str, plugin: str, module: str, code: str | None) -> list[EntryPoint]:
    """Puts a distribution with one plugin into a folder; returns its entry points."""
    info = folder / f"{distribution}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[gantk]\n{plugin} = {module}\n")
    if code is not None:
        (folder / f"{module}.py").write_text(code)
    return list(Distribution.at(info).entry_points)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that modules are imported from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("GANTK_STRICT", raising=False)
    monkeypatch.delenv("GANTK_DISABLE_PLUGINS", raising=False)
    return tmp_path


def test_a_plugin_is_found_with_where_it_comes_from(site: Path) -> None:
    found = Registry(install(site, "acme-gan", "acme", "acme_one", GOOD.format(name="acme_one")))
    (plugin,) = found.plugins
    assert (plugin.name, plugin.distribution, plugin.version, plugin.state) == ("acme", "acme-gan", "1.2", "ok")
    declared = found.find("critic", "acme/patch")
    assert (declared.full, declared.distribution, declared.version) == ("acme/patch", "acme-gan", "1.2")
    assert found.load(declared).__name__ == "Patch"


BROKEN = {
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "imports": ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
    "misspelt": (GOOD.replace("gantk_components", "gantk_componets"), "did you mean 'gantk_components'?"),
    "other hook": (GOOD.replace("gantk_components", "gantk_breakfast"), "no hook 'gantk_breakfast'"),
    "unmarked": (GOOD.replace("@hookimpl", ""), "not marked with @hookimpl"),
    "no hook": ("x = 1", "declares nothing"),
    "junk": (GOOD.replace("yield", "yield 7 #"), "yielded 7, which is not a Component"),
    "twice": (GOOD.replace("yield", "for _ in range(2): yield"), "yields critic 'patch' twice"),
    "no list": (GOOD.replace("yield", "return 7 #"), "TypeError"),
    "bad kind": (GOOD.replace('"critic"', '"critik"'), "kind 'critik' is not one of"),
    "argument": (GOOD.replace("components()", "components(x)"), "PluginValidationError"),
    "recipes": (GOOD + "\n@hookimpl\ndef gantk_recipes(): return [3]", "yielded 3, which is not the name of a package"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_costs_nobody_else_anything(site: Path, case: str) -> None:
    code, reason = BROKEN[case]
    module = f"broken_{case.replace(' ', '_')}"
    points = install(site, "bad", "bad", module, code.replace("{name}", module))
    found = Registry([*points, entry_point("toy")])
    state = {plugin.name: plugin for plugin in found.plugins}
    assert state["toy"].state == "ok"
    assert found.find("loss", "toy/simple").full == "toy/simple"
    assert state["bad"].state == "broken"
    assert reason in state["bad"].reason
    assert "\n" not in state["bad"].reason
    assert not [declared for declared in found.components if declared.plugin == "bad"]
    with pytest.raises(ComponentError, match=r"plugin 'bad' .* is broken"):
        found.find("critic", "bad/patch")


def test_traceback_of_a_broken_plugin_is_kept(site: Path) -> None:
    (plugin,) = Registry(install(site, "bad", "bad", "broken_trace", "def f(): 1 / 0\nf()")).plugins
    assert "line 1, in f" in plugin.traceback


def test_strict_makes_a_broken_plugin_an_error(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = install(site, "bad", "bad", "broken_strict", "1 / 0")
    monkeypatch.setenv("GANTK_STRICT", "1")
    with pytest.raises(ComponentError, match=r"plugin 'bad' \(bad 1.2\) is broken: ZeroDivisionError"):
        Registry(points)


def test_nothing_of_a_disabled_plugin_is_imported(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANTK_DISABLE_PLUGINS", "toy, acme")
    found = Registry([*install(site, "acme", "acme", "acme_disabled", "1 / 0"), entry_point("other")])
    assert {plugin.name: plugin.state for plugin in found.plugins} == {"acme": "disabled", "other": "ok"}
    assert "acme_disabled" not in sys.modules
    with pytest.raises(ComponentError, match="GANTK_DISABLE_PLUGINS"):
        found.find("critic", "acme/patch")


@pytest.mark.parametrize("swapped", [False, True])
def test_a_taken_name_is_refused_whatever_the_order(site: Path, swapped: bool) -> None:
    first = install(site, "acme-a", "acme", "acme_a", GOOD.format(name="acme_a"))
    second = install(site, "acme-b", "acme", "acme_b", GOOD.format(name="acme_b"))
    found = Registry([*second, *first] if swapped else [*first, *second])
    assert [(plugin.distribution, plugin.state) for plugin in found.plugins] == [
        ("acme-a", "refused"),
        ("acme-b", "refused"),
    ]
    assert "'acme' is claimed by acme-b 1.2, too" in found.plugins[0].reason
    assert "'acme' is claimed by acme-a 1.2, too" in found.plugins[1].reason
    with pytest.raises(ComponentError, match="is refused"):
        found.find("critic", "acme/patch")
    assert not {"acme_a", "acme_b"} & set(sys.modules)


def own_basics() -> EntryPoint:
    """The installed entry point of the plugin basics."""
    return next(each for each in entry_points(group="gantk") if each.value == "gantk_basics.plugin")


def test_gantk_itself_holds_its_names(site: Path) -> None:
    other = install(site, "a-first", "basics", "basics_other", GOOD.format(name="basics_other"))
    found = Registry([*other, own_basics()]).plugins
    assert [(plugin.distribution, plugin.state) for plugin in found] == [("gantk", "ok"), ("a-first", "refused")]


def test_a_stranger_that_is_called_gantk_is_told_by_its_module(site: Path) -> None:
    own = own_basics()  # before the other one hides it
    poser = install(site, "gantk", "basics", "basics_poser", GOOD.format(name="basics_poser"))
    states = {plugin.module: plugin.state for plugin in Registry([*poser, own]).plugins}
    assert states == {"gantk_basics.plugin": "ok", "basics_poser": "refused"}


def test_a_plugin_that_raises_anything_or_prints_costs_nobody_else(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "print('hello')\n\nclass Odd(BaseException):\n    pass\n\nraise Odd('mine')\n"
    odd = install(site, "acme-odd", "odd", "acme_odd", text)
    good = install(site, "acme-a", "acme", "acme_good", "print('hello')\n" + GOOD.format(name="acme_good"))
    states = {plugin.name: plugin.state for plugin in Registry([*odd, *good]).plugins}
    assert states == {"odd": "broken", "acme": "ok"}
    assert capsys.readouterr().out == ""


NOT_FOUND = [
    ("loss", "toy/simpel", ["unknown loss 'toy/simpel'", "did you mean 'toy/simple'?"]),
    ("loss", "tyo/simple", ["did you mean 'toy/simple'?"]),
    ("loss", "toy/zzz", ["unknown loss", "`gantk list loss`", "toy/around"]),
    ("loss", "toy/points", ["'toy/points' is a dataset, not a loss"]),
    ("dataset", "toy/net", ["is a generator and a critic, not a dataset"]),
    ("loss", "simple", ["ambiguous loss 'simple'", "write 'other/simple' or 'toy/simple'"]),
    ("objective", "toy/x", ["no installed plugin has an objective"]),
]


@pytest.mark.parametrize(("kind", "name", "words"), NOT_FOUND)
def test_messages_about_names(kind: str, name: str, words: list[str]) -> None:
    with pytest.raises(ComponentError) as caught:
        toy_registry().find(kind, name)
    for word in words:
        assert word in str(caught.value)


def test_bare_names_are_for_the_command_line() -> None:
    found = Registry([entry_point("toy")])
    assert found.find("loss", "simple", allow_bare=True).full == "toy/simple"
    with pytest.raises(ComponentError, match="not a full name\nwrite 'toy/simple'"):
        found.find("loss", "simple")
    with pytest.raises(ComponentError, match="ambiguous"):
        toy_registry().find("loss", "simple", allow_bare=True)


def test_a_target_that_cannot_be_imported_names_its_plugin() -> None:
    found = Registry([entry_point("toy")])
    with pytest.raises(ComponentError, match=r"critic 'toy/absent' of plugin 'toy' \(unknown \?\) cannot be imported"):
        found.load(found.find("critic", "toy/absent"))


def test_discovery_imports_no_torch_and_sees_installed_plugins(site: Path) -> None:
    install(site, "acme", "acme", "acme_real", GOOD.format(name="acme_real"))
    code = (
        "import sys, gantk, gantk.plugin, gantk.components.registry as r\n"
        "print([d.full for d in r.installed_registry().components if d.plugin == 'acme'])\n"
        "print({'torch', 'pydantic', 'numpy'} & set(sys.modules))"
    )
    path = os.pathsep.join([str(site), str(Path(gantk.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['acme/patch']", "set()"]


def test_gantk_imports_no_plugin() -> None:
    for path in Path(gantk.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            assert not [name for name in names if re.match(r"gantk_(basics|motif|cells|dna)\b", name)], path
