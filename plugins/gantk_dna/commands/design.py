"""The command `gantk design`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gantk import cli_options, completions, console

if TYPE_CHECKING:
    from gantk.interfaces import Samples
    from gantk.spec import DataSpec
    from gantk_dna.design.results import Designed, Report

HEADINGS = (
    *("sequences", "n", "score", "soft", "second", "95 %", "above best score", "above all known"),
    *("distinct", "meet", "distance", "nearest other", "composition", "AUROC", "plausible"),
)


@click.command()
@click.argument("recipe", shell_complete=completions.recipes)
@cli_options.overrides
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Where designs go, too. [default: the run folder alone]"
)
@click.option(
    "--run", "run_folder", type=click.Path(path_type=Path), help="Run folder to make. [default: runs/RECIPE-<number>]"
)
@cli_options.force
@cli_options.as_json
@cli_options.quiet
def design(
    recipe: str, overrides: tuple[str, ...], out: Path | None, run_folder: Path | None, force: bool, as_json: bool
) -> None:
    """Design sequences for a property, by a design RECIPE or from the run folder of an earlier design.

    \b
    gantk design dna/design_motif -o designs.fa
    gantk design my_design.yaml search.method=feedback seed=3
    gantk design runs/my_design-1 search.steps=500 search.seed=2

    A run folder keeps the GAN (gan/, an ordinary run), the predictors, and each search (search-1/, …: designs, table,
    evaluation, report.html). Given instead of a recipe, it is gone on from: finished, if it was interrupted, and
    searched in again, where `search`, `constraints` and `motifs` may be others.

    Writes the designs with what is known of each (FASTA, CSV or TSV by the ending of --out), and prints a table of
    them and of simple rivals: score of the hard letters, of the soft ones, and by a second predictor that was not
    optimised, with the 95 % interval of its mean; by the latter, the share above the best score in the data, and above
    what it says of every known sequence; share of different ones; share that meets every constraint; letters to the
    nearest known sequence, and to the nearest other one of the set; how far the frequencies of the bases are from real
    ones; AUROC of a classifier that tells the set from real sequences; share of real sequences that the critic finds
    less plausible, left out where it knows no such sequences. Above it stands whether designs are better than the
    training data and than the strongest rival.
    Known is what stands in any split of `data` and of `held_out_data`.
    """
    if out is not None:
        cli_options.refuse_to_overwrite(out, force)
    from gantk.components import format_for
    from gantk.recipe import load_as
    from gantk_dna.design.design import DesignBlocks
    from gantk_dna.design.design import design as carry_out
    from gantk_dna.design.folder import DesignFolder, is_design, refuse_other_learning

    if is_design(Path(recipe)):
        if run_folder is not None:
            raise click.UsageError(f"{recipe} is a run folder already; --run is for a recipe")
        folder = DesignFolder(Path(recipe))
        values = load_as(DesignBlocks, folder.recipe, overrides)
        refuse_other_learning(folder, load_as(DesignBlocks, folder.recipe), values)
    else:
        folder = DesignFolder(run_folder, Path(recipe).stem)
        if folder.exists:
            raise click.UsageError(f"{run_folder} holds a design; go on from it with: gantk design {run_folder}")
        values = load_as(DesignBlocks, recipe, overrides)
    if out is not None:
        format_for(out)

    def check(spec: DataSpec) -> None:
        if out is not None:
            cli_options.refuse_unwritable(out, one_sequence(spec))

    report = carry_out(values, folder, check)
    samples = report.samples()
    written = [report.folder / "designs.fa", *([] if out is None else [out])]
    for path in written:
        format_for(path, samples.spec).write(path, samples)
    tell(report, values["about"], written[-1], as_json)


def tell(report: Report, about: str, out: Path, as_json: bool) -> None:
    """Writes table, evaluation, picture and page of a search into its folder, and prints the table.

    Args:
        report: of the search.
        about: what is designed.
        out: where the designs are.
        as_json: whether to print JSON.
    """
    from gantk.files import write_bytes
    from gantk_dna.design.evaluating import evaluated
    from gantk_dna.design.page import logo_of, motifs_of, png, write_page

    evaluation, summaries = evaluated(report)
    numbers = {name: {key: asdict(value) for key, value in values.items()} for name, values in evaluation.items()}
    document = {"out": str(out), "folder": str(report.folder), **as_document(report)}
    judged = {"summaries": summaries, "values": numbers}
    for name, content in (("table", document), ("evaluation", judged)):
        write_bytes(report.folder / f"{name}.json", (json.dumps(content, indent=2) + "\n").encode())
    write_bytes(report.folder / "sequences.tsv", every_sequence(report).encode())
    logo = logo_of(report)
    write_bytes(report.folder / "logo.png", png(logo))
    motifs, lines = motifs_of(report), sentences(report)
    if motifs is not None:
        write_bytes(report.folder / "motifs.png", png(motifs[1]))
        lines += motifs[0]
    rows = [row(each, report) for each in report.sets]
    write_page(
        report.folder,
        report,
        about=about,
        lines=lines,
        headings=HEADINGS,
        rows=rows,
        evaluation=(evaluation, summaries),
        logo=logo,
        motifs=None if motifs is None else motifs[1],
    )
    if as_json:
        console.answer_json(document)
        return
    for line in lines:
        console.say(line)
    console.table(f"designs in {out}", HEADINGS, rows)
    console.say("the designs beside held-out real sequences:")
    for line in summaries:
        console.say(f"  {line}")
    console.say(f"report: {report.folder / 'report.html'}")


def every_sequence(report: Report) -> str:
    """The sequences of every set, designs and rivals, as a table: TSV."""
    from gantk_dna.alphabet import decode

    lines = ["set\tsequence\tscore\tsecond\tdistance\tnearest"]
    for each in report.sets:
        columns = (decode(each.codes), each.score, each.held_out, each.distance, each.nearest)
        for text, score, second, distance, nearest in zip(*columns, strict=True):
            said = f"{second:.5g}" if report.second else ""
            lines.append(f"{each.name}\t{text}\t{score:.5g}\t{said}\t{distance}\t{nearest}")
    return "\n".join(lines) + "\n"


def sentences(report: Report) -> list[str]:
    """What was found, and what is compared with, in sentences."""
    judge = "the second predictor" if report.second else "the objectives"
    best = "" if report.best_measured is None else f"best score in the data {report.best_measured:.4g}; "
    looked_at = "" if len(report.known.names) == report.known.total else f", different ones of {report.known.total:,}"
    return [
        *(f"{name}: {value:.3f}" for name, value in report.quality.items()),
        f"{report.scored:,} sequences scored; {best}best known sequence by {judge} {report.bar:.4g}",
        f"known: {len(report.known.names):,} sequences of every split of data and held_out_data{looked_at}",
        *claim(report),
    ]


def claim(report: Report) -> list[str]:
    """Whether designs are better than what was learned from, and than the strongest simple rival, in sentences."""
    from gantk_dna.design.results import mean_interval

    designs, judge = report.designs, "the second predictor" if report.second else "the objectives"
    share, low, high = report.above_training(designs)
    lines = [
        f"better than the training data? by {judge} {share:.0%} of the designs ({low:.0%} to {high:.0%}) are above "
        f"every training sequence (best {report.training_bar:.4g})"
    ]
    rival = report.strongest
    difference = None if rival is None else mean_interval(designs.held_out, rival.held_out)
    if rival is not None and difference is not None:
        sign = "better than" if difference[0] > 0 else "worse than" if difference[1] < 0 else "not told apart from"
        lines.append(
            f"{sign} the strongest rival that is no farther from what is known, '{rival.name}': designs "
            f"{designs.held_out.mean():.4g}, it {rival.held_out.mean():.4g}, difference {_between(difference)} (95 %)"
        )
    if report.error is not None:
        lines.append(
            f"intervals are of the choice of sequences alone: of held-out ones, {judge} is wrong by {report.error:.3g} "
            "(root mean square)"
        )
    return lines


def _between(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def one_sequence(spec: DataSpec) -> Samples:
    """A sequence of A alone, which stands for any design."""
    import torch

    from gantk.interfaces import Samples

    one = torch.zeros(1, *spec.shape)
    one[:, 0] = 1
    return Samples(samples=one, spec=spec)


def row(found: Designed, report: Report) -> list[str]:
    """A set of sequences as a line of the table."""
    return [
        found.name,
        f"{len(found.codes):,}",
        f"{found.score.mean():.3f}",
        "" if found.soft is None else f"{found.soft.mean():.3f}",
        f"{found.held_out.mean():.3f}" if report.second else "",
        "" if found.interval is None or not report.second else _between(found.interval),
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
        "best_training": report.training_bar,
        "best_measured": report.best_measured,
        "error": report.error,
        "strongest_rival": None if report.strongest is None else report.strongest.name,
        "predictors": report.quality,
        "sets": {
            each.name: {
                "n": len(each.codes),
                "score": float(each.score.mean()),
                "soft": None if each.soft is None else float(each.soft.mean()),
                "second": float(each.held_out.mean()) if report.second else None,
                "second_interval": each.interval if report.second else None,
                "above_training": report.above_training(each),
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
