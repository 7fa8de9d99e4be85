"""One DCGAN that draws a red channel and all K green ones at once (Osokin et al. 2017, section 6.2).

The paper's separable one is `cells/separable` on the same stacks.
"""

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk_cells.nets.generator_towers import TowersGenerator
from gantk_cells.stack import is_stack


class MultichannelGenerator(TowersGenerator):
    """One DCGAN that draws the red channel of a cell and the green ones of all proteins.

    Osokin et al. 2017, section 6.2 ("multi-channel"); with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (1 + K, H, W), of layout `composite`.
        latent: length of the latent.
        width: channels before the last layer; each layer before has twice as many.
        options: of `TowersGenerator`.

    Raises:
        DoesNotFit: samples of another layout, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(1)] = 350,
        width: Annotated[int, Ge(1)] = 224,
        **options: Any,
    ):
        if not is_stack(spec):
            raise DoesNotFit(
                "the multi-channel generator draws one red channel and a green one for each protein; these samples are "
                f"{' x '.join(map(str, spec.shape))} ({', '.join(spec.axes)}): choose `layout: composite`"
            )
        super().__init__(spec, 1, spec.shape[0], None, True, latent=latent, width=width, **options)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, latent) to (B, 1 + K, H, W)."""
        return self.net(latent)[:, 0]
