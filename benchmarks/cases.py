"""What is timed: nets, losses and data of one size, as gantk runs them and as the baselines do."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import yaml
from torch import nn

from benchmarks.baselines.tower_loop import StarShaped, TowerCritics, TowerLoop
from benchmarks.baselines.tutorial import Tutorial
from gantk.data import Resident
from gantk.machine import keep_freed_memory
from gantk.recipe.recipe import recipe_from_text
from gantk.spec import DataSpec
from gantk.training import TrainSettings, from_recipe
from gantk.training.loop import train
from gantk.training.state import State

CELLS = {"axes": ("channel", "y", "x")}
KINDS: dict[str, dict[str, Any]] = {
    "dcgan": {"use": "basics/dcgan"},
    "separable": {"use": "cells/separable"},
    "starshaped": {"use": "cells/starshaped", "critic": "cells/per_class"},
    "motif": {"use": "motif/dcgan1d"},
    "dna": {"use": "dna/killoran"},
}


@dataclass(frozen=True)
class Case:
    """One training step of one size.

    Args:
        kind: which nets; see KINDS.
        loss: gan, wgan or wgan_gp, with gantk's default optimisers and critic updates.
        shape: of one sample; four axes mean proteins as units.
        width: of the nets; None: their default.
        batch: samples in a batch.
        samples: in the data set.
    """

    kind: str
    loss: str
    shape: tuple[int, ...] = (2, 48, 80)
    width: int | None = None
    batch: int = 64
    samples: int = 512

    @property
    def name(self) -> str:
        """What the case is called in tables."""
        size = " × ".join(map(str, self.shape))
        width = f", width {self.width}" if self.width else ""
        batch = f", batch {self.batch}" if self.batch != 64 else ""
        return f"{self.kind} {self.loss}, {size}{width}{batch}"

    @property
    def spec(self) -> DataSpec:
        """What one sample is."""
        axes = {4: ("protein", "channel", "y", "x"), 3: ("channel", "y", "x"), 2: ("letter", "position")}
        return DataSpec(
            shape=self.shape,
            axes=axes[len(self.shape)],
            unit_axes=int(len(self.shape) == 4),
            range=(0.0, 1.0) if self.kind == "dna" else (-1.0, 1.0),
            categorical=self.kind == "dna",
        )

    def data(self) -> Resident:
        """Random data: what they show does not change the time."""
        rng = torch.Generator().manual_seed(0)
        if self.kind == "dna":
            letters = torch.randint(4, (self.samples, self.shape[1]), generator=rng)
            return Resident(self.spec, torch.nn.functional.one_hot(letters, 4).transpose(1, 2).float())
        top = 1 if self.kind == "motif" else 255
        stored = torch.randint(top + 1, (self.samples, *self.shape), generator=rng, dtype=torch.uint8)
        return Resident(self.spec, stored, top=top)

    def values(self) -> dict[str, Any]:
        """The resolved recipe."""
        kind = KINDS[self.kind]
        width = {"width": self.width} if self.width else {}
        recipe = {
            "seed": 0,
            "data": {"use": "basics/ring"},  # replaced by `data()`
            "generator": {"use": kind["use"], **width},
            "critic": {"use": kind.get("critic", kind["use"]), **width},
            "loss": {"use": f"basics/{self.loss}"},
            "train": {"steps": 1_000_000, "batch": self.batch},
        }
        return recipe_from_text(yaml.safe_dump(recipe), name=self.kind).values

    def state(self) -> State:
        """Nets and optimisers as gantk builds them."""
        return from_recipe.initial_state(self.values(), self.spec, "cpu")

    def baseline(self, state: State) -> Tutorial:
        """The plain loop with nets of the same weights: over towers where there are several, else the tutorial's."""
        data = self.data()
        samples = data.batch(torch.arange(len(data)), None).samples
        settings: dict[str, Any] = {
            "loss": self.loss,
            "batch": self.batch,
            "critic_steps": self.values()["play"]["critic_steps"],
        }
        if self.spec.unit_axes:
            generator = StarShaped(self.shape[0], state.generator.latent_shape[0], self.width or 64)
            critic = TowerCritics(self.shape[0], self.width or 64)
            pair = generator.copy_from(state.generator.net), critic.copy_from(state.critic.net)
            return TowerLoop(*pair, samples, **settings)
        return Tutorial(plain(state.generator), plain(state.critic), samples, **settings)


def plain(net: nn.Module) -> nn.Module:
    """A copy of the net in torch's usual memory format, with nothing computed in place, as a tutorial has it.

    Args:
        net: of gantk's.
    """
    copied = copy.deepcopy(net)
    for module in copied.modules():
        if hasattr(module, "memory_format"):
            module.memory_format = torch.contiguous_format
        if isinstance(module, nn.ReLU | nn.LeakyReLU):
            module.inplace = False
    return copied.to(memory_format=torch.contiguous_format)


TARGETS = {"starshaped wgan_gp 16": 1.5, "starshaped wgan_gp 64": 1.2, "other": 1.1, "package": 1.2}


def steps(case: Case, state: State, data: Resident) -> Iterator[Any]:
    """gantk's loop over this case."""
    values = case.values()
    return train(state, data, replace(TrainSettings.from_recipe(values, 0), seed=0, steps=10**9, batch=case.batch))


def as_in_a_run(loop: Iterator[Any]) -> Callable[[], None]:
    """A step of gantk's loop, with what `gantk run` has the C library do with freed memory, and other loops do not."""

    def step() -> None:
        keep_freed_memory(True)
        next(loop)
        keep_freed_memory(False)

    return step
