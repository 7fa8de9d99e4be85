"""An update that lies in fixed places, so that the same computation can be replayed on other numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gantk.interfaces import Batch
from gantk.interfaces.play import Play


class NotFixed(Exception):
    """An update that is not the same computation in every step."""


class FixedPlay(Play):
    """A Play whose real batch, latents and random draws keep their places, to be filled anew for each update.

    Args:
        first: an update of the same side, whose shapes it takes.
    """

    def __init__(self, first: Play):
        super().__init__(
            first.side,
            first.generator,
            first.critic,
            first.spec,
            lambda: first.data,
            batch=first.batch,
            seed=0,
            step=first.step,
            update=first.update,
            device=first.device,
            shared_forward=first._shared_forward,
            ranks=first._ranks,
        )
        labels, condition = (None if each is None else each.clone() for each in (first.labels, first.condition))
        self.data = Batch(first.real.clone(), labels, condition)
        self.latent = None if first.latent is None else first.latent.clone()
        self._first = first
        self._places: dict[tuple[Any, ...], Tensor] = {}

    @property
    def step(self) -> int:
        """Not to be asked for: what depends on it is another computation in another step."""
        raise NotFixed("it depends on the step")

    @step.setter
    def step(self, value: int) -> None:
        pass

    def rng(self, purpose: str) -> torch.Generator:
        """Not to be asked for: what is drawn from it has no fixed place."""
        raise NotFixed(f"it draws {purpose!r} otherwise than by play.uniform or play.normal")

    def uniform(self, *shape: int, purpose: str) -> Tensor:
        """The place of these numbers."""
        return self._place("uniform", shape, purpose)

    def normal(self, *shape: int, purpose: str) -> Tensor:
        """The place of these numbers."""
        return self._place("normal", shape, purpose)

    def _place(self, kind: str, shape: tuple[int, ...], purpose: str) -> Tensor:
        key = (kind, shape, purpose)
        if key not in self._places:
            self._places[key] = getattr(self._first, kind)(*shape, purpose=purpose)
        return self._places[key]

    def forget(self) -> None:
        """Forgets the fakes, which are to be made anew."""
        self.__dict__.pop("fake", None)

    def refill(self, play: Play) -> None:
        """Puts in the data and draws of another update.

        Args:
            play: of the same side.
        """
        for name in ("samples", "labels", "condition"):
            place = getattr(self.data, name)
            if place is not None:
                place.copy_(getattr(play.data, name))
        if self.latent is not None and play.latent is not None:
            self.latent.copy_(play.latent)
        for (kind, shape, purpose), place in self._places.items():
            place.copy_(getattr(play, kind)(*shape, purpose=purpose))
