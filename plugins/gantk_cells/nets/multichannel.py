"""One DCGAN that draws a red channel and all K green ones at once (Osokin et al. 2017, section 6.2).

The paper's separable one is `cells/separable` on the same stacks.
"""

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_cells.nets.generator_towers import GeneratorTowers
from gantk_cells.nets.layers import Initialisation, Normalisation
from gantk_cells.stack import is_stack


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
        if not is_stack(spec):
            raise DoesNotFit(
                "the multi-channel generator draws one red channel and a green one for each protein; these samples are "
                f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)}): choose `layout: composite`"
            )
        self.latent_shape = (latent,)
        self.net = GeneratorTowers(
            spec,
            1,
            spec.shape[0],
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
