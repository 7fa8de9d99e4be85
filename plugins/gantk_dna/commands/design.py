"""The command `gantk design`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, completions, console

if TYPE_CHECKING:
    from gantk.spec import DataSpec
    from gantk_dna.design.results import Designed, Report

HEADINGS = (
    *("sequences", "n", "score", "soft", "second", "above best score", "above all known"),
    *("distinct", "meet", "distance", "nearest other", "composition", "AUROC", "plausible"),
)


@click.command()
@click.argument("recipe", shell_complete=completions.recipes)
@cli_options.overrides
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default="designs.fa", show_default=True, help="Where designs go."
)
@cli_options.force
@cli_options.as_json
@cli_options.quiet
def design(recipe: str, overrides: tuple[str, ...], out: Path, force: bool, as_json: bool) -> None:
    """Design sequences for a property, by a design RECIPE.

    \b
    gantk design dna/design_motif -o designs.fa
    gantk design my_design.yaml search.method=feedback seed=3

    Writes the designs with what is known of each (FASTA, CSV or TSV by the ending of --out), and prints a table:
    score of the hard letters, of the soft ones, and by a second predictor that was not optimised; by the latter, the
    share above the best score in the data, and above what it says of every known sequence; share of different ones;
    share that meets every constraint; letters to the nearest known sequence, and to the nearest other one of the set;
    how far the frequencies of the bases are from real ones; AUROC of a classifier that tells the set from real
    sequences; share of real sequences that the critic finds less plausible, left out where it knows no such sequences.
    Known is what stands in any split of `data` and of `held_out_data`.
    """
    cli_options.refuse_to_overwrite(out, force)
    from gantk.components import format_for
    from gantk.recipe import load_as
    from gantk_dna.design.design import DesignBlocks
    from gantk_dna.design.design import design as carry_out

    values = load_as(DesignBlocks, recipe, overrides)
    format_for(out)
    report = carry_out(values, lambda spec: refuse_unwritable(out, spec))
    samples = report.samples()
    format_for(out, samples.spec).write(out, samples)
    if as_json:
        console.answer_json({"out": str(out), **as_document(report)})
        return
    for name, value in report.quality.items():
        console.say(f"{name}: {value:.3f}")
    judge = "the second predictor" if report.second else "the objectives"
    best = "" if report.best_measured is None else f"best score in the data {report.best_measured:.4g}; "
    console.say(f"{report.scored:,} sequences scored; {best}best known sequence by {judge} {report.bar:.4g}")
    looked_at = "" if len(report.known.names) == report.known.total else f", different ones of {report.known.total:,}"
    console.say(f"known: {len(report.known.names):,} sequences of every split of data and held_out_data{looked_at}")
    console.table(f"designs in {out}", HEADINGS, [row(each, report) for each in report.sets])


def refuse_unwritable(out: Path, spec: DataSpec) -> None:
    """Refuses a file that designs could not be written to, before they are searched for: writes one beside nothing.

    Args:
        out: where designs will go.
        spec: what one design is.

    Raises:
        GantkError: its format does not hold sequences.
    """
    import torch

    from gantk.components import format_for
    from gantk.interfaces import Samples

    one = torch.zeros(1, *spec.shape)
    one[:, 0] = 1
    with TemporaryDirectory() as folder:
        format_for(out, spec).write(Path(folder) / out.name, Samples(samples=one, spec=spec))


def row(found: Designed, report: Report) -> list[str]:
    """A set of sequences as a line of the table."""
    return [
        found.name,
        f"{len(found.codes):,}",
        f"{found.score.mean():.3f}",
        "" if found.soft is None else f"{found.soft.mean():.3f}",
        f"{found.held_out.mean():.3f}" if report.second else "",
        "" if report.above_best_score(found) is None else f"{report.above_best_score(found):.0%}",
        f"{report.above_known(found):.0%}",
        f"{found.distinct:.0%}",
        f"{found.meets.mean():.0%}",
        f"{found.distance.mean():.1f}",
        f"{found.nearest_other.mean():.1f}" if len(found.nearest_other) else "",
        f"{found.composition:.2f}",
        "" if found.auroc is None else f"{found.auroc:.2f}",
        "" if found.plausibility is None else f"{found.plausibility.mean():.2f}",
    ]


def as_document(report: Report) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "model": report.digest,
        "scored": report.scored,
        "second_predictor": report.second,
        "known": len(report.known.names),
        "wanted": report.wanted,
        "best_known": report.bar,
        "best_measured": report.best_measured,
        "predictors": report.quality,
        "sets": {
            each.name: {
                "n": len(each.codes),
                "score": float(each.score.mean()),
                "soft": None if each.soft is None else float(each.soft.mean()),
                "second": float(each.held_out.mean()) if report.second else None,
                "above_best_score": report.above_best_score(each),
                "above_all_known": report.above_known(each),
                "distinct": each.distinct,
                "meet_constraints": float(each.meets.mean()),
                "distance": float(each.distance.mean()),
                "nearest_other": float(each.nearest_other.mean()) if len(each.nearest_other) else None,
                "composition": each.composition,
                "auroc": each.auroc,
                "plausibility": None if each.plausibility is None else float(each.plausibility.mean()),
                "latent_norm": None if each.latent_norms is None else float(each.latent_norms.mean()),
            }
            for each in report.sets
        },
    }
