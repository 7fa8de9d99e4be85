"""BS-GAN (Hjelm et al. 2018): the generator moves its samples to the critic's decision boundary, not beyond it."""

from typing import Annotated

from annotated_types import Ge
from gantk_basics.losses.gan import Gan
from torch import Tensor

from gantk.interfaces import Play


class BsGan(Gan):
    """The GAN loss for the critic; the generator minimises ½ E (log D(G(z)) - log(1 - D(G(z))))², half its score².

    At the best critic the score is the log density ratio, which is 0 where both densities are the same: a sample that
    passes for real too well is moved back, too. This is the paper's objective for continuous data; its importance
    weighted one for discrete data is not here: gantk's letters are soft, so that gradients pass.

    Hjelm et al. 2018, "Boundary-seeking generative adversarial networks", on continuous data.

    Args:
        r1: weight γ of the gradient penalty on real samples, as in basics/gan; 0 switches it off.
    """

    def __init__(self, *, r1: Annotated[float, Ge(0)] = 0.0):
        super().__init__(r1=r1)

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """How far the fakes are from the boundary."""
        return {"generator": play.mean(play.score(play.fake).square()) / 2}
