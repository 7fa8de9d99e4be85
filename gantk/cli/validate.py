"""`gantk validate`."""

from __future__ import annotations

import click

from gantk import console
from gantk.cli import options


@click.command()
@click.argument("recipe")
@options.overrides
@options.as_json
def command(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check RECIPE without running it: every mistake at once, and whether its parts fit together.

    Exits with 1 where something is wrong. The nets are built without memory; data that are not here are told of, and
    then what depends on them is not checked.
    """
    from gantk import build
    from gantk.errors import DataError
    from gantk.recipe import load

    loaded = load(recipe, overrides)
    options.tell_dropped(loaded)
    answer: dict = {"recipe": loaded.name, "valid": True}
    try:
        data = build.datasets(loaded.values)
    except DataError as error:
        console.warn(f"the recipe is well-formed, but its nets were not checked, since the data are not here:\n{error}")
        answer["checked"] = "form"
    else:
        spec = data["train"].spec
        build.metrics(loaded.values)
        answer |= {
            "checked": "form, data and nets",
            "samples": {split: len(dataset) for split, dataset in data.items()},
            "sample_shape": list(spec.shape),
            "parameters": build.check_fit(loaded.values, spec),
            "steps": build.steps(loaded.values, len(data["train"])),
        }
    if as_json:
        console.answer_json(answer)
        return
    console.answer(f"{loaded.name}: valid")
    if "parameters" in answer:
        shape = " × ".join(f"{size} {axis}" for size, axis in zip(spec.shape, spec.axes, strict=True))
        console.answer(f"data        {', '.join(f'{n:,} {split}' for split, n in answer['samples'].items())}")
        console.answer(f"a sample    {shape}")
        for name, count in answer["parameters"].items():
            console.answer(f"{name:<11} {count:,} parameters")
        console.answer(f"steps       {answer['steps']:,}")
