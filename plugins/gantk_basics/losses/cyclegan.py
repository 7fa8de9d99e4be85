"""CycleGAN (Zhu et al. 2017): from one domain to the other and back, learnt without pairs.

A sample is one image of each domain, which have nothing to do with each other: the domains are *units*. The condition
is the sample itself. Both generators are one module, which gives for (x, y) the translations (F(y), G(x)), in the
places of the domains they are meant for; both critics are one module, with a tower for each unit.
"""

from typing import Annotated, Any, Literal

from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, declares
from gantk.spec import DataSpec
from gantk_basics.losses.image_pool import ImagePool
from gantk_basics.losses.pix2pix import distance_to
from gantk_basics.nets.translation import is_two_domains


class CycleGan(Loss):
    """Each translation passes for its domain, and back again it is what it was.

    Critics, for each domain: half of E(D(y) - 1)² + E D(G(x))², the fakes drawn from a history of the last ones.
    Generators: E(D(G(x)) - 1)², λ (E‖F(G(x)) - x‖₁ + E‖G(F(y)) - y‖₁), and λ times `identity` (E‖G(y) - y‖₁ +
    E‖F(x) - x‖₁), as means over the values of an image. With `adversarial: cross_entropy` the first part is -log D(y) -
    log(1 - D(G(x))) as in equation 1, with -log D(G(x)) for the generators.

    Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks", equations 1 to
    3; squares, the history of 50 and λ = 10: section 4; the identity, where it is half of λ: section 5.2; the half:
    appendix, section 7.1. There the rate falls linearly to 0 in the second half of a run: train.schedule=tail.

    Args:
        weight: λ of the way there and back.
        identity: share of λ with which an image of a domain stays what it is when it is translated into that domain.
        pool: how many fakes of each domain the history keeps; 0: critics see the newest alone.
        adversarial: the form of the adversarial part.
    """

    def __init__(
        self,
        *,
        weight: Annotated[float, Ge(0)] = 10.0,
        identity: Annotated[float, Ge(0)] = 0.5,
        pool: Annotated[int, Ge(0)] = 50,
        adversarial: Literal["least_squares", "cross_entropy"] = "least_squares",
    ):
        super().__init__()
        self.weight = weight
        self.identity = identity
        self.pool_size = pool
        self.adversarial: Literal["least_squares", "cross_entropy"] = adversarial
        self.history: ImagePool | None = None

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets as they are; the history is made, empty.

        Raises:
            DoesNotFit: data that are not two domains, or a generator that is not given pictures.
        """
        if not is_two_domains(spec) or spec.categorical:
            raise DoesNotFit(
                f"basics/cyclegan needs two images as units, and the same as condition: (2, channel, y, x), not "
                f"{spec.shape} with the condition {spec.condition_shape}; cells/unpaired makes such data"
            )
        if generator is None or not declares(generator, "condition"):
            raise DoesNotFit("basics/cyclegan needs a generator that is given pictures, such as basics/resnet")
        if self.pool_size:
            self.history = ImagePool(self.pool_size, spec.unit_count, spec.own_shape)
            self.history.to(next(generator.parameters()).device)
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Each domain's pictures against translations into it."""
        if self.history is None:
            real, fake = play.scores()
        else:
            shown, _, _ = self._exchanged(play, self.history)
            real, fake = play.score(play.real), play.score(shown)
        return {
            "critic_real": play.mean(distance_to(real, True, self.adversarial)) / 2,
            "critic_fake": play.mean(distance_to(fake, False, self.adversarial)) / 2,
        }

    def after_critic_step(self, play: Play) -> None:
        """The history takes up the fakes of this update."""
        if self.history is not None:
            _, kept, filled = self._exchanged(play, self.history)
            self.history.keep(kept, filled)

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Translations that pass, and lead back: what is made of (F(y), G(x)) is (F(G(x)), G(F(y)))."""
        back = play.generate(None, condition=play.fake)
        terms = {
            "generator": play.mean(distance_to(play.score(play.fake), True, self.adversarial)),
            "cycle": self.weight * play.mean((back - play.real).abs()),
        }
        if self.identity and self.weight:
            same = play.generate(None, condition=play.real.flip(1))  # (F(x), G(y))
            terms["identity"] = self.weight * self.identity * play.mean((same - play.real).abs())
        return terms

    def _exchanged(self, play: Play, history: ImagePool) -> tuple[Tensor, Tensor, Tensor]:
        if play.streams.ranks > 1:
            raise DoesNotFit(
                "the history of basics/cyclegan is that of one process: train with machine.devices=1, or without it "
                "by loss.pool=0"
            )
        draws = play.uniform(play.batch, play.spec.unit_count, 2, purpose="history")
        return history.exchanged(play.fake, draws)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Zhu et al. 2017, section 4: Adam(2e-4) with the β₁ = 0.5 of the authors' code."""
        return adam_defaults(2e-4, (0.5, 0.999))
