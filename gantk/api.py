"""gantk from Python: `run = gantk.run("toy_motif", overrides={"train.steps": 100}); run.sample(16)`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from gantk import build, checkpoint, evaluate, plots, runs
from gantk import sample as sampling
from gantk.device import choose
from gantk.errors import GantkError
from gantk.folder import RunFolder
from gantk.interfaces import Samples
from gantk.recipe import from_text
from gantk.recipe import load as load_recipe


class Model:
    """What a checkpoint holds, ready to sample: neither the data nor the run folder is needed.

    Args:
        path: a checkpoint file, or a run folder (its best checkpoint where there is one, else its newest).
        device: "auto", "cpu", "cuda" or "mps".

    Raises:
        GantkError: no such file, damaged, or made with a plugin that is not installed.
    """

    def __init__(self, path: str | Path, device: str = "auto"):
        self.checkpoint = checkpoint.read(sampling.checkpoint_of(Path(path)))
        self.spec = self.checkpoint.spec
        self.recipe = from_text(self.checkpoint.recipe, name=self.checkpoint.path.stem)
        self.device = choose(device)
        self.state = build.state(self.recipe.values, self.spec, self.device)
        checkpoint.restore(self.checkpoint, self.state)

    def sample(self, n: int, *, seed: int = 0, reject: int = 1, raw: bool = False) -> Samples:
        """n generated samples.

        Args:
            n: how many.
            seed: of the latents.
            reject: draw this many times as many and keep those that the critic ranks highest.
            raw: as the critic saw them; otherwise as the generator presents them (a star-shaped net: a stack a cell).
        """
        generator = self.state.sampled()
        if generator is None:
            raise GantkError(f"{self.checkpoint.path}: has no generator to sample from")
        drawn = sampling.draw(generator, self.spec, n * reject, seed=seed, device=self.device)
        if reject > 1:
            drawn = sampling.best_of(drawn, self.state.critic, n, device=self.device)
        drawn.attributes |= {"model": self.checkpoint.digest, "step": self.checkpoint.step, "reject": reject}
        return drawn if raw else sampling.present(generator, drawn)


class Run:
    """A run folder.

    Args:
        path: the folder.

    Raises:
        FileError: there is no run in it.
    """

    def __init__(self, path: str | Path):
        self.folder = RunFolder(Path(path))

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder.path

    @cached_property
    def model(self) -> Model:
        """The model of the best checkpoint where one was kept, else of the newest."""
        return Model(self.path)

    def sample(self, n: int, *, seed: int = 0, reject: int = 1, raw: bool = False) -> Samples:
        """n generated samples; see `Model.sample`."""
        return self.model.sample(n, seed=seed, reject=reject, raw=raw)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl."""
        return list(self.folder.lines())

    @property
    def evaluation(self) -> evaluate.Results:
        """The metric table of the end of the run, entry to name to Value; empty before that."""
        if not self.folder.evaluation.exists():
            return {}
        return evaluate.from_json(json.loads(self.folder.evaluation.read_text(encoding="utf-8"))["values"])

    def curves(self) -> Image.Image:
        """Training curves as a picture."""
        return plots.to_image(plots.curves(self.folder.lines()))

    def _repr_png_(self) -> bytes | None:
        picture = self.folder.samples / "generated.png"
        return picture.read_bytes() if picture.exists() else None

    def __repr__(self) -> str:
        return f"gantk.Run({str(self.path)!r})"


def run(recipe: str | Path, overrides: Mapping[str, Any] | Sequence[str] = (), *, out: str | Path | None = None) -> Run:
    """Trains a recipe from the first step to the report.

    Args:
        recipe: a file, or the name of a shipped recipe.
        overrides: {"train.steps": 100} or ["train.steps=100"].
        out: the run folder to make; None: the next free runs/<name>-<number>.
    """
    return Run(runs.start(load_recipe(recipe, overrides), None if out is None else Path(out)).path)


def resume(path: str | Path, overrides: Mapping[str, Any] | Sequence[str] = ()) -> Run:
    """Goes on where a run stopped; `overrides` may raise train.steps."""
    return Run(runs.resume(Path(path), overrides).path)


def load(path: str | Path) -> Model:
    """The model in a run folder or checkpoint file, ready to sample."""
    return Model(path)
