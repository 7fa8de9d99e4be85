"""What gantk brings as files: recipes, and trained generators that can be sampled before anything was trained."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path


def own_folder() -> Path:
    """`gantk/recipes` in a wheel; `recipes` beside the package in a checkout."""
    package = Path(str(importlib.resources.files("gantk")))
    return package / "recipes" if (package / "recipes").is_dir() else package.parent / "recipes"


def model_called(path: Path) -> Path | None:
    """The trained generator that a bare word names ("demo", also as a recipe resolves it); None: no such."""
    shipped = own_folder() / f"{path.name}.h5"
    is_word = path.parent in (Path(), Path.cwd()) and re.fullmatch(r"\w+", path.name)
    return shipped if is_word and shipped.is_file() else None
