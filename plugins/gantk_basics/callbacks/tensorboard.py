"""The callback `tensorboard`: a run's numbers, pictures and recipe as event files for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from PIL import Image

from gantk.errors import MissingExtra
from gantk.files import read_lines
from gantk.interfaces import Callback
from gantk_basics.callbacks.replayed_log import kind_of, tag_of

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TensorBoard(Callback):
    """Writes the folder `tensorboard` of the run: `tensorboard --logdir runs` shows all runs side by side.

    Loss terms stand under `training`, metrics under the name of their entry, those of the end under `test`; pictures
    under `samples`; the recipe as text. A run that is resumed goes on in the same curves: what it had written of steps
    that it repeats is dropped.

    Args:
        pictures: whether sample pictures are written, too; they make most of the files' size.

    Raises:
        MissingExtra: the package tensorboard is not installed.
    """

    def __init__(self, *, pictures: bool = True):
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise MissingExtra(
                "basics/tensorboard needs the package tensorboard, which is not here: pip install 'gantk[tensorboard]'"
            ) from error
        self.pictures = pictures
        self._writer: SummaryWriter | None = None
        self._begun_at = self._latest = 0

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Opens an event file; where steps were done before, one that goes on behind them."""
        done = max(
            (line["step"] for line in read_lines(folder / "metrics.jsonl", {"step": int})), default=0
        )  # cut back on resume
        self._begun_at = self._latest = done
        self._open(folder / "tensorboard", done + 1 if done else 0)
        text = yaml.safe_dump(json.loads(json.dumps(recipe)), sort_keys=False, allow_unicode=True)
        assert self._writer is not None
        self._writer.add_text("recipe", "".join(f"    {line}\n" for line in text.splitlines()), done)

    def _open(self, folder: Path, step: int) -> None:
        """Opens an event file that drops what earlier ones say of `step` and later steps."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=step if folder.exists() else None)

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        """Writes scalars."""
        if self._writer is None:
            return
        if not any("." in name for name in values):  # of training: metrics of the end may be of an earlier, best step
            if step < self._latest:  # training diverged and went back
                self._writer.close()
                self._open(Path(self._writer.log_dir), step)
            self._latest = step
        for name, value in values.items():
            self._writer.add_scalar(tag_of(name), value, step)

    def on_picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Writes a picture; pictures of one kind, such as step-000100, under one name."""
        if self._writer is None or not self.pictures or step < self._begun_at:
            return
        self._writer.add_image(f"samples/{kind_of(name)}", np.asarray(picture.convert("RGB")), step, dataformats="HWC")
        self._writer.flush()

    def on_end(self, folder: Path) -> None:
        """Closes the event file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
