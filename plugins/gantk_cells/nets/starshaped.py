"""Star-shaped generator and per-class critic (Osokin et al. 2017, section 4.2): one red tower, one green per class."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_cells.nets.critic_towers import TowersCritic
from gantk_cells.nets.layers import image_shape, red_and_green_latent
from gantk_cells.nets.red_and_green import RedAndGreenGenerator
from gantk_cells.stack import stack, with_proteins


class StarShapedGenerator(RedAndGreenGenerator):
    """One red tower and one green tower per class, all from one latent: K images of the same cell.

    The red tower sees only the red part of the latent and of the features; each green tower sees that and its own
    green part. So all K images share their red channel, and it does not depend on the green part of the latent.

    Osokin et al. 2017, section 4.2 and figure 3; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W), the first channel red.
        fused: computes the green towers as one grouped convolution, not one after another: the same mathematics. By
            default on a GPU, and on a CPU where they are narrower than 12.
        green_latent: "shared": one green part of the latent for all green towers, as in the paper; "own": one for
            each, so that given red the proteins of a cell are independent. No data tell which is right, see
            `cells/interplay`.
        options: of `RedAndGreenGenerator`.

    Raises:
        DoesNotFit: samples without classes as units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        fused: bool | None = None,
        green_latent: Literal["shared", "own"] = "shared",
        **options: Any,
    ):
        towers, channels, _, _ = image_shape(spec, 1, "the star-shaped generator")
        super().__init__(spec, towers, channels - 1, fused, **options)
        self.towers, self.green = towers, channels - 1
        if green_latent == "own":
            red, green = self.net.latent
            self.latent_shape = (red + towers * green,)
            self.latent_parts = red_and_green_latent((red, towers * green))

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, channels, H, W)."""
        red, green = self.net(latent)  # (B, 1, H, W), (B, K * green, H, W)
        green = green.unflatten(1, (self.towers, self.green))
        return torch.cat([red[:, None].expand(-1, self.towers, -1, -1, -1), green], 2)

    def latent_weights(self) -> dict[str, tuple[slice, Tensor]]:
        """The first layer's weights for the red part of the latent, and for each green part."""
        shared = super().latent_weights()
        red, green = self.net.latent
        if self.latent_shape == (red + green,):
            return shared
        parts = [slice(red + k * green, red + (k + 1) * green) for k in range(self.towers)]
        weights = self.net.first_green.unflatten(0, (self.towers, -1))  # (K, F, green)
        return {"red": shared["red"]} | {
            f"green {k + 1}": each for k, each in enumerate(zip(parts, weights, strict=True))
        }

    def pick_units(self, samples: Samples, numbers: Sequence[int]) -> Samples:
        """Samples of some proteins alone, by their numbers."""
        return with_proteins(samples, numbers)

    def present(self, samples: Samples) -> Samples:
        """The pairs of each cell as one stack of 1 + K channels, (N, 1 + K, H, W): how `gantk sample` writes them."""
        return stack(samples)


class PerClassCritic(TowersCritic):
    """One DCGAN critic tower per class, each scoring the image of its own class.

    Osokin et al. 2017, section 4.2; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W).
        fused: computes the towers as one grouped convolution, not one after another: the same mathematics. By
            default on a GPU, and on a CPU where they are narrower than 12.
        options: of `TowersCritic`.

    Raises:
        DoesNotFit: samples without classes as units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(self, spec: DataSpec, *, fused: bool | None = None, **options: Any):
        super().__init__(image_shape(spec, 1, "the per-class critic"), fused, **options)

    def features(self, samples: Tensor) -> Tensor:
        """(B, K, channels, H, W) to (B, K, F), the last convolution's output."""
        return self.net.features(samples)

    def head(self, features: Tensor) -> Tensor:
        """(B, K, F) to scores (B, K)."""
        return self.net.head(features)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, K, channels, H, W) to scores (B, K)."""
        return self.head(self.features(samples))
