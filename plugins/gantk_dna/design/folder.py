"""The folder of a design: what was learned for it once, and every search that was made with that.

design.yaml        the recipe, every value filled in
learned.json       digests of the data, the GAN and the predictors
gan/               an ordinary run: the GAN, where the recipe names the recipe of one
predictors.h5      nets of the objectives, those that were optimised and the second ones
search-1/          designs.fa, table.json, evaluation.json, logo.png, report.html and its own design.yaml
search-2/ …
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gantk.errors import FileError, RecipeError
from gantk.files import write_bytes

LEARNED = ("seed", "data", "held_out_data", "objectives", "generator")
"""Blocks of the recipe that learning depends on; others may change from search to search."""


@dataclass
class DesignFolder:
    """A folder of designs, which may not be there yet.

    Args:
        path: the folder; None: the next free runs/<name>-<number>, when it is made.
        name: of the recipe.
    """

    path: Path | None
    name: str = "design"

    @property
    def made(self) -> Path:
        """The folder, once it is made."""
        assert self.path is not None
        return self.path

    @property
    def recipe(self) -> Path:
        """The recipe that was learned for."""
        return self.made / "design.yaml"

    @property
    def gan(self) -> Path:
        """The run of the GAN."""
        return self.made / "gan"

    @property
    def predictors(self) -> Path:
        """The nets of the objectives."""
        return self.made / "predictors.h5"

    @property
    def exists(self) -> bool:
        """Whether something may have been learned in it already."""
        return self.path is not None and is_design(self.path)

    def make(self, values: Mapping[str, Any]) -> None:
        """Makes the folder with its recipe, unless it is there.

        Raises:
            FileError: it cannot be made, or holds something else.
        """
        if self.exists:
            return
        try:
            if self.path is None:
                self.path = _next_free(Path("runs"), self.name)
            elif self.path.exists() and any(self.path.iterdir()):
                raise FileError(f"{self.path}: is not empty, and no folder of a design; give another --run")
            self.path.mkdir(parents=True, exist_ok=True)
            write_recipe(self.recipe, values)
        except OSError as error:
            raise FileError(f"cannot make a folder at {error.filename or self.path}: {error.strerror}") from error

    def next_search(self, values: Mapping[str, Any]) -> Path:
        """A new folder for one search, with its recipe."""
        folder = _next_free(self.made, "search")
        write_recipe(folder / "design.yaml", values)
        return folder

    def check_learned(self, **digests: str | None) -> None:
        """Keeps digests of what was learned from, and of what was learned; refuses others than those that are kept.

        Args:
            digests: by name: "data", "GAN", "predictors"; None: there is none.

        Raises:
            FileError: one is another than it was.
        """
        path = self.made / "learned.json"
        known = {}
        if path.exists():
            try:
                known = json.loads(path.read_text(encoding="utf-8"))
                assert isinstance(known, dict)
            except (OSError, ValueError, RecursionError, AssertionError) as error:
                raise FileError(f"{path}: damaged, or not JSON. Remove it, or start a new design") from error
        for name, digest in digests.items():
            if name in known and known[name] != digest:
                raise FileError(
                    f"{self.made}: the {name} are not those that this design began with (digest {digest}, then "
                    f"{known[name]}). Start a new design from its recipe: gantk design {self.recipe}"
                )
        if known != known | digests:
            write_bytes(path, (json.dumps(known | digests, indent=2) + "\n").encode())


def is_design(path: Path) -> bool:
    """Whether there is a folder of a design there."""
    return (path / "design.yaml").is_file()


def refuse_other_learning(folder: DesignFolder, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuses values that would need another GAN or other predictors than the folder has.

    Raises:
        RecipeError: the message names the keys.
    """
    changed: Sequence[str] = [key for key in LEARNED if before[key] != values[key]]
    if changed:
        raise RecipeError(
            f"{', '.join(changed)}: the GAN and the predictors in {folder.made} were learned with another value; only "
            f"search, constraints and motifs can change here (search.seed draws anew). Start a new design instead: "
            f"gantk design {folder.recipe} KEY=VALUE"
        )


def write_recipe(path: Path, values: Mapping[str, Any]) -> None:
    """Writes a recipe, every value filled in."""
    plain = json.loads(json.dumps(values, default=str))  # paths as text, tuples as lists
    write_bytes(path, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120).encode())


def _next_free(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:  # mkdir decides, so that two processes get two folders
        path = parent / f"{name}-{number}"
        try:
            path.mkdir()
            return path
        except FileExistsError:
            number += 1
