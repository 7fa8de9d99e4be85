"""Separable generator and its critic (Osokin et al. 2017, section 4.1): red is drawn without a look at green."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gantk.spec import DataSpec
from gantk_cells.nets.critic_towers import CriticTowers
from gantk_cells.nets.layers import Initialisation, Normalisation, image_shape, red_and_green_latent
from gantk_cells.nets.red_and_green import PerChannel, RedAndGreen, Upsampling


class SeparableGenerator(nn.Module):
    """A red tower that sees only the red part of the latent and of the features, and a green tower that sees both.

    Osokin et al. 2017, section 4.1 and figure 3; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (channels, H, W), the first channel red.
        latent: length of the latent, red and green part together.
        width: channels, red and green, before the last layer; each layer before has twice as many.
        red_portion: share of the latent and of the features that is red.
        layers: extra 3 x 3 layers before the last one.
        normalisation: before each ReLU; "instance" is over each channel of a sample.
        upsampling: "transposed" convolutions (4 x 4, stride 2), or "nearest": each pixel twice, then 3 x 3, which
            costs 1.4 times as much and in short trainings draws a woven pattern.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes; such
            patterns are what transposed convolutions tend to leave (Odena et al. 2016, distill.pub).
        bias: gives the last layer a bias (the paper has none).
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.

    Raises:
        DoesNotFit: samples with units, a single channel, or sizes that cannot be halved down to 4 or less.
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
    ):
        super().__init__()
        _, channels, _, _ = image_shape(spec, 0, "the separable generator")
        self.latent_shape = (latent,)
        self.net = RedAndGreen(
            spec,
            1,
            channels - 1,
            latent=latent,
            width=width,
            red_portion=red_portion,
            layers=layers,
            normalisation=normalisation,
            upsampling=upsampling,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=None,
        )
        self.latent_parts = red_and_green_latent(self.net.latent)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, channels, H, W)."""
        return torch.cat(self.net(latent), 1)


class SeparableCritic(nn.Module):
    """One DCGAN critic tower that sees all channels: in the paper only the generator is separable.

    Osokin et al. 2017, section 4; with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (channels, H, W).
        width: channels after the first convolution (4 x 4, stride 2); each later one has twice as many.
        layers: extra 3 x 3 convolutions after the first one.
        normalisation: after each convolution but the first; "layer" is over all channels, "instance" over each
            channel of a sample. Gradient penalties do not go with "batch".
        bias: gives the convolutions and the score biases (the paper has none); learns much faster with them.
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.

    Raises:
        DoesNotFit: samples with units, or sizes that cannot be halved down to 4 or less.
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
    ):
        super().__init__()
        self.net = CriticTowers(
            *image_shape(spec, 0, "the separable critic"),
            width=width,
            layers=layers,
            normalisation=normalisation,
            bias=bias,
            initialisation=initialisation,
            fused=False,
        )

    def features(self, samples: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, F), the last convolution's output."""
        return self.net.features(samples[:, None])[:, 0]

    def head(self, features: Tensor) -> Tensor:
        """(B, F) to scores (B,)."""
        return self.net.head(features[:, None])[:, 0]

    def forward(self, samples: Tensor) -> Tensor:
        """(B, channels, H, W) to scores (B,)."""
        return self.head(self.features(samples))
