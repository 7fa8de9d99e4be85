"""DRAGAN: the GAN loss under a critic whose slope near the real samples is 1."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.autograd import leaf, unit_gradient_norms
from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, has_batch_statistics, require_second_order
from gantk.spec import DataSpec


class Dragan(Loss):
    """DRAGAN: the GAN loss, and a penalty on gradient norms other than k around the real samples.

    Critic: -E log σ(D(x)) - E log(1 - σ(D(G(z)))) + λ E(‖∇D(x̃)‖ - k)². Generator: -E log σ(D(G(z))). The gradient is
    that of the raw score D, its norm that of each unit. Where the neighbours x̃ of real samples lie, the paper and its
    authors' code say differently: x̃ = x + δ, δ ~ N(0, c I), c about 10, in the paper, which is farther away than most
    data are wide; x̃ = x + α·s·σ·u, α uniform on [0, 1) for each sample, u for each number, σ the standard deviation of
    the batch, s = 0.5, in the code, whose steps all go towards greater values. Here the code's is the default.

    Kodali et al. 2017, "On convergence and stability of GANs"; github.com/kodalinaveen3/DRAGAN.

    Args:
        penalty: weight λ.
        norm: the wanted gradient norm k.
        neighbours: uniform, as the authors' code has them, or normal, as the paper has them.
        distance: s of uniform neighbours, in standard deviations of the batch (of a process's share of it), each unit
            by its own; √c of normal ones, in the data's own unit.
    """

    def __init__(
        self,
        *,
        penalty: Annotated[float, Ge(0)] = 10.0,
        norm: Annotated[float, Ge(0)] = 1.0,
        neighbours: Literal["uniform", "normal"] = "uniform",
        distance: Annotated[float, Gt(0)] = 0.5,
    ):
        super().__init__()
        self.penalty = penalty
        self.norm = norm
        self.neighbours = neighbours
        self.distance = distance

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: the critic's scores of one sample depend on the others of its batch, or have no second order.
        """
        if self.penalty and has_batch_statistics(critic):
            raise DoesNotFit(
                "the gradient penalty of basics/dragan asks for the gradient of each sample's own score, but in this "
                "critic a score depends on the whole batch (batch normalisation, minibatch discrimination): give the "
                "critic `normalisation: none` or `normalisation: layer`, or choose another loss, such as basics/gan"
            )
        if self.penalty:
            require_second_order(critic, "the gradient penalty of basics/dragan", "another loss, such as basics/gan")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Cross-entropy on real and on fake samples, and the penalty around the real ones."""
        real, fake = play.scores()
        terms = {"critic_real": play.mean(softplus(-real)), "critic_fake": play.mean(softplus(fake))}
        if not self.penalty:
            return terms
        _, norms = unit_gradient_norms(play, leaf(self._near(play)))  # (B, *units)
        return terms | {"penalty": play.mean((norms - self.norm).square()) * self.penalty}

    def _near(self, play: Play) -> Tensor:
        """Neighbours of the real samples, (B, *shape)."""
        real = play.real
        if self.neighbours == "normal":
            return real + self.distance * play.normal(*real.shape, purpose="neighbours").to(real.dtype)
        units = real.shape[: 1 + play.spec.unit_axes]  # (B, *units)
        own = [1] * len(play.spec.own_shape)
        of_unit = (0, *range(len(units), real.dim()))
        wide = real.std(dim=of_unit, correction=0, keepdim=True) if len(units) > 1 else real.std(correction=0)
        towards = play.uniform(*real.shape, purpose="neighbours").to(real.dtype)
        share = play.uniform(*units, purpose="how far").to(real.dtype).reshape(*units, *own)
        return real + share * self.distance * wide * towards

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """How far the fakes are from passing for real."""
        return {"generator": play.mean(softplus(-play.score(play.fake)))}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Kodali et al. 2017: Adam(1e-4, 0.5, 0.9), one critic update a step."""
        return adam_defaults(1e-4, (0.5, 0.9))
