"""`gantk export`."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import click

from gantk import cli_options, completions, console


@click.command()
@click.argument("source", metavar="RUN|CHECKPOINT", type=click.Path(path_type=Path), shell_complete=completions.runs)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File or folder to write: .onnx, .pt2, FOLDER, .bioimageio.zip; see below.",
)
@click.option("--to", metavar="DOMAIN", help="Of a translator without pairs: which of both to make.")
@click.option("--author", "authors", metavar="NAME", multiple=True, help="Of the model, for its card; may be repeated.")
@click.option("--licence", metavar="SPDX", default="", help="Of the model, for its card: CC-BY-4.0.")
@cli_options.force
@cli_options.quiet
def command(source: Path, out: Path, to: str | None, authors: tuple[str, ...], licence: str, force: bool) -> None:
    """Write a trained generator for other tools; its moving average where the recipe keeps one.

    By the name of --out: model.onnx (ONNX, checked by onnxruntime), model.pt2 (torch.export), a folder
    (model.safetensors, config.json and README.md in the layout of the Hugging Face hub, which gantk reads back),
    model.bioimageio.zip (a package of bioimage.io, of translators alone: other programs give it raw pictures), and what
    plugins add. Samples of what was written are compared with gantk's own; where they differ by more than 0.0001 of the
    range, nothing is kept.

    \b
    gantk export runs/mnist_dcgan-1 -o digits.onnx
    gantk export runs/mnist_dcgan-1 -o digits
    gantk export runs/phase_l1-1 -o dapi.bioimageio.zip --author Lovelace
    """
    cli_options.refuse_to_overwrite(out, force, new_folder=True)
    from gantk.api.model import Model
    from gantk.export.exported import ExportRequest, exported, exporter_for

    exporter = exporter_for(out)
    if to is not None and not exporter.one_direction:
        raise click.UsageError(f"--to is for packages of one direction (.bioimageio.zip), and {out.name} is none")
    model = exported(Model(source, "cpu"), source, ExportRequest(to, authors, licence))
    module, _, name = exporter.target.partition(":")
    cli_options.make_folder_of(out)
    there = out.exists()
    try:
        lines = getattr(importlib.import_module(module), name)(model, out)
    except BaseException:
        if not there:
            shutil.rmtree(out) if out.is_dir() else out.unlink(missing_ok=True)
        raise
    for line in lines:
        console.say(line)
    console.answer(str(out))
