"""The folder of a recipe that is run with several seeds: a run folder a seed, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gantk.errors import FileError
from gantk.files.atomic import read_json, write_json, write_text
from gantk.files.find_run import SEEDS, hint_of_run
from gantk.files.run_folder import RunFolder
from gantk.recipe.recipe import Recipe, recipe_from_text
from gantk.runs.changes import refuse_other_values


class RepeatsFolder:
    """An existing folder of runs that differ in their seed alone.

    Args:
        path: the folder.

    Raises:
        FileError: it is no such folder, or what it says of itself is damaged.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        if not (self.path / SEEDS).is_file():
            raise FileError(f"{path}: not a folder of runs with several seeds (no {SEEDS}). {hint_of_run(self.path)}")
        said = read_json(self.path / SEEDS, "Remove it, and run the same line again without --resume")
        name, seeds = said.get("recipe"), said.get("seeds")
        if not isinstance(name, str) or Path(name).name != name or not isinstance(seeds, list):
            raise FileError(f"{self.path / SEEDS}: damaged: it names no recipe and no seeds")
        if not all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in seeds):
            raise FileError(f"{self.path / SEEDS}: damaged: seeds are whole numbers from 0")
        self.name: str = name
        self.seeds: list[int] = seeds

    @classmethod
    def create(cls, path: Path, recipe: Recipe, seeds: Sequence[int]) -> RepeatsFolder:
        """Writes the recipe and its seeds into an empty folder."""
        write_text(path / f"{recipe.name}.yaml", recipe.to_yaml())
        write_json(path / SEEDS, {"recipe": recipe.name, "seeds": list(seeds)})
        return cls(path)

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe, which all runs share apart from the seed."""
        return self.path / f"{self.name}.yaml"

    @property
    def report(self) -> Path:
        """The report on all seeds."""
        return self.path / "report.html"

    def recipe(self) -> Recipe:
        """The recipe that all runs share."""
        return recipe_from_text(self.recipe_file.read_text(encoding="utf-8"), name=self.name)

    def run_path(self, seed: int) -> Path:
        """Where the run of a seed is, or will be."""
        return self.path / f"seed-{seed}"

    def log_path(self, seed: int) -> Path:
        """What the run of a seed printed."""
        return self.path / f"seed-{seed}.log"

    def runs(self) -> dict[int, RunFolder]:
        """The runs that have begun, by seed."""
        begun = [seed for seed in self.seeds if (self.run_path(seed) / "resolved.yaml").is_file()]
        return {seed: RunFolder(self.run_path(seed)) for seed in begun}

    def add(self, seeds: Sequence[int]) -> None:
        """Adds seeds to those that the folder is for."""
        self.seeds += [seed for seed in seeds if seed not in self.seeds]
        write_json(self.path / SEEDS, {"recipe": self.name, "seeds": self.seeds})

    def refuse_another(self, recipe: Recipe) -> None:
        """Refuses a recipe that differs from that of the folder in more than seed and machine.

        Raises:
            RecipeError: it does; names the keys.
        """
        refuse_other_values(self.path, self.recipe().values, recipe.values, free=("machine", "seed"))


def is_repeats(path: Path) -> bool:
    """Whether a folder holds a run a seed."""
    return (path / SEEDS).is_file()
