"""The Wasserstein losses: the critic's mean scores apart, and ways to keep it Lipschitz, or not too steep."""

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from gantk.autograd import leaf, unit_gradient_norms
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, has_batch_statistics, require_second_order
from gantk.spec import DataSpec


class Wgan(Loss):
    """WGAN: the difference of mean scores, under weights clipped to a box.

    Critic: E D(G(z)) - E D(x), minus which is the estimated distance. Generator: -E D(G(z)).

    Arjovsky et al. 2017, algorithm 1; warm-up: the authors' code (100 critic updates in each of the first 25 steps,
    and in every 500th).

    Args:
        clip: the critic's weights are kept within ± this.
        warmup: whether some steps have 100 critic updates, as in the authors' code.
    """

    def __init__(self, *, clip: Annotated[float, Gt(0)] = 0.01, warmup: bool = False):
        super().__init__()
        self.clip = clip
        self.warmup = warmup

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Mean score of fakes, and minus that of real samples."""
        real, fake = play.scores()
        return {"critic_real": -play.mean(real), "critic_fake": play.mean(fake)}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The fakes' scores, negated."""
        return {"generator": -play.mean(play.score(play.fake))}

    def critic_steps(self, step: int, usual: int) -> int:
        """100 in the first 25 steps and every 500th where `warmup` is on, else the recipe's number."""
        return 100 if self.warmup and (step < 25 or step % 500 == 0) else usual

    @torch.no_grad()
    def after_critic_step(self, play: Play) -> None:
        """Clips the critic's weights."""
        for weight in play.critic.parameters():
            weight.clamp_(-self.clip, self.clip)

    def indifferent(self) -> dict[str, float]:
        """No difference of the mean scores."""
        return {"critic_real": 0.0, "critic_fake": 0.0}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Arjovsky et al. 2017, algorithm 1: RMSprop(5e-5), five critic updates a step."""
        optimizer = {"use": "basics/rmsprop", "lr": 5e-5}
        return {"critic_steps": 5, "generator_optimizer": dict(optimizer), "critic_optimizer": dict(optimizer)}


class WganGp(Loss):
    """WGAN-GP: the difference of mean scores, and a penalty on gradient norms other than 1 between real and fake.

    Critic: E D(G(z)) - E D(x) + λ E(‖∇ D(x̂)‖ - 1)², x̂ = ε x + (1-ε) G(z), ε uniform on [0, 1) for each unit of each
    sample. The norm is taken over a unit's own axes, in float32 or better. Generator: -E D(G(z)).

    One-sided, the penalty is λ E max(0, ‖∇ D(x̂)‖ - 1)² (WGAN-LP): slopes below 1 cost nothing, since a Lipschitz
    constant is only a bound.

    Gulrajani et al. 2017, equation 3 and algorithm 1; one-sided: Petzka et al. 2018 (WGAN-LP).

    Args:
        penalty: weight λ of the gradient penalty.
        one_sided: whether only norms above 1 are penalised.
    """

    name = "wgan_gp"

    def __init__(self, *, penalty: Annotated[float, Ge(0)] = 10.0, one_sided: bool = False):
        super().__init__()
        self.penalty = penalty
        self.one_sided = one_sided

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: the critic's scores of one sample depend on the others of its batch, or have no second order.
        """
        if has_batch_statistics(critic):
            raise DoesNotFit(
                f"the gradient penalty of basics/{self.name} asks for the gradient of each sample's own score, but in "
                "this critic a score depends on the whole batch (batch normalisation, minibatch discrimination): give "
                "the critic `normalisation: none` or `normalisation: layer`, or take another loss, such as basics/wgan"
            )
        if self.penalty:
            what = f"the gradient penalty of basics/{self.name}"
            require_second_order(critic, what, "another loss, such as basics/wgan")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Mean score of fakes, minus that of real samples, and the penalty between them."""
        real, fake = play.scores()
        return {"critic_real": -play.mean(real), "critic_fake": play.mean(fake), "penalty": self._penalty(play)}

    def _penalty(self, play: Play) -> Tensor:
        units = play.real.shape[: 1 + play.spec.unit_axes]  # (B, *units)
        mixing = play.uniform(*units, purpose="interpolation")
        mixing = mixing.reshape(*units, *[1] * len(play.spec.own_shape))
        between = leaf(torch.lerp(play.fake, play.real, mixing.to(play.real.dtype)))  # (B, *shape)
        _, norms = unit_gradient_norms(play, between)  # (B, *units)
        return play.mean(self.price(norms)) * self.penalty

    def price(self, norms: Tensor) -> Tensor:
        """What gradient norms cost, before λ: of the same shape."""
        beyond = norms - 1
        return (beyond.relu() if self.one_sided else beyond).square()

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The fakes' scores, negated."""
        return {"generator": -play.mean(play.score(play.fake))}

    def indifferent(self) -> dict[str, float]:
        """No difference of the mean scores."""
        return {"critic_real": 0.0, "critic_fake": 0.0}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Gulrajani et al. 2017, algorithm 1: Adam(1e-4, 0, 0.9), five critic updates a step."""
        return adam_defaults(1e-4, (0.0, 0.9), critic_steps=5)


class WganDiv(WganGp):
    """WGAN-div: the difference of mean scores, and a power of the gradient norms between real and fake.

    Critic: E D(G(z)) - E D(x) + k E‖∇ D(x̂)‖ᵖ, x̂ = ε x + (1-ε) G(z), ε uniform on [0, 1) for each unit of each sample.
    Its optimum is a divergence, which asks for no Lipschitz constant. Generator: -E D(G(z)).

    Wu et al. 2018, "Wasserstein divergence for GANs" (k = 2, p = 6 are its best).

    Args:
        penalty: weight k.
        power: p.
    """

    name = "wgan_div"

    def __init__(self, *, penalty: Annotated[float, Ge(0)] = 2.0, power: Annotated[float, Gt(1)] = 6.0):
        super().__init__(penalty=penalty)
        self.power = power

    def price(self, norms: Tensor) -> Tensor:
        """What gradient norms cost, before k: of the same shape."""
        return norms**self.power

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, 0, 0.9), five critic updates a step."""
        return adam_defaults(2e-4, (0.0, 0.9), critic_steps=5)
