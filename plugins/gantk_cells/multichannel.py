"""One (separable) DCGAN that draws a red channel and all K green ones at once (Osokin et al. 2017, section 6.2)."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_cells.generator_towers import GeneratorTowers
from gantk_cells.red_and_green import PerChannel, RedAndGreen, Upsampling
from gantk_cells.stack import is_stack
from gantk_cells.towers import Initialisation, Normalisation, red_and_green_latent


def channels_of(spec: DataSpec, net: str) -> int:
    """How many channels a stack has: 1 + K.

    Args:
        spec: what one sample is.
        net: its name in the error.

    Raises:
        DoesNotFit: samples are no stacks of one red and K green channels.
    """
    if not is_stack(spec):
        raise DoesNotFit(
            f"{net} draws one red channel and a green one for each protein; these samples are "
            f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)}): choose `layout: composite`"
        )
    return spec.shape[0]


class MultichannelGenerator(nn.Module):
    """One DCGAN that draws the red channel of a cell and the green ones of all proteins.

    Osokin et al. 2017, section 6.2 ("multi-channel"); with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (1 + K, H, W), of layout `composite`.
        latent: length of the latent.
        width: channels before the last layer; each layer before has twice as many.
        normalisation: before each ReLU; "layer" is over all channels, "instance" over each.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes.
        bias: gives the last layer a bias (the paper has none).
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.

    Raises:
        DoesNotFit: samples of another layout, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 350,
        width: Annotated[int, Ge(1)] = 224,
        normalisation: Normalisation = "batch",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
    ):
        super().__init__()
        self.latent_shape = (latent,)
        self.net = GeneratorTowers(
            spec,
            1,
            channels_of(spec, "the multi-channel generator"),
            latent=latent,
            width=width,
            red_portion=None,
            normalisation=normalisation,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=True,
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, 1 + K, H, W)."""
        return self.net(latent)[:, 0]


class MultichannelSeparableGenerator(nn.Module):
    """One separable DCGAN: a red tower, and one green tower that sees red and draws the green of all proteins.

    Osokin et al. 2017, section 6.2 ("multi-channel-separable"); with the defaults the paper's layers and start.

    Args:
        spec: what one sample is: (1 + K, H, W), of layout `composite`.
        latent: length of the latent, red and green part together.
        width: channels, red and green, before the last layer; each layer before has twice as many.
        red_portion: share of the latent and of the features that is red; the paper's 1/7 is .143 in its code.
        layers: extra 3 x 3 layers before the last one.
        normalisation: before each ReLU; "instance" is over each channel of a sample.
        upsampling: "transposed" convolutions (4 x 4, stride 2), or "nearest": each pixel twice, then 3 x 3.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes.
        bias: gives the last layer a bias (the paper has none).
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.

    Raises:
        DoesNotFit: samples of another layout, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(2)] = 350,
        width: Annotated[int, Ge(2)] = 224,
        red_portion: Annotated[float, Gt(0), Lt(1)] = 0.143,
        layers: Annotated[int, Ge(0)] = 0,
        normalisation: PerChannel = "batch",
        upsampling: Upsampling = "transposed",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
    ):
        super().__init__()
        self.latent_shape = (latent,)
        self.net = RedAndGreen(
            spec,
            1,
            channels_of(spec, "the multi-channel separable generator") - 1,
            latent=latent,
            width=width,
            red_portion=red_portion,
            layers=layers,
            normalisation=normalisation,
            upsampling=upsampling,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=True,
        )
        self.latent_parts = red_and_green_latent(self.net.latent)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, 1 + K, H, W)."""
        return torch.cat(self.net(latent), 1)
