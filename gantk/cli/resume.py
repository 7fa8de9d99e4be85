"""`gantk resume`."""

from __future__ import annotations

from pathlib import Path

import click

from gantk.cli import options


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@options.overrides
@options.quiet
def command(run: Path, overrides: tuple[str, ...]) -> None:
    """Go on with RUN (its folder) from its newest checkpoint.

    What may change with KEY=VALUE: train.steps, pictures, checkpoints, evaluation and machine. A run that was stopped
    and resumed ends with the same weights as one that never stopped.

    \b
    gantk resume runs/toy_motif-1
    gantk resume runs/toy_motif-1 train.steps=5000
    """
    from gantk import runs
    from gantk.cli.result import show_result

    show_result(runs.resume(run, overrides))
