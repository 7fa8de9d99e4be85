"""Samples to a picture file, by the view that their spec names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from gantk.components.construct import component
from gantk.errors import GantkError
from gantk.files.pictures import write_image
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


def build_view(spec: DataSpec, **parameters: Any) -> View | None:
    """The view that draws such samples, with parameters of its own, or None where the spec names none."""
    return None if spec.view is None else component("view", {"use": spec.view, **parameters}, spec=spec)
