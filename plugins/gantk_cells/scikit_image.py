"""scikit-image, imported where it is needed, or a message that names what to install."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gantk.errors import MissingExtra

EXTRA = "pip install 'gantk[morphology]'"


def scikit_image(part: str, wanted_by: str, instead: str = "") -> Any:
    """A module of scikit-image.

    Args:
        part: its name: "metrics", "filters", "segmentation", "measure", "feature".
        wanted_by: what needs it, for the message.
        instead: what can be done without it, for the message.

    Raises:
        MissingExtra: scikit-image is not installed.
    """
    try:
        return import_module(f"skimage.{part}")
    except ImportError as error:
        other = f"; or {instead}" if instead else ""
        raise MissingExtra(f"{wanted_by} needs scikit-image, which is not installed: {EXTRA}{other}") from error
