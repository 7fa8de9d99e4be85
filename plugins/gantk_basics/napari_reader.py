"""What napari opens: files of samples, checkpoints and run folders, as layers. Imports neither napari nor torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gantk import Drawn

SAMPLES = b"gantk samples"
CHECKPOINT = b"gantk checkpoint"
COUNT = 16  # samples of a run or of a checkpoint
COLOURS = ("red", "green", "blue", "cyan", "magenta", "yellow")
SHOWN = 3  # channels that are visible at first
Layer = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Layer]] | None:
    """The function that reads a path, or None where it is nothing of gantk's: napari then asks others."""
    paths = [path] if isinstance(path, str) else path
    return read if paths and all(_is_ours(Path(each)) for each in paths) else None


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return (path / "resolved.yaml").is_file() and (path / "checkpoints").is_dir()
    return path.is_file() and _start(path).startswith((SAMPLES, CHECKPOINT))


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(32)


def read(path: str | list[str]) -> list[Layer]:
    """The layers of a file of samples; of a run or a checkpoint, those of 16 samples, which are always the same.

    Raises:
        GantkError: a damaged file, a run without a checkpoint.
    """
    import gantk

    found: list[Layer] = []
    for each in map(Path, [path] if isinstance(path, str) else path):
        of_samples = each.is_file() and _start(each).startswith(SAMPLES)
        samples = gantk.read(each) if of_samples else gantk.load(each).sample(COUNT, seed=0)
        found += layers(samples, each.name.removesuffix(each.suffix))
    return found


def layers(samples: Drawn, title: str) -> list[Layer]:
    """Samples as layers of napari.

    Images are a layer for each channel, red, green and blue ones a single one, with sliders for samples and units, and
    pixels of their size; letters are labels, a row for each sample; points are points; anything else is a matrix.

    Args:
        samples: of any kind.
        title: what the names of layers begin with.
    """
    import numpy as np

    spec, values = samples.spec, samples.numpy()
    metadata = {"origin": str(samples.attributes.get("origin", spec.origin)), "axes": ["sample", *spec.axes]}
    if spec.axes[-3:] == ("channel", "y", "x"):
        size = float(spec.attributes.get("pixel_size_um") or 1.0)
        leading = [1.0] * (values.ndim - 3)
        common = {"scale": [*leading, size, size], "metadata": metadata}
        names = [str(name) for name in spec.names.get("channel", range(spec.own_shape[0]))]
        low, high = spec.range or (float(values.min()), float(values.max()))
        if [name.lower() for name in names] == ["red", "green", "blue"]:
            colours = np.clip((np.moveaxis(values, -3, -1) - low) / ((high - low) or 1.0), 0, 1)
            return [(colours, {**common, "name": title, "rgb": True}, "image")]
        return [
            (
                values[..., number, :, :],
                {
                    **common,
                    "name": f"{title} {name}",
                    "colormap": "gray" if len(names) == 1 else COLOURS[number % len(COLOURS)],
                    "blending": "additive",
                    "contrast_limits": [low, high] if high > low else [low, low + 1],
                    "visible": number < SHOWN,
                },
                "image",
            )
            for number, name in enumerate(names)
        ]
    if spec.categorical and len(spec.own_shape) == 2:
        alphabet = list(spec.names.get(spec.axes[spec.unit_axes], ()))
        letters = values.argmax(-2) + 1  # 0 is napari's background
        return [(letters, {"name": title, "metadata": {**metadata, "labels": alphabet}}, "labels")]
    if spec.shape in ((2,), (3,)):
        return [(values, {"name": title, "metadata": metadata, "size": 0.05}, "points")]
    return [(values.reshape(len(values), -1), {"name": title, "metadata": metadata}, "image")]
