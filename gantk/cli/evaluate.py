"""`gantk evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk import console
from gantk.cli import options


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path))
@options.overrides
@click.option("--seed", type=int, help="Seed of latents and metrics. [default: the recipe's]")
@options.device
@options.as_json
@options.quiet
def command(source: Path, overrides: tuple[str, ...], seed: int | None, device: str, as_json: bool) -> None:
    """Metrics of a run or a checkpoint on the test split, by the `evaluate` entries of its recipe.

    KEY=VALUE changes entries or where the data lie; exits with 1 where a bar (`require`) is missed.

    \b
    gantk evaluate runs/lin_starshaped-1
    gantk evaluate runs/lin_starshaped-1 evaluate.0.samples=5000
    gantk evaluate runs/toy_motif-1 'evaluate=[{use: basics/diversity}]' --json
    """
    from gantk import build
    from gantk.api import Model
    from gantk.errors import BarMissed, RecipeError
    from gantk.evaluate import HEADINGS, evaluate, missed_bars, rows, summaries
    from gantk.evaluate import as_json as to_json
    from gantk.recipe import from_text

    model = Model(source, device)
    values = from_text(model.checkpoint.recipe, name=source.name, overrides=overrides).values
    entries = build.metrics(values)
    if not entries:
        raise RecipeError(
            "this recipe has no `evaluate` entries; give some: 'evaluate=[{use: basics/diversity}]' "
            "(`gantk list metric` shows what there is)"
        )
    data = build.datasets(values)
    results = evaluate(
        entries,
        model.state.sampled(),
        model.state.critic,
        data["train"],
        data["test"],
        seed=values["seed"] if seed is None else seed,
        device=model.device,
    )
    missed = missed_bars(entries, results)
    if as_json:
        document = {"checkpoint": str(model.checkpoint.path), "step": model.checkpoint.step, "split": "test"}
        console.answer_json(document | {"values": to_json(results), "missed": missed})
    else:
        for line in summaries(entries, results):
            console.answer(line)
        console.table(f"{model.checkpoint.path}, test split", HEADINGS, rows(results))
    if missed:
        raise BarMissed("below the bar that the recipe sets: " + "; ".join(missed))
