"""What `gantk view` draws: a run, a checkpoint, a sample file, a plain image."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.text import Text

from gantk import console, machine, plots
from gantk.api.run import Model
from gantk.components.formats import format_for
from gantk.errors import FileError, GantkError
from gantk.files.find_run import hint_of_run
from gantk.files.pictures import evenly, is_picture, read_picture, size_of, write_animation, write_column
from gantk.files.run_folder import RunFolder
from gantk.files.whole import refuse_devices
from gantk.interfaces import Samples
from gantk.reporting import pictures
from gantk.reporting.pictures import picture_of
from gantk.spec import DataSpec
from gantk.training.checkpoint import is_checkpoint

PLAIN_IMAGES = {  # ending to Pillow's format: by content, Pillow would start Ghostscript for PostScript
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
}

MOST_FRAMES = 300  # of an animation: two minutes
MOST_PIXELS = 100_000_000  # of all its frames together, a byte each while it is made
MOST_HEIGHT = 30_000  # pixels of a column: browsers show no more


def picture(source: Path, number: int, seed: int = 0, parameters: Mapping[str, Any] | None = None) -> Image.Image:
    """A picture of a run or checkpoint (fresh samples), of a sample file, or of a plain image.

    Args:
        source: the run or file.
        number: how many samples.
        seed: of fresh ones.
        parameters: of the view.

    Raises:
        FileError: it cannot be read as any of these.
    """
    if is_picture(source) and source.is_file():
        return read_picture(source)
    samples, title = samples_of(source, number, seed, whole=True)
    view = pictures.build_view(samples.spec)
    if view is not None and view.wanted:
        return picture_of(samples, title, {"rows": number, **(parameters or {})})
    return picture_of(samples[:number], title, parameters)


def samples_text(source: Path, number: int, seed: int = 0, parameters: Mapping[str, Any] | None = None) -> Text:
    """The samples as coloured text, where their view can.

    Args:
        source: the run or file.
        number: how many samples.
        seed: of fresh ones.
        parameters: of the view.

    Raises:
        GantkError: it cannot be read, or such samples have no text.
    """
    samples, _ = samples_of(source, number, seed)
    view = pictures.build_view(samples.spec, **(parameters or {}))
    text = None if view is None else view.text(samples)
    if text is None:
        raise GantkError(f"{source}: such samples cannot be shown as text; without --text a picture is drawn")
    return text


def samples_of(source: Path, number: int, seed: int, *, whole: bool = False) -> tuple[Samples, str]:
    """Samples of a run, a checkpoint or a file, and what to call them.

    Args:
        source: the run or file.
        number: how many samples.
        seed: of fresh ones.
        whole: of a file all samples, and of a run as many as the view wants to sum up where these are more.
    """
    if not source.exists():
        raise FileError(f"{source}: there is no such run or file. {hint_of_run(source)}")
    if source.is_dir() or is_checkpoint(source):
        model = Model(source)
        if whole:
            view = pictures.build_view(model.spec)
            number = number if view is None else max(number, view.wanted)
        return model.sample(number, seed=seed, raw=True), f"step {model.checkpoint.step}"
    try:
        reader = format_for(source)
    except FileError:
        if source.suffix.lower() not in PLAIN_IMAGES:
            raise
        return _plain_image(source), source.name
    samples = reader.read(source)
    return samples if whole else samples[:number], source.name


def curves_picture(source: Path) -> Image.Image:
    """The training curves of a run."""
    lines = RunFolder(source).lines()
    first = next(lines, None)
    if first is None:
        raise FileError(f"{source}: has no metrics yet")
    return plots.to_image(plots.curves_figure(chain([first], lines)))


def write_training(source: Path, out: Path) -> None:
    """The pictures of a run over training: one after another in a GIF, or one under another in a PNG.

    Raises:
        FileError: the run has no such pictures.
    """
    paths = RunFolder(source).step_pictures()
    if not paths:
        raise FileError(f"{source}: has no pictures over training (train.sample_every says how often they are drawn)")
    width, height = size_of(paths[-1])
    animated = out.suffix.lower() == ".gif"
    most = min(MOST_FRAMES, MOST_PIXELS // (width * height)) if animated else MOST_HEIGHT // height
    frames = evenly(paths, max(most, 2))
    if len(frames) < len(paths):
        console.say(f"{len(frames)} of {len(paths):,} pictures, evenly chosen: more are not looked at, nor opened")
    if animated:
        write_animation(out, frames)
    else:
        write_column(out, frames)


def _plain_image(path: Path) -> Samples:
    try:
        refuse_devices(path, FileError)
        with Image.open(path, formats=[PLAIN_IMAGES[path.suffix.lower()]]) as image:
            machine.refuse_above_data_limit(27 * image.width * image.height, str(path), FileError)  # as floats, twice
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise FileError(f"{path}: cannot be read as an image: {error}") from error
    samples = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1  # (1, 3, H, W)
    spec = DataSpec(shape=tuple(samples.shape[1:]), axes=("channel", "y", "x"), view="basics/images")
    return Samples(samples=samples, spec=spec, attributes={"origin": "real"})
