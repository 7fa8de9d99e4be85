"""Recipes: YAML with positions, overrides, checks with a caret, resolved values."""

from typing import TYPE_CHECKING

from gantk.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from gantk.recipe.find_file import ENDINGS
    from gantk.recipe.overrides import refuse_others
    from gantk.recipe.recipe import Recipe, load, load_as, parameters_of, recipe_from_text

__all__ = [
    "ENDINGS",
    "Recipe",
    "load",
    "load_as",
    "parameters_of",
    "recipe_from_text",
    "refuse_others",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "find_file": ["ENDINGS"],
        "overrides": ["refuse_others"],
        "recipe": ["Recipe", "recipe_from_text", "load", "load_as", "parameters_of"],
    },
)
