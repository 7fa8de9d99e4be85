"""What a plugin module imports: the hooks, and `Component`. Needs pluggy and the standard library, nothing heavy.

A whole plugin:

    from gantk.plugin import Component, hookimpl

    @hookimpl
    def gantk_components():
        yield Component("critic", "patch", "acme_gan.nets:PatchCritic", "judges overlapping patches")

and in its `pyproject.toml`:

    [project.entry-points.gantk]
    acme = "acme_gan.plugin"

The entry point's name is the plugin's name: recipes then say `use: acme/patch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import pluggy

KINDS = (
    "generator",
    "critic",
    "net",
    "loss",
    "dataset",
    "optimizer",
    "metric",
    "view",
    "format",
    "objective",
    "callback",
    "command",
)

hookspec = pluggy.HookspecMarker("gantk")
hookimpl = pluggy.HookimplMarker("gantk")


@dataclass(frozen=True)
class Component:
    """One thing that a recipe (or the command line) can name.

    Args:
        kind: one of `KINDS`.
        name: short name within the plugin: lower case letters, digits and `_`. Users write `plugin/name`.
        target: `package.module:Attribute`; imported on first use, never before.
        summary: one line for `gantk list`.
        inspector: of a data set, `package.module:Attribute` of what `gantk inspect` asks about files of this kind: an
            object with `reads(path)` and `inspect(request, *, …)` (`gantk.interfaces.Inspector`); "": nothing.

    Raises:
        ValueError: a kind that gantk does not know, a malformed name or target.
    """

    kind: str
    name: str
    target: str
    summary: str
    inspector: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"component {self.name!r}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ValueError(f"component name {self.name!r}: use lower case letters, digits and '_'")
        for what, place in (("target", self.target), ("inspector", self.inspector)):
            if not re.fullmatch(r"[\w.]+:\w+", place) and (place or what == "target"):
                raise ValueError(
                    f"component {self.name!r}: {what} {place!r} is not of the form package.module:Attribute"
                )


@dataclass(frozen=True)
class Exporter:
    """How `gantk export` writes a trained generator for other tools into a file of some ending.

    Args:
        ending: of the file's name, in lower case, with its dot: ".onnx"; "/" for a folder.
        target: `package.module:function`, imported on first use. Called as `function(model, path)` with a
            `gantk.interfaces.ExportedModel`; it writes `path` and returns lines that say what was checked.
        summary: one line.
        one_direction: whether it writes translators alone, of two domains to one: `gantk export --to` says which.

    Raises:
        ValueError: a malformed ending or target.
    """

    ending: str
    target: str
    summary: str
    one_direction: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"/|(\.[a-z0-9]+)+", self.ending):
            raise ValueError(f"exporter: ending {self.ending!r} is not of the form .onnx, or / for a folder")
        if not re.fullmatch(r"[\w.]+:\w+", self.target):
            raise ValueError(f"exporter {self.ending!r}: target {self.target!r} is not of the form package.module:name")


INTERFACES: dict[type, str] = {}
"""Classes of `gantk.interfaces` and their kinds: a parameter annotated with one takes a component, a nested `use:`."""

Interface = TypeVar("Interface", bound=type)


def interface(kind: str) -> Callable[[Interface], Interface]:
    """Marks a class of `gantk.interfaces` as what components of `kind` implement."""

    def mark(cls: Interface) -> Interface:
        INTERFACES[cls] = kind
        return cls

    return mark


@hookspec
def gantk_components() -> Iterable[Component]:
    """Yield the components that this plugin declares. Must import nothing heavy."""
    return ()


@hookspec
def gantk_recipes() -> Iterable[str]:
    """Yield names of packages whose `*.yaml` files are recipes that `gantk cp` and `gantk list recipes` offer."""
    return ()


@hookspec
def gantk_exporters() -> Iterable[Exporter]:
    """Yield what `gantk export` can write besides what it has. Must import nothing heavy."""
    return ()


@hookspec
def gantk_bibliographies() -> Iterable[str]:
    """Yield names of packages whose `papers.bib` holds the papers that docstrings of components name (Mirza 2014)."""
    return ()
