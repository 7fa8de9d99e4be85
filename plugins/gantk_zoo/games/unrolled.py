"""Unrolled GAN (Metz et al. 2017): the generator plays against the critic that its samples are about to make."""

from copy import copy
from typing import Annotated, Any

import torch
from annotated_types import Ge
from gantk_basics.losses.gan import Gan
from torch import Tensor, nn
from torch.func import functional_call

from gantk.errors import DoesNotFit
from gantk.interfaces import Play, require_second_order
from gantk.spec import DataSpec
from gantk_zoo.games.optimizer_steps import Steps


class WithWeights(nn.Module):
    """A critic whose weights and buffers are others: its own are not used, and do not change.

    Args:
        critic: the net.
        weights: its parameters by name; gradients flow to them.
        buffers: its buffers by name, which a pass may change.
    """

    def __init__(self, critic: nn.Module, weights: dict[str, Tensor], buffers: dict[str, Tensor]):
        super().__init__()
        self.inner = [critic]  # in a list: its weights are not this module's
        self.tensors = {**weights, **buffers}

    @property
    def passes_on_to(self) -> nn.Module:
        """The net that labels, a condition and a latent are for."""
        return self.inner[0]

    def forward(self, samples: Tensor, **given: Tensor) -> Tensor:
        """The critic's scores under these weights."""
        return functional_call(self.inner[0], self.tensors, (samples,), given)


class Unrolled(Gan):
    """The GAN loss, but the generator's is taken after k updates of the critic that it has not had yet.

    θ_D^0 = θ_D, θ_D^{i+1} = the critic's optimiser applied to f(θ_G, θ_D^i), and the generator minimises
    f_k(θ_G) = f(θ_G, θ_D^k(θ_G)), with the gradient through all k updates: the second term of equation 12. It sees how
    the critic would answer, so that gathering in one place does not pay. The critic itself has its usual update, and
    is afterwards as if nothing had been unrolled: weights, batch statistics, and the moments, rates and steps of its
    optimiser, from which the k updates set out (Adam's, too). All k see this update's batch and fakes.
    Where several processes share a batch, each looks ahead on its own share. k = 0 is basics/gan. Time and memory grow
    with k.

    Metz et al. 2017, "Unrolled generative adversarial networks", equations 7 to 12.

    Args:
        updates: k, how many updates are unrolled.
        minimax: the generator minimises E log(1 - D(G(z))) instead of -E log D(G(z)).
    """

    def __init__(self, *, updates: Annotated[int, Ge(0)] = 5, minimax: bool = False):
        super().__init__(minimax=minimax)
        self.updates = updates

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: the critic says that its gradients cannot be differentiated once more.
        """
        if self.updates:
            require_second_order(critic, "zoo/unrolled", "loss.updates=0")
        return generator, critic

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Cross-entropy of the fakes under the critic that k updates make.

        Raises:
            DoesNotFit: the critic's optimiser is none whose steps are known, or there is none.
        """
        if not self.updates:
            return super().generator_loss(play)
        return super().generator_loss(self.ahead(play))

    def ahead(self, play: Play) -> Play:
        """The same update, with the critic that k updates on its samples make of this one.

        Args:
            play: an update of the generator.
        """
        if play.critic_optimizer is None:
            raise DoesNotFit(
                "zoo/unrolled takes the critic's optimiser through its next steps, which machine.engine=graphs does "
                "not allow: take machine.engine=eager"
            )
        own = {name: weight for name, weight in play.critic.named_parameters() if trained_by(play, weight)}
        steps = Steps(play.critic_optimizer, list(own.values()))
        fixed = {name: weight for name, weight in play.critic.named_parameters() if name not in own}
        buffers = fixed | {name: buffer.clone() for name, buffer in play.critic.named_buffers()}
        names, weights = list(own), [weight.detach().clone().requires_grad_() for weight in own.values()]
        _ = play.fake  # made once, with graph, for all that follow
        for _ in range(self.updates):
            terms = super().critic_loss(with_critic(play, dict(zip(names, weights, strict=True)), buffers))
            total = torch.stack(tuple(terms.values())).sum()
            weights = steps(weights, torch.autograd.grad(total, weights, create_graph=True))
        return with_critic(play, dict(zip(names, weights, strict=True)), buffers)


def trained_by(play: Play, weight: Tensor) -> bool:
    """Whether the critic's optimiser steps this weight (others are frozen for good).

    Args:
        play: knows the optimiser.
        weight: of the critic.
    """
    groups: Any = [] if play.critic_optimizer is None else play.critic_optimizer.param_groups
    return any(weight is each for group in groups for each in group["params"])


def with_critic(play: Play, weights: dict[str, Tensor], buffers: dict[str, Tensor]) -> Play:
    """The same update, its critic with other weights.

    Args:
        play: an update.
        weights: of the critic, by name.
        buffers: of the critic, by name.
    """
    other = copy(play)  # its samples, latents and fakes are the same ones
    other.critic = WithWeights(play.critic, weights, buffers)
    return other
