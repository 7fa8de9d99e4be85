"""Samples to a picture file, by the view that their spec names."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from gantk import build
from gantk.errors import GantkError
from gantk.interfaces import Samples


def picture_of(samples: Samples, caption: str = "") -> Image.Image:
    """A picture of samples, with what they are (real, simulated, generated) in its caption.

    Raises:
        GantkError: the samples' spec names no view.
    """
    view = build.view(samples.spec)
    if view is None:
        raise GantkError("these samples name no view to draw them with; write another format than .png")
    return view.draw(samples, caption=caption)


def write_picture(path: Path, samples: Samples, caption: str = "") -> None:
    """Writes a PNG of the samples."""
    picture_of(samples, caption).save(path)


def write_animation(path: Path, frames: list[Image.Image], seconds_per_frame: float = 0.4) -> None:
    """Writes frames as a GIF that repeats and stays longer on its last frame."""
    size = frames[-1].size
    same = [frame.convert("RGB").resize(size) for frame in frames]
    durations = [int(1000 * seconds_per_frame)] * (len(same) - 1) + [2000]
    same[0].save(path, save_all=True, append_images=same[1:], duration=durations, loop=0)
