"""Callback: is told what happens during a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantk.plugin import interface

if TYPE_CHECKING:
    from PIL import Image


@interface("callback")
class Callback:
    """Told what happens during a run; never changes it. Built as `Component(*, …)`. Override what you need."""

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Training begins or resumes in the run folder `folder`."""

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        """The terms of a step, and whatever else was measured then, are known.

        Metrics are called entry.value; those of the end, on the test split, test.entry.value.
        """

    def on_picture(self, step: int, name: str, picture: Image.Image) -> None:
        """A sample picture was drawn."""

    def on_end(self, folder: Path) -> None:
        """The run ended: it was evaluated, or training was interrupted or diverged."""
