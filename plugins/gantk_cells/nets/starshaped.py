"""Star-shaped generator and per-class critic (Osokin et al. 2017, section 4.2): one red tower, one green per class."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gantk.interfaces import Samples
from gantk.spec import DataSpec
from gantk_cells.nets.critic_towers import CriticTowers
from gantk_cells.nets.layers import Initialisation, Normalisation, image_shape, red_and_green_latent
from gantk_cells.nets.red_and_green import PerChannel, RedAndGreen, Upsampling
from gantk_cells.stack import stack


class StarShapedGenerator(nn.Module):
    """One red tower and one green tower per class, all from one latent: K images of the same cell.

    The red tower sees only the red part of the latent and of the features; each green tower sees that and its own
    green part. So all K images share their red channel, and it does not depend on the green part of the latent.

    Osokin et al. 2017, section 4.2 and figure 3; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W), the first channel red.
        latent: length of the latent, red and green part together.
        width: channels, red and green, before the last layer; each layer before has twice as many.
        red_portion: share of the latent and of the features that is red.
        layers: extra 3 x 3 layers before the last one.
        normalisation: before each ReLU; "instance" is over each channel of a sample.
        upsampling: "transposed" convolutions (4 x 4, stride 2), or "nearest": each pixel twice, then 3 x 3, which
            costs 1.4 times as much and in short trainings draws a woven pattern.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes; such
            patterns are what transposed convolutions tend to leave (Odena et al. 2016, distill.pub).
        bias: gives the last layer a bias (the paper has none); helps much to get the background right.
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
        fused: computes the green towers as one grouped convolution, not one after another: the same mathematics. By
            default on a GPU, and on a CPU where they are narrower than 12.

    Raises:
        DoesNotFit: samples without classes as units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(2)] = 100,
        width: Annotated[int, Ge(2)] = 64,
        red_portion: Annotated[float, Gt(0), Lt(1)] = 0.5,
        layers: Annotated[int, Ge(0)] = 0,
        normalisation: PerChannel = "batch",
        upsampling: Upsampling = "transposed",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
        fused: bool | None = None,
    ):
        super().__init__()
        self.towers, channels, _, _ = image_shape(spec, 1, "the star-shaped generator")
        self.green = channels - 1
        self.latent_shape = (latent,)
        self.net = RedAndGreen(
            spec,
            self.towers,
            self.green,
            latent=latent,
            width=width,
            red_portion=red_portion,
            layers=layers,
            normalisation=normalisation,
            upsampling=upsampling,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )
        self.latent_parts = red_and_green_latent(self.net.latent)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, channels, H, W)."""
        red, green = self.net(latent)  # (B, 1, H, W), (B, K * green, H, W)
        green = green.unflatten(1, (self.towers, self.green))
        return torch.cat([red[:, None].expand(-1, self.towers, -1, -1, -1), green], 2)

    def present(self, samples: Samples) -> Samples:
        """The pairs of each cell as one stack of 1 + K channels, (N, 1 + K, H, W): how `gantk sample` writes them."""
        return stack(samples)


class PerClassCritic(nn.Module):
    """One DCGAN critic tower per class, each judging the image of its own class.

    Osokin et al. 2017, section 4.2; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W).
        width: channels after the first convolution (4 x 4, stride 2); each later one has twice as many.
        layers: extra 3 x 3 convolutions after the first one.
        normalisation: after each convolution but the first; "layer" is over all channels of a tower, "instance" over
            each channel of a sample. Gradient penalties do not go with "batch".
        bias: gives the convolutions and the score biases (the paper has none); learns much faster with them.
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
        fused: computes the towers as one grouped convolution, not one after another: the same mathematics. By
            default on a GPU, and on a CPU where they are narrower than 12.

    Raises:
        DoesNotFit: samples without classes as units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: Annotated[int, Ge(1)] = 64,
        layers: Annotated[int, Ge(0)] = 0,
        normalisation: Normalisation = "none",
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
        fused: bool | None = None,
    ):
        super().__init__()
        self.net = CriticTowers(
            *image_shape(spec, 1, "the per-class critic"),
            width=width,
            layers=layers,
            normalisation=normalisation,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )

    def features(self, samples: Tensor) -> Tensor:
        """(B, K, channels, H, W) to (B, K, F), the last convolution's output."""
        return self.net.features(samples)

    def head(self, features: Tensor) -> Tensor:
        """(B, K, F) to scores (B, K)."""
        return self.net.head(features)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, K, channels, H, W) to scores (B, K)."""
        return self.head(self.features(samples))
