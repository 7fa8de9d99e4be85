"""Callback: notified of what happens during a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantk.plugin import interface

if TYPE_CHECKING:
    from PIL import Image


class StopTraining(Exception):
    """Raised by a callback that has seen enough: training ends after this step, with a checkpoint, and is evaluated.

    Its text is the reason, in a few words: `StopTraining("the critic's loss is 0")`. It is said, and stands in
    history.jsonl and the report.
    """


@interface("callback")
class Callback:
    """Notified of what happens during a run. Built as `Component(*, …)`. Override what you need.

    It changes nothing about a run, but may end it: by `raise StopTraining("the critic's loss is 0")`. Metrics are told
    of at once; terms only now and then, when they are read from the device: training may then be 50 steps further.
    """

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
