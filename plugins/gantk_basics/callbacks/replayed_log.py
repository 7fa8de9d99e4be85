"""What callbacks share that write a run into another program's store, each step once, whatever the run went through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from gantk.files import read_lines
from gantk.interfaces import Callback

NOT_MEASURED = {"step", "seconds", "diverged_at", "rate"}
"""Numbers in metrics.jsonl that are not measured."""


class ReplayedLog(Callback):
    """A callback whose store cannot forget steps: it begins a new one where steps are repeated, from metrics.jsonl.

    gantk cuts metrics.jsonl back when a run is resumed or training goes back behind a divergence, so it holds what is
    true so far. A subclass says how to `open` a store, `write` numbers and a `picture` into it, and `close` it.

    Args:
        pictures: whether sample pictures are written, too.
    """

    def __init__(self, *, pictures: bool):
        self.pictures = pictures
        self._folder: Path | None = None
        self._recipe: Mapping[str, Any] = {}
        self._latest = 0

    def open(self, folder: Path, recipe: Mapping[str, Any], done: int) -> int:
        """Opens a store for a run that has done `done` steps; returns the step up to which it holds them, -1: none."""
        raise NotImplementedError

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Takes numbers of a step, under their tags; steps come in order, but for those of the test split."""
        raise NotImplementedError

    def picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Takes a picture."""
        raise NotImplementedError

    def close(self) -> None:
        """Writes what is left, and closes the store."""
        raise NotImplementedError

    def on_start(self, folder: Path, recipe: Mapping[str, Any]) -> None:
        """Opens the store, and fills in what it lacks of steps that were done before."""
        self._recipe = recipe
        self._begin(folder)

    def _begin(self, folder: Path) -> None:
        self._folder = None  # as long as there is no store
        lines = sorted(read_lines(folder / "metrics.jsonl", {"step": int}), key=lambda line: line["step"])
        done = self._latest = max((line["step"] for line in lines), default=0)
        held = self.open(folder, self._recipe, done)
        self._folder = folder
        pictures = pictures_before(folder, done) if self.pictures and done else iter(())
        following = next(pictures, None)
        for line in lines:
            while following and following[0] < line["step"]:
                self._replay(held, *following)
                following = next(pictures, None)
            values = {
                tag_of(name): value
                for name, value in line.items()
                if isinstance(value, int | float) and name not in NOT_MEASURED
            }
            if line["step"] > held and values:
                self.write(line["step"], values)
        while following:
            self._replay(held, *following)
            following = next(pictures, None)

    def _replay(self, held: int, step: int, path: Path) -> None:
        if step > held:
            with Image.open(path, formats=["PNG"]) as picture:
                self.picture(step, kind_of(path.stem), picture.convert("RGB"))

    def on_log(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers; where training diverged and went back, begins a new store."""
        if self._folder is None:
            return
        if not any("." in name for name in values):  # of training: metrics of the end may be of an earlier, best step
            if step < self._latest:
                self.close()
                self._begin(self._folder)
            self._latest = step
        self.write(step, {tag_of(name): value for name, value in values.items()})

    def on_picture(self, step: int, name: str, picture: Image.Image) -> None:
        """Writes a picture; pictures of one kind, such as step-000100, under one name."""
        if self._folder is not None and self.pictures and (step or not self._latest):
            self.picture(step, kind_of(name), picture.convert("RGB"))

    def on_end(self, folder: Path) -> None:
        """Closes the store."""
        if self._folder is not None:
            self._folder = None
            self.close()


def pictures_before(folder: Path, step: int) -> Iterator[tuple[int, Path]]:
    """Step and file of the pictures that a run drew of its data, and of its samples up to a step, in order."""
    data = folder / "samples" / "data.png"
    if data.exists():
        yield 0, data
    numbered = [(int(path.stem.removeprefix("step-")), path) for path in (folder / "samples").glob("step-*.png")]
    yield from sorted(each for each in numbered if each[0] <= step)


def kind_of(name: str) -> str:
    """Under which name a picture stands: those over training have one."""
    return "over_training" if name.startswith("step-") else name


def tag_of(name: str) -> str:
    """The tag of a number, whose part before "/" is a group: "training/r1", "motif_rate/hits"."""
    entry, dot, value = name.partition(".")
    return f"{entry}/{value}" if dot else f"training/{name}"


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """A recipe's values by their keys as overrides name them: {"evaluate.0.samples": 200}."""
    inner = values if isinstance(values, Mapping) else dict(enumerate(values)) if isinstance(values, list) else None
    if not inner:
        return {prefix: values} if prefix else {}
    return {
        key: value
        for name, each in inner.items()
        for key, value in flat(each, f"{prefix}.{name}" if prefix else str(name)).items()
    }
