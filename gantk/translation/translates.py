"""`translate` of a loaded model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gantk.spec import DataSpec
from gantk.translation.translator import PictureTranslator


class Translates:
    """What a model whose samples are pictures made from pictures does beside sampling."""

    spec: DataSpec
    device: torch.device

    @property
    def generator(self) -> nn.Module:
        """The net that samples come from."""
        raise NotImplementedError

    def translate(self, array: NDArray[Any], **options: Any) -> NDArray[np.float32]:
        """A picture of any size from another one, in the units of the files it was trained on.

        Large ones are translated in tiles that overlap, without seams.

        Args:
            array: (C, H, W), or (H, W) of one channel, in the units of the files; where the run does not know these,
                as the net sees it.
            options: see `translator`; of several draws this is the mean.

        Returns:
            (C', H, W), in the units of the target.

        Raises:
            DoesNotFit: no such model, or another number of channels.
        """
        return self.translator(**options).translate(array)[0]

    def translate_draws(
        self, array: NDArray[Any], draws: int, **options: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of several draws of the noise, each (C', H, W), in the units of the target.

        Args:
            array: as for `translate`.
            draws: how many, from 2.
            options: see `translator`.
        """
        mean, spread = self.translator(draws=draws, **options).translate(array)
        return mean, np.zeros_like(mean) if spread is None else spread

    def translator(self, **options: Any) -> PictureTranslator:
        """What translates pictures strip by strip, which need not fit into memory.

        Args:
            options: `to`: of two domains which is wanted; `tile` and `overlap`, pixels, multiples of the generator's
                `size_step`; `draws` and `seed` of the noise.
        """
        return PictureTranslator(self.generator, self.spec, self.device, **options)
