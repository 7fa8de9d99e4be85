"""A trained GAN for design: from a run, from a checkpoint, or trained on the spot from its recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from gantk import Model, console
from gantk.errors import DoesNotFit
from gantk.recipe import ENDINGS, load
from gantk.training import State, TrainSettings, datasets, initial_state, train
from gantk_dna.design.blocks_inside import in_part


@dataclass
class TrainedGan:
    """A trained GAN.

    Args:
        state: nets and optimisers.
        digest: of the checkpoint, or of the weights.
        batch: sequences in a batch of its training.
    """

    state: State
    digest: str
    batch: int


def model_of(name: str, overrides: Sequence[str] = ()) -> TrainedGan:
    """The GAN in a run folder or a checkpoint, or trained now, from the recipe in a .yaml file or of this name.

    Args:
        name: of the run, the checkpoint or the recipe.
        overrides: of the recipe: ["data.path=FILE"].

    Raises:
        GantkError: there is nothing of that name, or it cannot be trained or read.
    """
    path = Path(name)
    if path.exists() and path.suffix.lower() not in ENDINGS:
        if overrides:
            raise DoesNotFit(f"generator_overrides change the recipe of a GAN, but {name} is trained already")
        model = Model(path, "cpu", optimizers=True)
        return TrainedGan(model.state, model.checkpoint.digest, model.recipe.values["train"]["batch"])
    values = load(name, overrides).values
    with in_part(f"the generator's recipe {name}", "'generator_overrides=[data.KEY=…]'"):
        data = datasets(values)["train"]
    settings = TrainSettings.from_recipe(values, len(data))
    state = initial_state(values, data.spec, "cpu")
    with console.training(0, settings.steps, "training the GAN") as display:
        for terms in train(state, data, settings):
            if state.step % 100 == 0 or state.step == settings.steps:
                display.show(state.step, {term: float(value) for term, value in terms.items()})
    generator = state.sampled()
    return TrainedGan(state, digest_of(generator if generator is not None else state.critic), settings.batch)


def digest_of(net: nn.Module) -> str:
    """A digest of the weights of a net: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for tensor in net.state_dict().values():
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
