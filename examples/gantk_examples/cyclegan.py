"""CycleGAN (Zhu et al. 2017): from one domain to the other and back, learnt without pairs.

A sample is one image of each domain, which have nothing to do with each other: the domains are *units*. The condition
is the sample itself. Both generators are one module, which gives for (x, y) the translations (F(y), G(x)), in the
places of the domains they are meant for; both critics are one module, with a tower for each unit.
"""

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, declares, into_range
from gantk.spec import DataSpec

Size = Annotated[int, Ge(1)]


class BothWays(nn.Module):
    """Two convolutional nets, one to each domain.

    Args:
        spec: what one sample is: two images as units, and a condition of the same shape.
        width: channels of the hidden layers.
    """

    latent_shape = None

    def __init__(self, spec: DataSpec, *, width: Size = 16):
        super().__init__()
        _demand_two_domains(spec, "examples/both_ways")
        self.spec = spec
        self.to_first = self._net(spec.own_shape[0], width)  # F: Y -> X
        self.to_second = self._net(spec.own_shape[0], width)  # G: X -> Y

    @staticmethod
    def _net(channels: int, width: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.ReLU(),
            nn.Conv2d(width, channels, 3, 1, 1),
        )

    def forward(self, latent: None, condition: Tensor) -> Tensor:
        """No latent and pictures (x, y), (B, 2, C, H, W), to (F(y), G(x)), (B, 2, C, H, W)."""
        x, y = condition.unbind(1)
        raw = torch.stack([self.to_first(y), self.to_second(x)], 1)
        return into_range(raw, self.spec, "sigmoid")


class DomainCritics(nn.Module):
    """A patch critic for each domain, computed together as one grouped convolution.

    Args:
        spec: what one sample is: images as units.
        width: channels of the first layer of each.
    """

    def __init__(self, spec: DataSpec, *, width: Size = 16):
        super().__init__()
        if spec.unit_axes != 1 or len(spec.own_shape) != 3:
            raise DoesNotFit("examples/domains judges images, each domain a unit: (domain, channel, y, x)")
        count = spec.unit_count
        self.layers = nn.Sequential(
            nn.Conv2d(count * spec.own_shape[0], count * width, 4, 2, 1, groups=count),
            nn.LeakyReLU(0.2),
            nn.Conv2d(count * width, count * 2 * width, 3, 1, 1, groups=count),
            nn.LeakyReLU(0.2),
            nn.Conv2d(count * 2 * width, count, 3, 1, 1, groups=count),
        )

    def forward(self, samples: Tensor) -> Tensor:
        """(B, domains, C, H, W) to scores (B, domains, h, w)."""
        return self.layers(samples.flatten(1, 2))


class CycleGan(Loss):
    """Each translation passes for its domain, and back again it is what it was.

    Critics, for each domain: half of E(D(y) - 1)² + E D(G(x))². Generators: E(D(G(x)) - 1)², and λ (E‖F(G(x)) - x‖₁ +
    E‖G(F(y)) - y‖₁), as means over the values of an image. With `adversarial: cross_entropy` the first part is
    -log D(y) - log(1 - D(G(x))) as in equation 1, with -log D(G(x)) for the generators.

    Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent adversarial networks", equations 1 to
    3; squares and λ = 10: section 4; the half: appendix, section 7.1. Without their history of 50 fakes, which
    would be a buffer of this loss.

    Args:
        weight: λ of the way there and back.
        adversarial: the form of the adversarial part.
    """

    def __init__(
        self,
        *,
        weight: Annotated[float, Ge(0)] = 10.0,
        adversarial: Literal["least_squares", "cross_entropy"] = "least_squares",
    ):
        super().__init__()
        self.weight = weight
        self.adversarial = adversarial

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: data that are not two domains, or a generator that is not given pictures.
        """
        _demand_two_domains(spec, "examples/cyclegan")
        if generator is None or not declares(generator, "condition"):
            raise DoesNotFit("examples/cyclegan needs a generator that is given pictures, such as examples/both_ways")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Each domain's pictures against translations into it."""
        real, fake = play.scores()
        return {
            "critic_real": play.mean(self._distance(real, True)) / 2,
            "critic_fake": play.mean(self._distance(fake, False)) / 2,
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Translations that pass, and lead back: what is made of (F(y), G(x)) is (F(G(x)), G(F(y)))."""
        back = play.generate(None, condition=play.fake)
        return {
            "generator": play.mean(self._distance(play.score(play.fake), True)),
            "cycle": self.weight * play.mean((back - play.condition).abs()),
        }

    def _distance(self, scores: Tensor, real: bool) -> Tensor:
        if self.adversarial == "least_squares":
            return (scores - 1).square() if real else scores.square()
        return softplus(-scores) if real else softplus(scores)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Zhu et al. 2017, appendix: Adam(2e-4, 0.5, 0.999)."""
        return adam_defaults(2e-4, (0.5, 0.999))


def _demand_two_domains(spec: DataSpec, name: str) -> None:
    if spec.units != (2,) or len(spec.own_shape) != 3 or spec.condition_shape != spec.shape or spec.categorical:
        raise DoesNotFit(
            f"{name} needs two images as units, and the same as condition: (2, channel, y, x), not {spec.shape} with "
            f"the condition {spec.condition_shape}; examples/negatives makes such data"
        )
