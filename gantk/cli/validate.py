"""`gantk validate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, console
from gantk.errors import DoesNotFit
from gantk.interfaces.optional_members import member
from gantk.messages import byte_size

if TYPE_CHECKING:
    from gantk.recipe.recipe import Recipe


@click.command()
@click.argument("words", metavar="RECIPE... [KEY=VALUE]...", nargs=-1, required=True)
@cli_options.as_json
def command(words: tuple[str, ...], as_json: bool) -> None:
    """Check RECIPE without running it: every mistake at once, and whether its parts fit together.

    Exits with 1 where something is wrong, with 2 where the data cannot be read as the recipe says. The nets are built,
    and one update is played, without memory; what a run will need of it is estimated, and refused where it is more than
    this machine has. Data that are not here are told of, and then what depends on them is not checked. With --json the
    mistakes come as a list with file, line and column. Of several recipes each is checked.

    \b
    gantk validate my.yaml train.batch=32
    gantk validate *.yaml
    gantk validate - < my.yaml
    """
    from gantk.errors import DataError, FileError, GantkError, RecipeError
    from gantk.recipe.overrides import apart

    recipes, overrides = apart(words)
    if not recipes:
        raise click.UsageError("which recipe? It comes first: gantk validate RECIPE KEY=VALUE")
    documents: list[dict[str, Any]] = []
    failed: list[GantkError] = []
    for recipe in recipes:
        try:
            documents.append(_validated(recipe, overrides))
        except (RecipeError, DoesNotFit, DataError, FileError) as error:
            failed.append(error)
            if len(recipes) > 1 and not as_json:
                console.error(str(error))
            if as_json and not (isinstance(error, FileError) and len(recipes) == 1):
                mistakes = getattr(error, "mistakes", None) or [{"message": str(error)}]
                documents.append({"recipe": recipe, "valid": False, "mistakes": mistakes})
        else:
            if not as_json:
                _tell(documents[-1])
    if as_json and documents:
        console.answer_json(documents[0] if len(recipes) == 1 else documents)
    if failed and len(recipes) == 1:
        raise failed[0]
    if failed:
        worst = max(failed, key=lambda error: error.exit_code)
        message = f"{len(failed)} of {len(recipes)} recipes are not valid"
        raise FileError(message) if worst.exit_code == FileError.exit_code else RecipeError(message)


def _validated(name: str, overrides: Sequence[str]) -> dict[str, Any]:
    from gantk.recipe.recipe import load

    loaded = load(name, overrides)
    cli_options.tell_dropped(loaded)
    return _checked(loaded)


def _tell(found: dict[str, Any]) -> None:
    from gantk.class_counts import in_words, too_few

    console.answer(f"{found['recipe']}: {'valid' if 'samples' in found else 'valid in its form alone'}")
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
        console.answer(f"memory      about {byte_size(found['memory']['total'])} ({found['memory']['reasons']})")


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
