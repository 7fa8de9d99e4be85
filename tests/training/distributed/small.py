"""A small game in float64, played by one rank or several: what ranks are compared on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from gantk_basics.losses.gan import Gan, Hinge
from gantk_basics.losses.wasserstein import WganGp
from torch import Tensor, nn

from gantk.data import Resident
from gantk.interfaces import Loss
from gantk.spec import DataSpec
from gantk.training import TrainSettings
from gantk.training.distributed.ranks import ALONE, Ranks
from gantk.training.loop import train
from gantk.training.state import State, trainable_parameters
from gantk.training.weight_average import average_of

SPEC = DataSpec(shape=(2, 1, 4, 4), axes=("unit", "channel", "y", "x"), unit_axes=1)
LOSSES = {
    "gan_r1": lambda: Gan(r1=1.0, label_noise=0.2),
    "wgan_gp": lambda: WganGp(penalty=10.0),
    "hinge": lambda: Hinge(),
}
STEPS, BATCH = 4, 8


class Maker(nn.Module):
    """Latents to samples, perhaps with batch normalisation."""

    latent_shape = (3,)

    def __init__(self, batch_norm: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 6), nn.Linear(6, 32)
        self.norm = nn.BatchNorm1d(6) if batch_norm else nn.Identity()
        self.register_buffer("constant", torch.tensor(0.1))

    def forward(self, latent: Tensor) -> Tensor:
        return self.second(torch.tanh(self.norm(self.first(latent)))).tanh().reshape(-1, *SPEC.shape)


class Judge(nn.Module):
    """Samples to a score for each unit."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(32, 6), nn.Linear(6, 2)

    def forward(self, samples: Tensor) -> Tensor:
        return self.second(nn.functional.softplus(self.first(samples.flatten(1))))


@contextmanager
def float64() -> Iterator[None]:
    """Everything that is made inside it is of double precision."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def played(
    name: str, ranks: Ranks = ALONE, *, steps: int = STEPS, batch_norm: bool = False
) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    """All tensors of the state after some steps, and the terms of each step."""
    with float64():
        torch.manual_seed(1)
        generator, critic, loss = Maker(batch_norm), Judge(), LOSSES[name]()
        data = Resident(SPEC, torch.randn(30, *SPEC.shape), flips=("x", "y"))
        state = state_of(generator, critic, loss)
        lines = train(
            state,
            data,
            TrainSettings(seed=5, steps=steps, batch=BATCH, critic_steps=2, ema_decay=0.9, clip_gradients=0.5),
            ranks=ranks,
        )
        terms = [{key: float(value) for key, value in line.items()} for line in lines]
        modules = {"generator": generator, "critic": critic, "ema": state.ema}
        return {
            f"{module}.{key}": value.numpy().copy()
            for module, net in modules.items()
            for key, value in net.state_dict().items()
        }, terms


def state_of(generator: nn.Module, critic: nn.Module, loss: Loss) -> State:
    """A state before the first step, with Adam on both sides."""
    return State(
        generator,
        critic,
        loss,
        average_of(generator),
        torch.optim.Adam(trainable_parameters(generator, loss, "with_generator"), lr=1e-2),
        torch.optim.Adam(trainable_parameters(critic, loss, "with_critic"), lr=1e-2),
    )
