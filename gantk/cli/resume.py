"""`gantk resume`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gantk import cli_options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@cli_options.overrides
@click.option("--from", "older", metavar="step-<N>.h5", help="A checkpoint older than the newest, to go on from.")
@cli_options.verbose
@cli_options.quiet
def command(run: Path, overrides: tuple[str, ...], older: str | None) -> int:
    """Go on with RUN (its folder) from its newest checkpoint; where there is none yet, from the first step.

    What may change with KEY=VALUE: train.steps, pictures, checkpoints, evaluation, machine and what divergence does. A
    run that was stopped and resumed ends with the same weights as one that never stopped. What changed on this machine
    since the last session is said. With --from, newer checkpoints are renamed, to aside-step-<N>.h5.

    \b
    gantk resume runs/toy_motif-1
    gantk resume runs/toy_motif-1 train.steps=5000
    gantk resume runs/toy_motif-1 --from step-500.h5
    """
    from gantk.cli.result import show_result
    from gantk.files.find_run import run_around
    from gantk.files.run_folder import CHECKPOINT_NAME, RunFolder
    from gantk.runs import start
    from gantk.training.distributed import launcher, process_group, ranks

    around = run_around(run) if run.is_file() else None
    if around is not None:
        older_one = ["--from", run.name] if CHECKPOINT_NAME.fullmatch(run.name) else []
        line = shlex.join(["gantk", "resume", str(around), *overrides, *older_one])
        raise click.UsageError(f"{run} is a checkpoint; a run is resumed, from it. Write: {line}")
    values = start.recipe_of_run(RunFolder(run), overrides).values
    devices = values["machine"]["devices"]
    to_do = overrides or older or not start.is_finished(RunFolder(run), values)  # else none of the processes is needed
    if to_do and launcher.wanted(devices):
        ranks.Ranks(count=devices).share_of(values["train"]["batch"])
        older_one = [] if older is None else ["--from", older]
        return launcher.launch(["resume", str(run), *overrides, *older_one], devices)
    folder = start.resume(run, overrides, older=older)
    if process_group.is_first():
        show_result(folder)
    return 0
