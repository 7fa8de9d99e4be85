"""`gantk resume`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk.cli import options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.overrides
@click.option("--from", "older", metavar="step-<N>.h5", help="A checkpoint older than the newest, to go on from.")
@options.quiet
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
    from gantk import launching, meeting, ranks, runs
    from gantk.cli.result import show_result
    from gantk.folder import RunFolder
    from gantk.recipe import from_text

    values = from_text(RunFolder(run).resolved(), run.name, overrides).values
    devices = values["machine"]["devices"]
    if launching.wanted(devices):
        ranks.Ranks(count=devices).share_of(values["train"]["batch"])
        older_one = [] if older is None else ["--from", older]
        return launching.launch(["resume", str(run), *overrides, *older_one], devices)
    folder = runs.resume(run, overrides, older=older)
    if meeting.here().first:
        show_result(folder)
    return 0
