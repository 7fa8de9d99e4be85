"""Resident images that training shows turned over and otherwise changed at random, as `augment` says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gantk.data import Resident
from gantk.spec import DataSpec
from gantk_basics.image_augmentation import Augmentation


class AugmentedImages(Resident):
    """Images (…, channel, y, x), augmented at random where a batch is given `rng`. A base class.

    Without `augment` it draws what `Resident` draws with the same `flips`, so that a run repeats bit for bit.

    Args:
        spec: what one sample is; each of its units is changed on its own.
        stored: as for `Resident`.
        augment: how; None: by the flips alone.
        flips: the axes along which images are turned over where `augment` does not say.
        options: as for `Resident`.
    """

    def __init__(
        self,
        spec: DataSpec,
        stored: Tensor,
        *,
        augment: Augmentation | None = None,
        flips: tuple[str, ...] = (),
        **options: Any,
    ):
        if augment is not None:
            augment.check(*spec.own_shape[-2:])
            flips = augment.flipped(flips)
        super().__init__(spec, stored, flips=flips, **options)
        self.augment = augment

    def finish(self, stored: Tensor, rng: torch.Generator | None) -> Tensor:
        """Stored values (B, *spec.shape) to samples: flips, scaling to spec.range, then `augment`."""
        samples = super().finish(stored, rng)
        if rng is None or self.augment is None:
            return samples
        low, high = self.spec.range or (0.0, float(self.top))
        images = samples.reshape(-1, *samples.shape[-3:])  # units as images of their own
        return self.augment.apply(images, (low, high), rng).reshape(samples.shape)

    @property
    def units_apart(self) -> bool:
        """Whether units are changed each on its own, so that metrics look at each on its own."""
        return self.spec.unit_axes > 0 and (bool(self.flips) or self.augment is not None)

    def variants(self, samples: Tensor) -> list[Tensor]:
        """Samples, or single units, as they are, turned over and turned by right angles in every way training shows.

        Shifts, angles between, brightness and noise make no list; a square that is turned by any angle is also turned
        by right ones, and an oblong one by two of them.

        Args:
            samples: (N, …), whose last axes are those of one unit.
        """
        found = super().variants(samples)
        rotations = None if self.augment is None else self.augment.rotations
        if rotations is None:
            return found
        square = samples.shape[-1] == samples.shape[-2]
        turned = [each.rot90(k, (-2, -1)) for k in ((1, 2, 3) if square else (2,)) for each in found]
        every = [*found, *turned]
        return every if not self.flips else _different(every, len(self.flips), square)


def _different(every: list[Tensor], flips: int, square: bool) -> list[Tensor]:
    """Those of all flips and turns that differ: half a turn is both flips."""
    if flips == 2:  # 4 flips; of the turns by 90° all 4 are new, those by 180° and 270° are these again
        return every[:8] if square else every[:4]
    return every  # one flip and the turns: 8 of a square, 4 of an oblong one
