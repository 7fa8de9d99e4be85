"""A trained GAN for design: from a run, from a checkpoint, or trained first, as an ordinary run beside the designs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gantk
from gantk import Model, console
from gantk.errors import DoesNotFit
from gantk.recipe import ENDINGS
from gantk.training import State, write_checkpoint
from gantk_dna.design.blocks_inside import in_part


@dataclass
class TrainedGan:
    """A trained GAN.

    Args:
        state: nets and optimisers.
        digest: of its checkpoint.
        batch: sequences in a batch of its training.
        model: what the checkpoint held.
    """

    state: State
    digest: str
    batch: int
    model: Model

    def keep(self, path: Path) -> str:
        """Writes a checkpoint of the GAN as it is now, for `gantk sample`, and returns its digest."""
        read = self.model.checkpoint
        write_checkpoint(path, self.state, recipe=read.recipe, spec=read.spec, plugins=read.plugins)
        return Model(path, "cpu").checkpoint.digest


def model_of(name: str, folder: Path, overrides: Sequence[str] = ()) -> TrainedGan:
    """The GAN in a run folder or a checkpoint, or that of a recipe: a .yaml file, or the name of one.

    Args:
        name: of the run, the checkpoint or the recipe.
        folder: where a recipe is trained, as an ordinary run; what is there is gone on with.
        overrides: of the recipe: ["data.path=FILE"].

    Args:
        name: of the run, the checkpoint or the recipe.
        overrides: of the recipe: ["data.path=FILE"].

    Raises:
        GantkError: there is nothing of that name, or it cannot be trained or read.
    """
    path = Path(name)
    if not path.exists() or path.suffix.lower() in ENDINGS:
        with in_part(f"the generator's recipe {name}", "'generator_overrides=[data.KEY=…]'"):
            _train(name, folder, overrides)
        path = folder
    elif overrides:
        raise DoesNotFit(f"generator_overrides change the recipe of a GAN, but {name} is trained already")
    model = Model(path, "cpu", optimizers=True)
    return TrainedGan(model.state, model.checkpoint.digest, model.recipe.values["train"]["batch"], model)


def _train(name: str, folder: Path, overrides: Sequence[str]) -> None:
    """Trains a recipe in a folder, as far as that is not done."""
    if not (folder / "resolved.yaml").is_file():
        console.say(f"training the GAN first: {name}, in {folder}")
        gantk.run(name, list(overrides), out=folder)
    elif not gantk.Run(folder).report.exists():
        console.say(f"training the GAN further: {folder}")
        gantk.resume(folder)
    else:
        console.say(f"the GAN is that of {folder}")
