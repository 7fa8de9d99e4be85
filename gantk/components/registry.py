"""Finds plugins, isolates broken ones, resolves names. Imports neither torch nor pydantic."""

from __future__ import annotations

import difflib
import importlib
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import EntryPoint
from typing import Any

import pluggy

from gantk import plugin as hooks
from gantk.components.installed import (
    InstalledPlugin,
    described_plugin,
    installed_entry_points,
    is_own,
    precedence,
)
from gantk.errors import ComponentError, Interrupted
from gantk.messages import did_you_mean, printable, with_article
from gantk.plugin import KINDS, Component, Exporter

HOOKS = ("gantk_components", "gantk_recipes", "gantk_exporters", "gantk_bibliographies")


@dataclass(frozen=True)
class Declared:
    """A component that a working plugin declares; nothing of it is imported yet."""

    kind: str
    plugin: str
    name: str
    target: str
    summary: str
    distribution: str
    version: str
    inspector: str = ""

    @property
    def full(self) -> str:
        """The name that recipes use: `plugin/name`."""
        return f"{self.plugin}/{self.name}"


class _Unusable(Exception):
    """A plugin that loaded but declares something that cannot be right."""


class Registry:
    """Every plugin and component that is installed.

    Args:
        entry_points: what to look at; None: the installed entry points of the group `gantk`.

    Raises:
        ComponentError: GANTK_STRICT=1 is set and a plugin is broken or refused.
    """

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None):
        found = installed_entry_points() if entry_points is None else entry_points
        disabled = {name.strip() for name in os.environ.get("GANTK_DISABLE_PLUGINS", "").split(",")}
        self.plugins: list[InstalledPlugin] = []
        """All of them, by name; the one that holds a name stands before those that are refused."""
        self.components: list[Declared] = []
        """What the working plugins declare, by kind (in the order of KINDS) and full name."""
        self.recipe_packages: list[tuple[str, str]] = []
        """(plugin, package that holds recipes)."""
        self.exporters: list[Exporter] = []
        """What `gantk export` can write."""
        self.bibliographies: list[str] = []
        """Packages that hold a papers.bib."""
        holders: dict[str, InstalledPlugin] = {}
        ordered = sorted(found, key=precedence)
        claims = Counter(each.name for each in ordered)
        own = {each.name for each in ordered if is_own(each)}
        for entry_point in ordered:
            plugin = described_plugin(entry_point)
            if claims[plugin.name] > 1 and plugin.name not in own:  # of two strangers none is the right one
                others = [
                    described_plugin(each) for each in ordered if each.name == plugin.name and each is not entry_point
                ]
                reason = f"the name '{plugin.name}' is claimed by {' and '.join(o.origin for o in others)}, too"
                self.plugins.append(replace(plugin, state="refused", reason=reason))
                continue
            if plugin.name in holders:
                holder = holders[plugin.name]
                reason = f"the name '{plugin.name}' is taken by {holder.distribution} {holder.version}"
                self.plugins.append(replace(plugin, state="refused", reason=reason))
                continue
            holders[plugin.name] = plugin
            if plugin.name in disabled:
                self.plugins.append(replace(plugin, state="disabled", reason="named in GANTK_DISABLE_PLUGINS"))
            else:
                self.plugins.append(self._take(plugin, entry_point))
        self.components.sort(key=lambda declared: (KINDS.index(declared.kind), declared.full))
        if os.environ.get("GANTK_STRICT") == "1":
            self._insist()

    def _take(self, plugin: InstalledPlugin, entry_point: EntryPoint) -> InstalledPlugin:
        """Loads all components of one plugin or none, and returns the plugin with its state."""
        try:
            declared = _declarations(plugin, entry_point)
        except (KeyboardInterrupt, Interrupted):
            raise
        except BaseException as error:  # whatever a stranger's module raises is its own affair
            reason = str(error) if isinstance(error, _Unusable) else f"{type(error).__name__}: {error}"
            reason = (reason.strip().splitlines() or [""])[0]
            trace = "" if isinstance(error, _Unusable) else traceback.format_exc()
            return replace(plugin, state="broken", reason=reason, traceback=trace)
        self.components += declared.components
        self.recipe_packages += [(plugin.name, package) for package in declared.recipe_packages]
        self.exporters += declared.exporters
        self.bibliographies += declared.bibliographies
        return plugin

    def _insist(self) -> None:
        bad = [plugin for plugin in self.plugins if plugin.state in ("broken", "refused")]
        if bad:
            lines = [f"{plugin.title} is {plugin.state}: {plugin.reason}" for plugin in bad]
            raise ComponentError("\n".join([*lines, "(GANTK_STRICT=1 makes this an error)"]))

    def named(self, name: str) -> list[Declared]:
        """All components of this full or bare name, whatever their kind: what `gantk show NAME` shows."""
        return [declared for declared in self.components if name in (declared.full, declared.name)]

    def nearest_to(self, name: str) -> str | None:
        """The full name of the component that `name` was probably meant to be, of any kind, or None."""
        return _nearest_component(name, self.components)

    def of_kind(self, kind: str) -> list[Declared]:
        """All components of a kind, by full name."""
        return [declared for declared in self.components if declared.kind == kind]

    def find(self, kind: str, name: str, allow_bare: bool = False) -> Declared:
        """The component of this kind and name.

        Args:
            kind: one of `KINDS`.
            name: `plugin/name`.
            allow_bare: whether `name` alone will do where it is unambiguous (the command line).

        Raises:
            ComponentError: there is none; the first line says what is wrong, the next what to write instead.
        """
        shown = printable(name)
        same_kind = self.of_kind(kind)
        for declared in same_kind:
            if declared.full == name:
                return declared
        bare = [declared for declared in same_kind if declared.name == name]
        if allow_bare and len(bare) == 1:
            return bare[0]
        if bare:
            choices = [declared.full for declared in bare]
            if len(bare) > 1:
                raise ComponentError(f"ambiguous {kind} '{shown}'\n{_either(choices)}")
            raise ComponentError(f"'{shown}' is not a full name\nwrite '{choices[0]}'")
        others = [declared for declared in self.named(name) if declared.kind != kind]
        if others:
            kinds = " and ".join(with_article(other.kind) for other in others)
            raise ComponentError(f"'{shown}' is {kinds}, not {with_article(kind)}\n{self._suggestion(kind, name)}")
        self._explain_unusable(name)
        raise ComponentError(f"unknown {kind} '{shown}'\n{self._suggestion(kind, name)}")

    def _suggestion(self, kind: str, name: str) -> str:
        known = self.of_kind(kind)
        near = _nearest_component(name, known)
        if near:
            return f"did you mean '{near}'?"
        if known:
            names = ", ".join(declared.full for declared in known[:8])
            return f"`gantk list {kind}` shows all of them: {names}{', …' if len(known) > 8 else ''}"
        return f"no installed plugin has {with_article(kind)}; `gantk doctor` shows the plugins"

    def _explain_unusable(self, name: str) -> None:
        plugin_name = name.partition("/")[0]
        for plugin in self.plugins:
            if "/" in name and plugin.name == plugin_name and plugin.state != "ok":
                hint = {
                    "broken": "`gantk doctor` shows the traceback",
                    "disabled": "take it out of GANTK_DISABLE_PLUGINS to use it",
                    "refused": "uninstall one of the two",
                }[plugin.state]
                raise ComponentError(f"{plugin.title} is {plugin.state}: {plugin.reason}\n{hint}")

    def load(self, declared: Declared) -> Any:
        """Imports what a component points at.

        Raises:
            ComponentError: it cannot be imported; names the plugin, its distribution and version, and the reason.
        """
        module_name, _, attribute = declared.target.partition(":")
        try:
            return getattr(importlib.import_module(module_name), attribute)
        except (Exception, SystemExit) as error:
            raise ComponentError(
                f"{declared.kind} '{declared.full}' of plugin '{declared.plugin}' ({declared.distribution} "
                f"{declared.version}) cannot be imported: {type(error).__name__}: {error}"
            ) from error


@lru_cache(maxsize=1)
def installed_registry() -> Registry:
    """The registry of what is installed; looked up once per process."""
    return Registry()


@dataclass
class _Declarations:
    """What the hooks of one plugin yield."""

    components: list[Declared]
    recipe_packages: list[str]
    exporters: list[Exporter]
    bibliographies: list[str]


def _declarations(plugin: InstalledPlugin, entry_point: EntryPoint) -> _Declarations:
    """What one plugin declares. Raises anything at all, where the plugin is at fault."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", plugin.name):
        raise _Unusable(f"plugin name {plugin.name!r}: use lower case letters, digits, '_' and '-'")
    with redirect_stdout(sys.stderr):  # what a module prints is no answer of gantk's
        module = entry_point.load()
    _check_hook_names(module)
    manager = pluggy.PluginManager("gantk")  # one each, so that no plugin can disturb another
    manager.add_hookspecs(hooks)
    manager.register(module, plugin.name)
    found: dict[tuple[str, str], Declared] = {}
    for component in (item for items in manager.hook.gantk_components() for item in items):
        if not isinstance(component, Component):
            raise _Unusable(f"gantk_components yielded {component!r}, which is not a Component")
        if (component.kind, component.name) in found:
            raise _Unusable(f"gantk_components yields {component.kind} '{component.name}' twice")
        found[component.kind, component.name] = Declared(
            component.kind,
            plugin.name,
            component.name,
            component.target,
            component.summary,
            plugin.distribution,
            plugin.version,
            component.inspector,
        )
    exporters = [each for several in manager.hook.gantk_exporters() for each in several]
    if wrong := [each for each in exporters if not isinstance(each, Exporter)]:
        raise _Unusable(f"gantk_exporters yielded {wrong[0]!r}, which is not an Exporter")
    return _Declarations(
        list(found.values()),
        _packages("gantk_recipes", manager.hook.gantk_recipes()),
        exporters,
        _packages("gantk_bibliographies", manager.hook.gantk_bibliographies()),
    )


def _packages(hook: str, yielded: Iterable[Iterable[Any]]) -> list[str]:
    packages = [package for several in yielded for package in several]
    for package in packages:
        if not isinstance(package, str):
            raise _Unusable(f"{hook} yielded {package!r}, which is not the name of a package")
    return packages


def _check_hook_names(module: Any) -> None:
    """Refuses misspelt hooks and hooks without @hookimpl, which pluggy would ignore silently."""
    marked = 0
    for name, attribute in vars(module).items():
        is_hook = callable(attribute) and hasattr(attribute, "gantk_impl")
        marked += is_hook
        if is_hook and name not in HOOKS:
            hint = did_you_mean(name, HOOKS, f"hooks are {' and '.join(HOOKS)}")
            raise _Unusable(f"there is no hook '{name}'; {hint}")
        if not is_hook and name in HOOKS:
            raise _Unusable(f"'{name}' is not marked with @hookimpl")
    if not marked:
        raise _Unusable(f"declares nothing: it has none of the hooks {' and '.join(HOOKS)}")


def _nearest_component(name: str, among: list[Declared]) -> str | None:
    """The nearest full name, judged by the short names first: all names of a plugin share its prefix."""
    short = name.rpartition("/")[2]
    close = difflib.get_close_matches(short, {declared.name for declared in among}, n=3)
    full = [declared.full for name in close for declared in among if declared.name == name]
    return max(full, key=lambda each: difflib.SequenceMatcher(None, name, each).ratio(), default=None)


def _either(choices: list[str], start: str = "write") -> str:
    return f"{start} {' or '.join(repr(choice) for choice in choices)}"


def plugin_versions() -> dict[str, str]:
    """Plugin name to "distribution version", of those that work."""
    return {
        plugin.name: f"{plugin.distribution} {plugin.version}"
        for plugin in installed_registry().plugins
        if plugin.state == "ok"
    }
