"""Whether a recipe that `gantk inspect` proposes is accepted: its data are read, its nets are built."""

from __future__ import annotations

from gantk import console
from gantk.class_counts import class_counts, too_few
from gantk.errors import DoesNotFit, GantkError
from gantk.recipe import recipe_from_text
from gantk.training import datasets, initial_state


def warnings_of_recipe(text: str) -> list[str]:
    """Reads the data of a recipe and builds its nets, as `gantk run` will; images stay in the cache for that.

    Returns:
        What a run would warn of.

    Raises:
        DoesNotFit: a run would refuse it.
    """
    try:
        with console.collected() as said:
            recipe = recipe_from_text(text)
            data = datasets(recipe.values)
            initial_state(recipe.values, data["train"].spec, "cpu")
    except GantkError as error:
        raise DoesNotFit(f"no recipe is written, since a run would refuse it:\n{error}") from error
    return [*said, *too_few(class_counts(data["train"]), class_counts(data["test"]))]
