"""BEGAN (Berthelot et al. 2017): the critic is an autoencoder, and a balance decides how much it minds fakes."""

from typing import Annotated, Any

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, has_member
from gantk.spec import DataSpec


class Began(Loss):
    """Boundary equilibrium: reconstruction errors of real samples and of fakes are held at a ratio γ.

    Critic: L(x) - k_t L(G(z_D)). Generator: L(G(z_G)). After each step k_{t+1} = k_t + λ_k (γ L(x) - L(G(z_G))), within
    [0, 1], and k_0 = 0: section 3.3. Logged beside: `balance` k_t, and `convergence` M = L(x) + |γ L(x) - L(G(z_G))| of
    section 3.4. As everywhere in gantk the critic's update comes before the generator's.

    Berthelot et al. 2017, "BEGAN: boundary equilibrium generative adversarial networks", sections 3.3 and 3.4.

    Args:
        diversity: γ, the ratio E L(G(z)) / E L(x) that is held: lower for better and fewer kinds of samples.
        balance_rate: λ_k, how fast k_t follows.
    """

    k: Tensor

    def __init__(
        self,
        *,
        diversity: Annotated[float, Interval(ge=0, le=1)] = 0.5,
        balance_rate: Annotated[float, Ge(0)] = 0.001,
    ):
        super().__init__()
        self.diversity = diversity
        self.balance_rate = balance_rate
        self.register_buffer("k", torch.zeros(()))  # a buffer: k_t is in checkpoints
        self._real = self._fake = torch.zeros(())  # errors within one step, which no checkpoint needs

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: a critic whose score is no reconstruction error, or no generator.
        """
        if generator is None or not has_member(critic, "reconstruct"):
            raise DoesNotFit(
                "zoo/began needs a generator, and a critic whose score is a reconstruction error with a minus "
                "(it has `reconstruct`), such as basics/autoencoder"
            )
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """L(x) - k_t L(G(z_D))."""
        real, fake = play.scores()
        error = play.mean(-real)
        self._real = error.detach()
        return {"critic_real": error, "critic_fake": -self.k * play.mean(-fake)}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """L(G(z_G)); the two detached terms are logged and train nothing."""
        error = play.mean(-play.score(play.fake))
        self._fake = error.detach()
        convergence = self._real + (self.diversity * self._real - self._fake).abs()
        return {"generator": error, "convergence": convergence, "balance": self.k.clone()}

    @torch.no_grad()
    def after_step(self, play: Play) -> None:
        """Moves k_t."""
        self.k.add_(self.balance_rate * (self.diversity * self._real - self._fake)).clamp_(0, 1)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Berthelot et al. 2017, section 4.1: Adam with a rate of 1e-4."""
        return adam_defaults(1e-4, (0.9, 0.999))
