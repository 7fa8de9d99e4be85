"""R3GAN (Huang et al. 2024): scores are compared in pairs, with zero-centred gradient penalties on both sides."""

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.autograd import leaf, unit_gradient_norms
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, has_batch_statistics, require_second_order
from gantk.spec import DataSpec


class Relativistic(Loss):
    """The relativistic pairing loss with R1 and R2.

    Critic: E softplus(-(D(x) - D(G(z)))) + γ/2 E‖∇D(x)‖² + γ/2 E‖∇D(G(z))‖². Generator: E softplus(-(D(G(z)) - D(x))).
    Jolicoeur-Martineau 2019; Huang et al. 2024, "The GAN is dead; long live the GAN!", equations 2 to 4.

    Args:
        gamma: weight of both gradient penalties.
    """

    def __init__(self, *, gamma: Annotated[float, Ge(0)] = 1.0):
        super().__init__()
        self.gamma = gamma

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: a critic whose gradients a penalty cannot use.
        """
        if self.gamma:
            require_second_order(critic, "R1 and R2", "loss.gamma=0")
        if self.gamma and has_batch_statistics(critic):
            raise DoesNotFit("R1 and R2 need each sample's own gradient: a critic without batch normalisation")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Real above fake, pair by pair, with small gradients at both."""
        of_real, real_norms = unit_gradient_norms(play, leaf(play.real))
        of_fake, fake_norms = unit_gradient_norms(play, leaf(play.fake))
        return {
            "critic": play.mean(softplus(of_fake - of_real)),
            "r1": self.gamma / 2 * play.mean(real_norms**2),
            "r2": self.gamma / 2 * play.mean(fake_norms**2),
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Fake above real."""
        real, fake = play.score(play.real), play.score(play.fake)
        return {"generator": play.mean(softplus(real - fake))}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, 0, 0.99), one critic update a step."""
        return adam_defaults(2e-4, (0.0, 0.99))
