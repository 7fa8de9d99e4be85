"""`gantk validate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, console
from gantk.interfaces.optional_members import member

if TYPE_CHECKING:
    from gantk.recipe.recipe import Recipe


@click.command()
@click.argument("recipe")
@cli_options.overrides
@cli_options.as_json
def command(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check RECIPE without running it: every mistake at once, and whether its parts fit together.

    Exits with 1 where something is wrong, with 2 where the data cannot be read as the recipe says. The nets are built,
    and one update is played, without memory; what a run will need of it is estimated, and refused where it is more than
    this machine has. Data that are not here are told of, and then what depends on them is not checked. With --json the
    mistakes come as a list with file, line and column.
    """
    from gantk.class_counts import in_words, too_few
    from gantk.errors import DataError, DoesNotFit, RecipeError
    from gantk.messages import byte_size as bytes_in_words
    from gantk.recipe.recipe import load

    try:
        loaded = load(recipe, overrides)
        cli_options.tell_dropped(loaded)
        found = _checked(loaded)
    except (RecipeError, DoesNotFit, DataError) as error:
        if as_json:
            mistakes = getattr(error, "mistakes", None) or [{"message": str(error)}]
            console.answer_json({"recipe": recipe, "valid": False, "mistakes": mistakes})
        raise
    if as_json:
        console.answer_json(found)
        return
    console.answer(f"{loaded.name}: {'valid' if 'samples' in found else 'valid in its form alone'}")
    if "samples" in found:
        counts = [f"{split} {in_words(each)}" for split, each in found["classes"].items()]
        console.answer(f"data        {', '.join(counts)}")
        shape = zip(found["sample_shape"], found["sample_axes"], strict=True)
        console.answer(f"a sample    {' × '.join(f'{size} {axis}' for size, axis in shape)}")
        for name, count in found["parameters"].items():
            console.answer(f"{name:<11} {count:,} parameters")
        console.answer(f"steps       {found['steps']:,}")
        for text in too_few(found["classes"]["train"], found["classes"]["test"]):
            console.warn(text)
        console.answer(f"memory      about {bytes_in_words(found['memory']['total'])} ({found['memory']['reasons']})")


def _checked(recipe: Recipe) -> dict[str, Any]:
    from gantk import machine
    from gantk.class_counts import class_counts
    from gantk.errors import MissingData
    from gantk.evaluation import results
    from gantk.training import from_recipe, settings
    from gantk.training.distributed.ranks import Ranks

    of_one = Ranks(count=recipe.values["machine"]["devices"]).of_one(recipe.values)
    found: dict[str, Any] = {"recipe": recipe.name, "valid": True}
    try:
        data = from_recipe.datasets(recipe.values)
    except MissingData as error:
        console.warn(f"data and nets were not checked, since the data are not here:\n{error}")
        return found | {"checked": "form"}
    spec = data["train"].spec
    parameters = from_recipe.check_fit(recipe.values, spec)
    device = machine.find_device(recipe.values["machine"]["device"])
    needed = from_recipe.memory_needed(of_one, spec, device, member(data["train"], "nbytes"))
    results.build_metrics(recipe.values)
    return found | {
        "checked": "form, data and nets",
        "samples": {split: len(dataset) for split, dataset in data.items()},
        "classes": {split: class_counts(dataset) for split, dataset in data.items()},
        "sample_shape": list(spec.shape),
        "sample_axes": list(spec.axes),
        "parameters": parameters,
        "memory": {"total": needed.total, "reasons": needed.reasons},
        "steps": settings.step_count(recipe.values, len(data["train"])),
    }
