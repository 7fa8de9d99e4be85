"""The papers of a model's components, as BibTeX: those that docstrings name, from the bibliographies of plugins."""

from __future__ import annotations

import importlib.resources
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from typing import Any

from gantk.components.registry import Declared, installed_registry
from gantk.errors import FileError
from gantk.recipe.recipe import Recipe

NAMED = re.compile(
    r"([^\W\d_][\w'’-]+)(?: et al\.|(?:, [^\W\d_][\w'’ -]+?)* & [^\W\d_][\w'’-]+)?,? \(?((?:19|20)\d\d)\b"
)
"""Mirza 2014; Kingma & Welling 2014; Osokin et al. 2017; Wang, Ghasedi Dizaji & Huang 2018."""
ENTRY = re.compile(r"@(\w+)\{([^,\s]+),(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"(\w+)\s*=\s*\{(.*)\},?\s*$", re.MULTILINE)
OWN = """\
@software{gantk,
  title = {gantk: a plugin-based toolkit for generative adversarial networks},
  author = {{The gantk authors}},
  version = {%s},
}"""


def cited(recipe: Recipe) -> list[str]:
    """BibTeX entries: gantk's own, then those of the papers that the recipe's components name, each once.

    Args:
        recipe: of a run or checkpoint.
    """
    found = [OWN % metadata.version("gantk")]
    known = bibliography()
    for declared in components_of(recipe):
        for who, year in papers_named(declared):
            entry = known.get((who.lower(), year))
            if entry is not None and entry not in found:
                found.append(entry)
    return found


def fields_of(entry: str) -> dict[str, str]:
    """The fields of one BibTeX entry, and its "key"; braces within them are left out."""
    match = ENTRY.fullmatch(entry)
    if match is None:
        return {}
    fields = {name: re.sub("[{}]", "", value) for name, value in FIELD.findall(match[3] + "\n")}
    return {"key": match[2], **fields}


def components_of(recipe: Recipe) -> list[Declared]:
    """The components that a recipe names, each once, nested ones and metrics included."""
    registry = installed_registry()
    names = list(dict.fromkeys(_uses({key: value for key, value in recipe.values.items() if key != "view"})))
    return [declared for name in names for declared in registry.named(name) if declared.full == name]


def _uses(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("use"), str):
            yield value["use"]
        for each in value.values():
            yield from _uses(each)
    elif isinstance(value, list):
        for each in value:
            yield from _uses(each)


def papers_named(declared: Declared) -> list[tuple[str, str]]:
    """(First author, year) of each paper that a component's docstring or summary names."""
    target = installed_registry().load(declared)
    text = f"{declared.summary}\n{inspect.getdoc(target) or ''}"
    return list(dict.fromkeys((match[1], match[2]) for match in NAMED.finditer(text)))


@lru_cache(maxsize=1)
def bibliography() -> dict[tuple[str, str], str]:
    """(First author in lower case, year) to BibTeX entry, of all plugins.

    Raises:
        FileError: a plugin names a bibliography that it does not bring.
    """
    found: dict[tuple[str, str], str] = {}
    for package in installed_registry().bibliographies:
        file = importlib.resources.files(package) / "papers.bib"
        if not file.is_file():
            raise FileError(f"{package}: brings no papers.bib, which its plugin names (gantk_bibliographies)")
        for match in ENTRY.finditer(file.read_text(encoding="utf-8")):
            fields = dict(FIELD.findall(match[3] + "\n"))
            author = fields.get("author", "").partition(" and ")[0].partition(",")[0].strip("{} ")
            found[author.lower(), fields.get("year", "")] = match[0]
    return found
