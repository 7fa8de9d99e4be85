"""`gantk evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, completions, console

if TYPE_CHECKING:
    from gantk.evaluation.results import Entry, Results

    Judged = tuple[list[Entry], Results, dict[str, Any]]


@click.command()
@click.argument(
    "source", metavar="RUN|CHECKPOINT|SAMPLES", type=click.Path(path_type=Path), shell_complete=completions.runs
)
@cli_options.overrides
@click.option(
    "--data",
    metavar="RECIPE|FILE",
    shell_complete=completions.recipes,
    help="Of a sample file: the recipe, or file of real samples, it is judged by.",
)
@click.option("--seed", type=int, help="Seed of latents and metrics. [default: the recipe's]")
@cli_options.device
@cli_options.as_json
@cli_options.quiet
def command(
    source: Path, overrides: tuple[str, ...], data: str | None, seed: int | None, device: str, as_json: bool
) -> None:
    """Metrics of a run or a checkpoint on the test split, by the `evaluate` entries of its recipe; or of a file of
    samples, whoever made it.

    KEY=VALUE changes entries or where the data lie; exits with 1 where a bar (`require`) is missed, or where no metric
    has a value for these samples.

    With --data, SOURCE is a file in any format that `gantk list format` names. Beside a recipe it is judged by that
    recipe's entries and data. Beside a file of real samples it is judged by all metrics for such samples, a fifth of
    the real ones being held out.

    \b
    gantk evaluate runs/lin_starshaped-1
    gantk evaluate runs/lin_starshaped-1 evaluate.0.samples=5000
    gantk evaluate runs/toy_motif-1 'evaluate=[{use: basics/diversity}]' --json
    gantk evaluate samples.h5 --data toy_motif
    """
    from gantk.errors import BarMissed, DoesNotFit
    from gantk.evaluation.results import HEADINGS, missed_bars, rows, summary_lines
    from gantk.evaluation.results import as_json as to_json

    if data is not None:
        cli_options.refuse_beside("metrics of a file of samples build their own nets, on the CPU", "device")
        entries, results, document = _of_file(source, data, overrides, seed)
    else:
        entries, results, document = _of_model(source, overrides, seed, device)
    if not any(results.values()):
        tried = ", ".join(entry.name for entry in entries)
        raise DoesNotFit(
            f"nothing was measured: {tried} gave{'' if ',' in tried else 's'} no value for these samples; name other "
            "metrics: 'evaluate=[{use: basics/diversity}]' (`gantk list metric` shows what there is)"
        )
    missed = missed_bars([entry for entry in entries if entry.name in results], results)
    missed += [f"{each.name} could not be measured" for each in entries if each.require and each.name not in results]
    if as_json:
        console.answer_json(document | {"split": "test", "values": to_json(results), "missed": missed})
    else:
        for line in summary_lines(entries, results):
            console.answer(line)
        console.table(f"{next(iter(document.values()))}, test split", HEADINGS, rows(results))
    if not results:
        raise DoesNotFit("no metric could be computed")
    if missed:
        raise BarMissed("below the bar that the recipe sets: " + "; ".join(missed))


def _of_model(source: Path, overrides: tuple[str, ...], seed: int | None, device: str) -> Judged:
    """A run or a checkpoint, on its own recipe's test split."""
    from gantk.api.run import Model
    from gantk.training.checkpoint import is_checkpoint

    if source.is_file() and not is_checkpoint(source):
        raise click.UsageError(f"{source} is not a checkpoint; to evaluate samples, give --data RECIPE or FILE")
    model = Model(source, device)
    found = model.evaluate(overrides=overrides, seed=seed)
    return found.entries, found, {"checkpoint": str(model.checkpoint.path), "step": model.checkpoint.step}


def _of_file(source: Path, data: str, overrides: tuple[str, ...], seed: int | None) -> Judged:
    """A file of samples, beside a recipe or a file of real samples."""
    from gantk.components.formats import format_for
    from gantk.errors import FileError
    from gantk.evaluation import sample_files
    from gantk.training.checkpoint import is_checkpoint

    if source.is_dir() or (source.is_file() and is_checkpoint(source)):
        raise click.UsageError(f"{source} has its own recipe: leave out --data, or change it by data.KEY=VALUE")
    if not source.is_file():
        raise FileError(f"{source}: there is no such file")
    samples = format_for(source).read(source)
    against = sample_files.reference(data, overrides, seed, samples.spec)
    entries, results = against.entries, sample_files.evaluate_samples(samples, against)
    return entries, results, {"samples": str(source), "data": data}
