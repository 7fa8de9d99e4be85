"""R3GAN (Huang et al. 2024): scores are compared in pairs, with zero-centred gradient penalties on both sides."""

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, has_batch_statistics, require_second_order
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
        real, fake = _leaf(play.real), _leaf(play.fake)
        of_real, of_fake = play.score(real), play.score(fake)
        return {
            "critic": play.mean(softplus(of_fake - of_real)),
            "r1": self.gamma / 2 * play.mean(_squared_gradient_norm(of_real, real, play)),
            "r2": self.gamma / 2 * play.mean(_squared_gradient_norm(of_fake, fake, play)),
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Fake above real."""
        real, fake = play.score(play.real), play.score(play.fake)
        return {"generator": play.mean(softplus(real - fake))}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, 0, 0.99), one critic update a step."""
        adam = {"use": "basics/adam", "lr": 2e-4, "betas": [0.0, 0.99]}
        return {"critic_steps": 1, "generator_optimizer": dict(adam), "critic_optimizer": dict(adam)}


def _leaf(samples: Tensor) -> Tensor:
    return samples.detach().requires_grad_()


def _squared_gradient_norm(scores: Tensor, samples: Tensor, play: Play) -> Tensor:
    """‖∇ score‖² of each unit, (B, *units)."""
    (gradient,) = torch.autograd.grad(scores.sum(), samples, create_graph=True)
    return gradient.square().flatten(1 + play.spec.unit_axes).sum(-1)
