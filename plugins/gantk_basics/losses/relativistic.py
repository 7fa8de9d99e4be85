"""Scores compared in pairs of a real and a generated sample, with zero-centred gradient penalties on both (R3GAN)."""

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.autograd import leaf, unit_gradient_norms
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, has_batch_statistics, require_second_order
from gantk.spec import DataSpec


class Relativistic(Loss):
    """The relativistic pairing loss with R1 and R2, which is the loss of R3GAN.

    Critic: E softplus(-(D(x) - D(G(z)))) + γ/2 E‖∇D(x)‖² + γ/2 E‖∇D(G(z))‖². Generator: E softplus(-(D(G(z)) - D(x))).
    A pair is a real and a generated sample of the same place in the batch, unit by unit; the norms are those of each
    unit, in float32 or better. A critic cannot win by moving all scores, and no generated sample can be left behind.

    Jolicoeur-Martineau 2019; Huang et al. 2024, "The GAN is dead; long live the GAN!", equations 2 to 4.
    The authors let γ and the learning rates fall, and β₂ and the average's half-life rise, all by a cosine: recipe
    zoo/digits_r3gan. They compute both penalties in every step; lazy ones: Karras et al. 2020, section 3.1.

    Args:
        gamma: weight γ of both gradient penalties; 0 leaves them out.
        gamma_every: computes both penalties only every so many steps, and scales them by as much.
    """

    def __init__(self, *, gamma: Annotated[float, Ge(0)] = 1.0, gamma_every: Annotated[int, Ge(1)] = 1):
        super().__init__()
        self.gamma = gamma
        self.gamma_every = gamma_every

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: a critic whose gradients the penalties cannot use.
        """
        if self.gamma:
            require_second_order(critic, "R1 and R2 of basics/relativistic", "loss.gamma=0")
        if self.gamma and has_batch_statistics(critic):
            raise DoesNotFit(
                "R1 and R2 of basics/relativistic ask for the gradient of each sample's own score, but in this critic "
                "a score depends on the whole batch (batch normalisation, minibatch discrimination): give the critic "
                "`normalisation: none` or `normalisation: layer`, or write loss.gamma=0"
            )
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Real above fake, pair by pair, with small gradients at both."""
        if not self.gamma or play.step % self.gamma_every:
            real, fake = play.scores()
            penalties = dict.fromkeys(("r1", "r2") if self.gamma else (), real.new_zeros(()))
            return {"critic": play.mean(softplus(fake - real)), **penalties}
        real, real_norms = unit_gradient_norms(play, leaf(play.real))
        fake, fake_norms = unit_gradient_norms(play, leaf(play.fake))
        weight = self.gamma / 2 * self.gamma_every
        return {
            "critic": play.mean(softplus(fake - real)),
            "r1": play.mean(real_norms.square()) * weight,
            "r2": play.mean(fake_norms.square()) * weight,
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Fake above real, pair by pair."""
        real, fake = play.scores()
        return {"generator": play.mean(softplus(real - fake))}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, 0, 0.99), one critic update a step: the authors' rate and β₁ at the start."""
        return adam_defaults(2e-4, (0.0, 0.99))
