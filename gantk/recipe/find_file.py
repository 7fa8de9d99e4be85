"""Where recipes are: a path, gantk's own recipes, and those that plugins bring; and where sweep files are."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from gantk import console
from gantk.components.registry import Registry
from gantk.components.registry import installed_registry as installed
from gantk.errors import FileError
from gantk.files.shipped import own_folder
from gantk.files.text import decoded, read_text
from gantk.messages import did_you_mean, printable
from gantk.recipe.diagnostics import Source
from gantk.recipe.yaml_positions import compose

ENDINGS = (".yaml", ".yml")
STDIN = "-"


@dataclass(frozen=True)
class Found:
    """The text of a recipe, and where it stands.

    Args:
        name: what runs of it are called after.
        source: what messages call it: its path.
        text: YAML.
    """

    name: str
    source: str
    text: str


def read_recipe(name_or_path: str | Path, registry: Registry | None = None) -> Found:
    """The recipe of this name, or "-": what comes on standard input.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    if str(name_or_path) == STDIN:
        return Found("recipe", "standard input", _from_stdin())
    path = locate(name_or_path, registry)
    return Found(path.stem, str(path), read_text(path))


def _from_stdin() -> str:
    if sys.stdin is None:
        raise FileError("standard input is closed: there is no recipe to read from it")
    if sys.stdin.isatty():
        console.say("reading a recipe from the terminal; Ctrl-D ends it")
    try:
        return decoded(sys.stdin.buffer, "standard input")
    except OSError as error:
        raise FileError(f"standard input cannot be read: {error.strerror or error}") from error


def locate(name_or_path: str | Path, registry: Registry | None = None) -> Path:
    """The file of a recipe.

    Args:
        name_or_path: an existing file; else the name of a recipe that gantk or a plugin brings: "toy_motif",
            "recipes/toy_motif.yaml", "acme/patches".
        registry: where plugins come from; None: what is installed.

    Raises:
        FileError: there is none, or the name is that of several.
    """
    text = str(name_or_path)
    try:
        path = Path(text)
        is_folder = path.is_dir()  # perhaps a run, called as its recipe is
        if path.exists() and not is_folder:
            return path
    except (ValueError, OSError) as error:  # a NUL, or a name too long for any file
        raise FileError(f"no recipe '{printable(text)[:100]}': {error}") from error
    name = text.removeprefix("recipes/")
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    known = shipped(registry)
    if name in known:
        return known[name]
    same = [full for full in known if full.rpartition("/")[2] == name]
    if len(same) == 1:
        return known[same[0]]
    if same:
        raise FileError(f"the recipe name '{printable(name)}' is ambiguous: write {' or '.join(same)}")
    if is_folder:
        raise FileError(f"{printable(text)} is a folder, not a recipe")
    hint = did_you_mean(name, known, f"gantk brings {', '.join(sorted(known)) or 'none'}")
    raise FileError(f"there is no file and no recipe called '{printable(text)}'; {hint}")


def shipped(registry: Registry | None = None) -> dict[str, Path]:
    """Every recipe that gantk ("toy_motif") and the installed plugins ("acme/patches") bring, by name."""
    found = {path.stem: path for path in _recipes_in(own_folder())}
    for plugin, package in (registry or installed()).recipe_packages:
        for folder in _folders_of(package):
            for path in _recipes_in(folder):
                found.setdefault(f"{plugin}/{path.stem}", path)
    return found


def locate_sweep(name_or_path: str | Path) -> Path:
    """The file of a sweep: an existing one, else one that gantk brings, by its name: "ring_rates".

    Raises:
        FileError: there is none.
    """
    text = str(name_or_path)
    known = shipped_sweeps()
    name = text.removesuffix(".yaml")
    try:
        if not Path(text).is_file() and name in known:
            return known[name]
        if Path(text).exists():
            return Path(text)
    except (ValueError, OSError) as error:
        raise FileError(f"no sweep '{printable(text)[:100]}': {error}") from error
    hint = did_you_mean(name, known, f"gantk brings {', '.join(sorted(known))}")
    raise FileError(f"there is no file and no sweep called '{printable(text)}'; {hint}")


def shipped_sweeps() -> dict[str, Path]:
    """Every sweep file that gantk brings, by name."""
    return {path.stem: path for path in _recipes_in(own_folder() / "sweeps")}


def summary(path: Path) -> str:
    """What the recipe in a file says it is `about`, or "" where it cannot be read."""
    try:
        root, _ = compose(Source(str(path), read_text(path)))
    except FileError:
        return ""
    about = root.child("about") if root else None
    return " ".join(str(about.value).split()) if about else ""


def _recipes_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS)
    here = Path.cwd()
    return [path.relative_to(here) if path.is_relative_to(here) else path for path in paths]


def _folders_of(package: str) -> list[Path]:
    """The folders of a package, found without importing it (its parent packages are imported)."""
    try:
        spec = importlib.util.find_spec(package)
    except Exception:  # a plugin's fault, which must not cost anyone else a recipe
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
