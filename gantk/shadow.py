"""An update played without memory: tensors of the meta device have shapes and no numbers."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from gantk.interfaces import Batch
from gantk.interfaces.play import Play
from gantk.spec import DataSpec


class ShadowPlay(Play):
    """What a loss sees of an update, of nets on the meta device.

    Args:
        side: whose update.
        generator: on the meta device, or None.
        critic: on the meta device.
        spec: the DataSpec of a sample.
        batch: samples in a batch.
    """

    def __init__(
        self,
        side: Literal["critic", "generator"],
        generator: nn.Module | None,
        critic: nn.Module,
        spec: DataSpec,
        batch: int,
    ):
        def fetch() -> Batch:
            return Batch(
                torch.empty((batch, *spec.shape)),
                torch.empty(batch, dtype=torch.int64) if spec.classes else None,
                None if spec.condition_shape is None else torch.empty((batch, *spec.condition_shape)),
            )

        cpu = torch.device("cpu")  # what a loss may ask for its type; tensors are made on the default device
        super().__init__(side, generator, critic, spec, fetch, batch=batch, seed=0, step=0, update=0, device=cpu)

    def rng(self, purpose: str) -> torch.Generator:
        """Nothing is drawn."""
        return torch.Generator("cpu")

    def uniform(self, *shape: int, purpose: str) -> Tensor:
        """A shape."""
        return torch.empty(shape)

    def normal(self, *shape: int, purpose: str) -> Tensor:
        """A shape."""
        return torch.empty(shape)

    @cached_property
    def latent(self) -> Tensor | None:
        """A shape, or None where the generator takes no latent."""
        shape = getattr(self.generator, "latent_shape", None)
        return None if shape is None else torch.empty((self.batch, *shape))
