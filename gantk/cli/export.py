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
    help="File or folder to write: .onnx, .pt2, or FOLDER (safetensors); see below.",
)
@cli_options.force
@cli_options.quiet
def command(source: Path, out: Path, force: bool) -> None:
    """Write a trained generator for other tools; its moving average where the recipe keeps one.

    By the name of --out: model.onnx (ONNX, checked by onnxruntime), model.pt2 (torch.export), a folder
    (model.safetensors, config.json and README.md in the layout of the Hugging Face hub, which gantk reads back), and
    what plugins add (.bioimage.zip: a bioimage.io package, for translators). Samples of what was written are compared
    with gantk's own; where they differ by more than 0.0001 of the range, nothing is kept.

    \b
    gantk export runs/mnist_dcgan-1 -o digits.onnx
    gantk export runs/mnist_dcgan-1 -o digits
    """
    cli_options.refuse_to_overwrite(out, force, new_folder=True)
    from gantk.api.model import Model
    from gantk.export.exported import exported, exporter_for

    exporter = exporter_for(out)
    model = exported(Model(source, "cpu"), source)
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
