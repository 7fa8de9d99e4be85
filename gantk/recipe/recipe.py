"""Recipes: find one, read it, apply overrides, fill in every default, and report all mistakes at once."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gantk import console, notebook
from gantk.components.registry import Declared, Registry
from gantk.components.registry import installed_registry as installed
from gantk.components.signature import Parameter, parameters
from gantk.components.validate import Problem, Reader, described, dotted
from gantk.errors import RecipeError
from gantk.recipe import overrides as overriding
from gantk.recipe.blocks import Blocks
from gantk.recipe.diagnostics import Mistake, Node, Source, Spot
from gantk.recipe.familiar_keys import as_overrides, keys_for
from gantk.recipe.find_file import read_recipe
from gantk.recipe.overrides import inline
from gantk.recipe.resolve import Resolver
from gantk.recipe.yaml_positions import compose, dump

MOST_SHOWN = 50
"""Mistakes that a message shows; `--json` has all."""


@dataclass(frozen=True)
class Recipe:
    """A whole recipe, checked and filled.

    Args:
        name: the file's name without its ending: what runs are called after.
        text: the recipe as it was written.
        values: JSON-like mapping with every block and every parameter, full names, absolute paths.
        origins: dotted path -> "default", "default of basics/wgan_gp", "recipes/x.yaml:12" or "command line".
        dropped: what overrides of `use` removed, one readable line each, for stderr.
        registry: by what it was checked. Runs are built from what is installed.
    """

    name: str
    text: str = field(repr=False)
    values: dict[str, Any] = field(repr=False)
    origins: dict[str, str] = field(repr=False)
    dropped: tuple[str, ...]
    registry: Registry = field(repr=False, compare=False)

    def component(self, path: str) -> tuple[Declared, dict[str, Any]] | None:
        """What stands at a dotted path ("loss", "evaluate.0", "play.critic_optimizer"), for `schema.build`.

        Returns:
            the component and its own parameters (without what else may stand beside `use`), or None where it is null.
        """
        value: Any = self.values
        for word in path.split("."):
            value = value[int(word) if isinstance(value, list) else word]
        if value is None:
            return None
        kind = _kind_at(path.split("."))
        declared = self.registry.find(kind, value["use"])
        known = {each.name for each in parameters(self.registry.load(declared))}
        return declared, {key: each for key, each in value.items() if key in known}

    def to_yaml(self) -> str:
        """The resolved recipe: itself a recipe, which resolves to the same values."""
        return dump(self.values)

    def _repr_html_(self) -> str:
        rows = [(path, json.dumps(value), self.origins.get(path, "")) for path, value in leaves(self.values)]
        return notebook.html_line(self.name, "b") + notebook.html_table(("key", "value", "from"), rows)


def load(
    name_or_path: str | Path,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    registry: Registry | None = None,
) -> Recipe:
    """The recipe in a file.

    Args:
        name_or_path: a file, the name of a recipe that gantk or a plugin brings, or "-" for standard input.
        overrides: ["train.batch=32", …], or {"train.batch": 32, …}.
        registry: by which components it is checked; None: what is installed, from which runs are built in any case.

    Raises:
        RecipeError: all mistakes in it.
        FileError: there is no such file, or it cannot be read.
    """
    found = read_recipe(name_or_path, registry)
    return recipe_from_text(found.text, found.name, overrides, registry, source_name=found.source)


def recipe_from_text(
    text: str,
    name: str = "recipe",
    overrides: Sequence[str] | Mapping[str, Any] = (),
    registry: Registry | None = None,
    *,
    source_name: str = "",
) -> Recipe:
    """The recipe in `text` (that of a checkpoint, say).

    Args:
        text: YAML.
        name: what runs of it are called after.
        overrides: as for `load`.
        registry: as for `load`.
        source_name: what messages call the text; "": as `name`.

    Raises:
        RecipeError: all mistakes in it.
    """
    root, mistakes = _composed(Source(source_name or name, text), Blocks)
    dropped, wrong = overriding.apply(root, overrides)
    resolver = Resolver(root, registry or installed())
    values = resolver.resolve()
    mistakes += wrong
    told = {mistake.spot for mistake in mistakes}  # what cannot be read is also of a wrong type: one message will do
    known = [key for key, _ in leaves(values)]
    located = (_located(root, _with_familiar_key(root, each, known)) for each in resolver.reader.problems)
    mistakes += [mistake for mistake in located if mistake.spot not in told]
    if mistakes:
        raise _error(mistakes)
    return Recipe(name, text, values, resolver.origins(values), tuple(dropped), resolver.reader.registry)


def load_as(
    blocks: type,
    name_or_path: str | Path,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    registry: Registry | None = None,
) -> dict[str, Any]:
    """All values of the recipe of a command that brings blocks of its own.

    Args:
        blocks: a keyword-only dataclass whose fields are the blocks, as `gantk.recipe.blocks.Blocks` is for runs.
        name_or_path: as for `load`.
        overrides: as for `load`.
        registry: as for `load`.

    Raises:
        RecipeError: all mistakes in it.
        FileError: there is no such file, or it cannot be read.
    """
    found = read_recipe(name_or_path, registry)
    root, mistakes = _composed(Source(found.source, found.text), blocks)
    dropped, wrong = overriding.apply(root, overrides)
    mistakes += wrong
    reader = Reader(registry)
    values = reader.block(parameters(blocks), root.plain(), (), "the recipe")
    known = [key for key, _ in leaves(values)]
    mistakes += [_located(root, _with_familiar_key(root, problem, known)) for problem in reader.problems]
    if mistakes:
        raise _error(mistakes)
    if dropped:
        console.warn(dropped_sentence(dropped))
    return values


def dropped_sentence(dropped: Sequence[str]) -> str:
    """What to say of the values that an override of `use` has dropped, since they belonged to another component."""
    return "dropped, since another component was chosen: " + ", ".join(dropped)


def _composed(source: Source, blocks: type) -> tuple[Node, list[Mistake]]:
    """The values of a text that is a mapping. Raises RecipeError where it is not."""
    root, mistakes = compose(source)
    if root is None and not mistakes:
        mistakes.append(Mistake(Spot(source), "the file is empty", "`gantk cp` copies a recipe to start from"))
    if root is not None and not isinstance(root.value, dict):
        message = f"a recipe is a mapping of keys to values, not {described(root.plain())}"
        mistakes.append(
            Mistake(root.spot, message, f"its keys are {', '.join(each.name for each in parameters(blocks))}")
        )
        root = None
    if root is None:
        raise _error(mistakes)
    return root, mistakes


def entries_of(overrides: Sequence[str] | Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `evaluate` entries that overrides say where there is no recipe, with every default filled in.

    Raises:
        RecipeError: all mistakes in them, or an override of anything else.
    """
    spot = Spot(Source("command line", "", is_file=False))
    root = Node({"evaluate": Node([], spot)}, spot)
    _, mistakes = overriding.apply(root, overrides)
    resolver = Resolver(root, installed())
    entries = resolver.entries()
    mistakes += [_located(root, problem) for problem in resolver.reader.problems]
    if mistakes:
        raise _error(mistakes)
    return entries


def parameters_of(overrides: Sequence[str]) -> dict[str, Any]:
    """What `KEY=VALUE` texts say, for a component that stands in no recipe; whether it takes them is checked later.

    Raises:
        RecipeError: a text that is no KEY=VALUE.
    """
    root = Node({}, Spot(Source("command line", "", is_file=False)))
    _, mistakes = overriding.apply(root, overrides)
    if mistakes:
        raise _error(mistakes)
    return root.plain()


def _with_familiar_key(root: Node, problem: Problem, known: Sequence[str]) -> Problem:
    """An unknown key that is known by another name is answered with that name."""
    if not problem.unknown:
        return problem
    at = dotted(problem.path)
    keys = [key for key in keys_for(str(problem.path[-1]), known) if key != at]
    same_block = [key for key in keys if key.startswith(f"{problem.path[0]}.")]
    keys = same_block or keys
    if not keys:
        return problem
    node: Node | None = root
    for step in problem.path:
        node = node.child(step) if node is not None else None
    if node is None or node.spot.source.is_file:
        return replace(problem, hint=f"it is {' and '.join(keys)} in gantk")
    return replace(problem, hint=f"write {shlex.join(as_overrides(keys, inline(node.plain())))}")


def _located(root: Node, problem: Problem) -> Mistake:
    """A problem with the place where it stands; where it stands nowhere, of what is around it."""
    node, spot = root, root.spot
    for index, step in enumerate(problem.path):
        inner = node.child(step)
        if inner is None:
            break
        whole = index + 1 == len(problem.path) and not problem.at_key
        spot = inner.spot if whole else node.keys.get(str(step), inner.spot)
        node = inner
    return Mistake(spot, problem.message, problem.hint)


def _error(mistakes: Sequence[Mistake]) -> RecipeError:
    ordered = sorted(set(mistakes), key=lambda mistake: (*mistake.order, mistake.message))
    told = [str(each) for each in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        told.append(f"… and {len(ordered) - MOST_SHOWN:,} more mistakes")
    return RecipeError("\n".join(told), [each.as_json() for each in ordered])


def _kind_at(words: Sequence[str]) -> str:
    """The kind of component that stands at a path of a recipe. Raises KeyError where there is none."""
    known: Sequence[Parameter] = parameters(Blocks)
    for word in words:
        if word.isdigit():
            continue
        place = {each.name: each for each in known}[word].nested
        if place is not None and place.kind:
            return place.kind
        known = parameters(place.block) if place is not None and place.block else ()
    raise KeyError(".".join(words))


def leaves(values: Any, path: str = "") -> list[tuple[str, Any]]:
    """(dotted path, value) of everything in nested mappings and lists of mappings, in order."""
    if isinstance(values, dict) and values:
        items = values.items()
    elif isinstance(values, list) and any(isinstance(value, dict) for value in values):
        items = enumerate(values)  # type: ignore[assignment]  # pairs all the same
    else:
        return [(path, values)]
    return [leaf for key, value in items for leaf in leaves(value, f"{path}.{key}" if path else str(key))]
