"""The callback `wandb`: a run's numbers, pictures and recipe for Weights & Biases, written offline."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from gantk.errors import MissingExtra
from gantk_basics.callbacks.replayed_log import ReplayedLog


class WeightsAndBiases(ReplayedLog):
    """Writes the folder `wandb` of the run; nothing leaves the machine until you type `wandb sync RUN/wandb/offline-*`.

    Loss terms stand under `training`, metrics under the name of their entry, those of the end in the summary, under
    `test`; the recipe is the configuration. A run that is resumed is written anew from metrics.jsonl and goes on: the
    folder holds one offline run, whose id stays the same, and each step once.

    Args:
        project: in which project `wandb sync` puts it.
        pictures: whether sample pictures are written, too.

    Raises:
        MissingExtra: the package wandb is not installed.
    """

    def __init__(self, *, project: str = "gantk", pictures: bool = True):
        super().__init__(pictures=pictures)
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else its errors are sent to its makers
        try:
            import wandb  # noqa: F401
        except ImportError as error:
            raise MissingExtra(
                "basics/wandb needs the package wandb, which is not here: pip install 'gantk[wandb]'"
            ) from error
        self.project = project
        self._run: Any = None
        self._step = 0

    def open(self, folder: Path, recipe: Mapping[str, Any], done: int) -> int:
        """Begins an offline run in place of the one that may be there."""
        import wandb

        earlier = sorted((folder / "wandb").glob("offline-run-*"))
        name = earlier[-1].name.rpartition("-")[2] if earlier else uuid.uuid4().hex[:8]
        for each in earlier:
            shutil.rmtree(each, ignore_errors=True)  # its service may write a moment longer
            while each.name.startswith(time.strftime("offline-run-%Y%m%d_%H%M%S")):
                time.sleep(0.05)  # the new one would have the same path, which wandb then leaves empty
        self._step = 0
        self._run = wandb.init(
            project=self.project,
            name=folder.resolve().name,
            id=name,
            dir=str(folder.resolve()),  # its service keeps the working directory that it began in
            mode="offline",
            config=json.loads(json.dumps(recipe)),
            reinit="create_new",
            settings=wandb.Settings(
                silent=True,
                console="off",  # gantk's own output is left alone
                x_disable_stats=True,
                x_disable_meta=True,
                disable_git=True,
                save_code=False,
            ),
        )
        return -1

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Adds to a step's row; what the test split gave belongs to the run."""
        of_test = {tag: value for tag, value in values.items() if tag.startswith("test/")}
        self._run.summary.update(of_test)
        if len(of_test) < len(values):
            self._add(step, {tag: value for tag, value in values.items() if tag not in of_test})

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Adds a picture to a step's row."""
        import wandb

        self._add(step, {f"samples/{name}": wandb.Image(picture)})

    def _add(self, step: int, row: dict[str, Any]) -> None:
        self._step = max(step, self._step)  # wandb drops what comes later of an earlier step: a picture of the best one
        self._run.log(row, step=self._step)

    def close(self) -> None:
        """Ends the offline run."""
        self._run.finish()
