"""One (separable) DCGAN for each protein, none of which knows of the others (Osokin et al. 2017, section 6.2)."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from gantk.spec import DataSpec
from gantk_cells.nets.generator_towers import TowersGenerator
from gantk_cells.nets.layers import image_shape, red_and_green_latent
from gantk_cells.nets.red_and_green import PerChannel


class IndependentGenerator(TowersGenerator):
    """One DCGAN for each protein: K images of K different cells, though all start from the same latent.

    Osokin et al. 2017, section 6.2 ("independent"); with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W).
        fused: computes the nets as one grouped convolution, not one after another: the same mathematics. By default
            on a GPU, and on a CPU where they are narrower than 12.
        options: of `TowersGenerator`.

    Raises:
        DoesNotFit: samples without classes as units, or sizes that cannot be halved down to 4 or less.
    """

    def __init__(self, spec: DataSpec, *, fused: bool | None = None, **options: Any):
        towers, channels, _, _ = image_shape(spec, 1, "the independent generator")
        super().__init__(spec, towers, channels, None, fused, **options)


class IndependentSeparableGenerator(TowersGenerator):
    """One separable DCGAN for each protein: each draws a red channel that does not depend on green's latent.

    Osokin et al. 2017, section 6.2 ("independent-separable"); with the defaults the paper's layers and initialisation.

    Args:
        spec: what one sample is: (K, channels, H, W), the first channel red.
        latent: length of the latent, red and green part together.
        width: channels of each net, red and green, before the last layer; each layer before has twice as many.
        normalisation: before each ReLU; over all channels of a net would let green into red, so that is no choice.
        red_portion: share of the latent and of the features that is red.
        fused: computes the nets as one grouped convolution, not one after another: the same mathematics. By default
            on a GPU, and on a CPU where they are narrower than 12.
        options: of `TowersGenerator`.

    Raises:
        DoesNotFit: samples without classes as units, a single channel, or sizes that cannot be halved.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent: Annotated[int, Ge(2)] = 100,
        width: Annotated[int, Ge(2)] = 64,
        normalisation: PerChannel = "batch",
        red_portion: Annotated[float, Gt(0), Lt(1)] = 0.5,
        fused: bool | None = None,
        **options: Any,
    ):
        towers, channels, _, _ = image_shape(spec, 1, "the independent separable generator")
        shared = {"latent": latent, "width": width, "normalisation": normalisation, **options}
        super().__init__(spec, towers, channels, red_portion, fused, **shared)
        self.latent_parts = red_and_green_latent(self.net.latent)
