"""Samples to a picture file, by the view that their spec names."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from gantk.components.construct import component
from gantk.errors import GantkError
from gantk.files.atomic import write_bytes
from gantk.interfaces import Samples, View
from gantk.spec import DataSpec


def picture_of(samples: Samples, caption: str = "", parameters: Mapping[str, Any] | None = None) -> Image.Image:
    """A picture of samples, with what they are (real, simulated, generated) in its caption.

    Args:
        samples: what to draw.
        caption: printed in the picture.
        parameters: of the view.

    Raises:
        GantkError: the samples' spec names no view.
    """
    view = build_view(samples.spec, **(parameters or {}))
    if view is None:
        raise GantkError("these samples name no view to draw them with; write another format than .png")
    return view.draw(samples, caption=caption)


def write_picture(path: Path, samples: Samples, caption: str = "", parameters: Mapping[str, Any] | None = None) -> None:
    """Writes a PNG of the samples; see `picture_of`."""
    write_image(path, picture_of(samples, caption, parameters))


def write_image(path: Path, picture: Image.Image) -> None:
    """Writes a picture in the format of the path's ending; it is never seen half written.

    Raises:
        OSError: the disk is full, or the folder is gone or read-only; `path` is then as it was.
    """
    content = io.BytesIO()
    picture.save(content, format=Image.registered_extensions()[path.suffix.lower()])
    write_bytes(path, content.getbuffer())


def write_animation(
    path: Path, frames: list[Image.Image], seconds_per_frame: float = 0.4, last_seconds: float = 2.0
) -> None:
    """Writes frames as a GIF that repeats.

    Args:
        path: where to.
        frames: of the size of the last one, to which others are scaled.
        seconds_per_frame: how long each is shown …
        last_seconds: … but for the last.
    """
    size = frames[-1].size
    same = [frame.convert("RGB").resize(size) for frame in frames]
    durations = [int(1000 * seconds_per_frame)] * (len(same) - 1) + [int(1000 * last_seconds)]
    content = io.BytesIO()
    same[0].save(content, format="GIF", save_all=True, append_images=same[1:], duration=durations, loop=0)
    write_bytes(path, content.getbuffer())


def build_view(spec: DataSpec, **parameters: Any) -> View | None:
    """The view that draws such samples, with parameters of its own, or None where the spec names none."""
    return None if spec.view is None else component("view", {"use": spec.view, **parameters}, spec=spec)
