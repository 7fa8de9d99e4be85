"""One (separable) DCGAN for each protein, none of which knows of the others (Osokin et al. 2017, section 6.2)."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from gantk.spec import DataSpec
from gantk_cells.nets.generator_towers import GeneratorTowers
from gantk_cells.nets.layers import Initialisation, Normalisation, image_shape, red_and_green_latent
from gantk_cells.nets.red_and_green import PerChannel


class IndependentGenerator(nn.Module):
    """One DCGAN for each protein: K images of K different cells, though all start from the same latent.

    Osokin et al. 2017, section 6.2 ("independent"); with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W).
        latent: length of the latent.
        width: channels of each net before the last layer; each layer before has twice as many.
        normalisation: before each ReLU; "layer" is over all channels of a net, "instance" over each channel.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes.
        bias: gives the last layer a bias (the paper has none).
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
        fused: computes the nets as one grouped convolution, not one after another: the same mathematics. By default
            on a GPU, and on a CPU where they are narrower than 12.

    Raises:
        DoesNotFit: samples without classes as units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 100,
        width: Annotated[int, Ge(1)] = 64,
        normalisation: Normalisation = "batch",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
        fused: bool | None = None,
    ):
        super().__init__()
        towers, channels, _, _ = image_shape(spec, 1, "the independent generator")
        self.latent_shape = (latent,)
        self.net = GeneratorTowers(
            spec,
            towers,
            channels,
            latent=latent,
            width=width,
            red_portion=None,
            normalisation=normalisation,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, channels, H, W)."""
        return self.net(latent)


class IndependentSeparableGenerator(nn.Module):
    """One separable DCGAN for each protein: each draws a red channel that does not depend on green's latent.

    Osokin et al. 2017, section 6.2 ("independent-separable"); with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W), the first channel red.
        latent: length of the latent, red and green part together.
        width: channels of each net, red and green, before the last layer; each layer before has twice as many.
        red_portion: share of the latent and of the features that is red.
        normalisation: before each ReLU; over all channels of a net would let green into red, so that is no choice.
        smooth: draws through a fixed filter (1, 2, 1)/4 along y and x, which no checkerboard of period 2 passes.
        bias: gives the last layer a bias (the paper has none).
        initialisation: "dcgan": weights from N(0, .02), scales from N(1, .02); "default": as PyTorch starts them.
        fused: computes the nets as one grouped convolution, not one after another: the same mathematics. By default
            on a GPU, and on a CPU where they are narrower than 12.

    Raises:
        DoesNotFit: samples without classes as units, a single channel, or sizes that cannot be halved.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(2)] = 100,
        width: Annotated[int, Ge(2)] = 64,
        red_portion: Annotated[float, Gt(0), Lt(1)] = 0.5,
        normalisation: PerChannel = "batch",
        smooth: bool = False,
        bias: bool = False,
        initialisation: Initialisation = "dcgan",
        fused: bool | None = None,
    ):
        super().__init__()
        towers, channels, _, _ = image_shape(spec, 1, "the independent separable generator")
        self.latent_shape = (latent,)
        self.net = GeneratorTowers(
            spec,
            towers,
            channels,
            latent=latent,
            width=width,
            red_portion=red_portion,
            normalisation=normalisation,
            smooth=smooth,
            bias=bias,
            initialisation=initialisation,
            fused=fused,
        )
        self.latent_parts = red_and_green_latent(self.net.latent)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, K, channels, H, W)."""
        return self.net(latent)
