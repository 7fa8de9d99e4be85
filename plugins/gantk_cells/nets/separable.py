"""Separable generator and its critic (Osokin et al. 2017, section 4.1): red is drawn without a look at green."""

from typing import Any

import torch
from torch import Tensor

from gantk.spec import DataSpec
from gantk_cells.nets.critic_towers import TowersCritic
from gantk_cells.nets.layers import image_shape
from gantk_cells.nets.red_and_green import RedAndGreenGenerator


class SeparableGenerator(RedAndGreenGenerator):
    """A red tower that sees only the red part of the latent and of the features, and a green tower that sees both.

    Osokin et al. 2017, section 4.1 and figure 3; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (channels, H, W), the first channel red.
        options: of `RedAndGreenGenerator`.

    Raises:
        DoesNotFit: samples with units, a single channel, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(self, spec: DataSpec, **options: Any):
        _, channels, _, _ = image_shape(spec, 0, "the separable generator")
        super().__init__(spec, 1, channels - 1, None, **options)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, channels, H, W)."""
        return torch.cat(self.net(latent), 1)


class SeparableCritic(TowersCritic):
    """One DCGAN critic tower that sees all channels: in the paper only the generator is separable.

    Osokin et al. 2017, section 4; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (channels, H, W).
        options: of `TowersCritic`.

    Raises:
        DoesNotFit: samples with units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(self, spec: DataSpec, **options: Any):
        super().__init__(image_shape(spec, 0, "the separable critic"), False, **options)

    def features(self, samples: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, F), the last convolution's output."""
        return self.net.features(samples[:, None])[:, 0]

    def head(self, features: Tensor) -> Tensor:
        """(B, F) to scores (B,)."""
        return self.net.head(features[:, None])[:, 0]

    def forward(self, samples: Tensor) -> Tensor:
        """(B, channels, H, W) to scores (B,)."""
        return self.head(self.features(samples))
