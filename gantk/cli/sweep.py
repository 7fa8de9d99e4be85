"""`gantk sweep`."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gantk import cli_options, completions, console

if TYPE_CHECKING:
    from gantk.sweeps.folder import SweepFolder
    from gantk.sweeps.worker import Sweep


@click.command()
@click.argument("sweep", metavar="SWEEP", shell_complete=completions.sweeps)
@cli_options.overrides
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder of the sweep. [default: runs/SWEEP-<number>]"
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Trials at once on this machine, which share its threads.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="A database that workers share: postgresql://… [default: a journal in --out]",
)
@cli_options.as_json
@cli_options.quiet
def command(
    sweep: str, overrides: tuple[str, ...], out: Path | None, workers: int, storage: str | None, as_json: bool
) -> None:
    """Search the settings of a recipe: run it with those that a sweep file asks for, and find the best.

    SWEEP is a file, or the name of one that comes with gantk (ring_rates, mnist_critic_rate, …): `gantk cp ring_rates`
    copies it to start from.

    Every trial is a run folder, evaluated on the validation split; the test split is not looked at. The same line in
    another terminal, or on another machine that sees the folder, is one more worker; a trial that was stopped or killed
    is gone on with by whoever comes next.

    \b
    gantk sweep ring_rates
    gantk sweep ring_rates --workers 2 --out runs/rates

    The folder is the only line on stdout: best.yaml in it is a complete recipe, sweep.html shows all trials.
    """
    from gantk.errors import DoesNotFit
    from gantk.recipe.find_file import locate_sweep
    from gantk.recipe.recipe import load_as
    from gantk.runs.start import claim
    from gantk.sweeps.blocks import SweepBlocks
    from gantk.sweeps.folder import SWEEP, SweepFolder
    from gantk.sweeps.page import honest_words, write_results
    from gantk.sweeps.results import sweep_as_json, trial_results, trial_rows
    from gantk.sweeps.study import import_optuna, open_study
    from gantk.sweeps.worker import check, work

    import_optuna()
    file = locate_sweep(sweep)
    if file.is_dir():
        raise click.UsageError(f"{file} is a folder; a sweep is gone on with by: gantk sweep {file / SWEEP} -o {file}")
    values = load_as(SweepBlocks, file, overrides)
    checked = check(values)
    folder = SweepFolder.begin(out if out is not None else claim(file.stem, None), values)
    if workers == 1:
        study = work(checked, folder, storage)
    else:
        _work_together(checked, folder, workers, storage)
        steps = checked.recipe.values["train"]["steps"]
        study = open_study(folder, values, checked.space, checked.objectives, steps, storage)
    best = write_results(checked, folder, study)
    results = trial_results(study)
    if not best:
        raise DoesNotFit(f"no trial has finished; {folder.report} says why each failed, and what each was run with")
    if as_json:
        console.answer_json(sweep_as_json(best, results))
        return
    console.table("on the validation split", *trial_rows(checked, results), to_stdout=False)
    console.say(honest_words(checked, results))
    console.say(f"page       {folder.report}")
    console.answer(str(folder.path))


def _work_together(sweep: Sweep, folder: SweepFolder, workers: int, storage: str | None) -> None:
    """Starts workers as processes of their own, and waits for all."""
    from gantk.errors import GantkError, Interrupted
    from gantk.repeats.jobs import Job, run_jobs, threads_each
    from gantk.sweeps.folder import SWEEP

    where = ["--out", str(folder.path)] + ([] if storage is None else ["--storage", storage])
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads_each(workers)))}
    jobs = [
        Job(
            f"worker {number}",
            ["sweep", str(folder.path / SWEEP), *where],
            folder.path / f"worker-{number}.log",
            environment=threads,
        )
        for number in range(1, workers + 1)
    ]
    console.say(
        f"{workers} workers, with {threads['OMP_NUM_THREADS']} threads each; what they print goes to "
        f"{folder.path}/worker-*.log"
    )
    codes, stopped_by = run_jobs(jobs, workers)
    if stopped_by is not None:
        line = f"gantk sweep {shlex.quote(str(folder.path / SWEEP))} --out {shlex.quote(str(folder.path))}"
        raise Interrupted(f"stopped; trials that were at work are gone on with by:\n  {line}", 128 + stopped_by)
    failed = [f"{name} ended with exit code {code}" for name, code in codes.items() if code]
    if failed:
        raise GantkError(f"{'; '.join(failed)}: see {folder.path}/worker-*.log")
