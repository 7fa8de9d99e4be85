"""AC-GAN (Odena et al. 2017): the generator is told a class, and the critic has to name the class of what it sees."""

from math import prod
from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, declares, feature_count, into_range
from gantk.spec import DataSpec

Size = Annotated[int, Ge(1)]


class ConditionalGenerator(nn.Module):
    """Dense layers from the latent and an embedding of the class to a sample of any shape.

    Args:
        spec: what one sample is; it must name classes.
        latent: length of the latent.
        width: numbers of each hidden layer.
    """

    def __init__(self, spec: DataSpec, *, latent: Size = 32, width: Size = 256):
        super().__init__()
        if not spec.classes:
            raise DoesNotFit("examples/conditional is told a class, but these data name none; use basics/mlp")
        self.spec = spec
        self.latent_shape = (latent,)
        self.classes = nn.Embedding(len(spec.classes), latent)
        self.layers = nn.Sequential(
            nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, prod(spec.shape))
        )

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        """Latents (B, latent) and labels (B,) to samples (B, *spec.shape)."""
        raw = self.layers(latent * self.classes(labels)).reshape(-1, *self.spec.shape)
        return into_range(raw, self.spec, None if self.spec.categorical else "sigmoid")


class SharedCritic(nn.Module):
    """Dense layers, written as head(features(samples)), so that a loss can put a classifier on the features.

    Args:
        spec: what one sample is.
        width: numbers of each hidden layer.
    """

    def __init__(self, spec: DataSpec, *, width: Size = 256):
        super().__init__()
        if spec.unit_axes:
            raise DoesNotFit("examples/shared judges whole samples, not units; use basics/mlp")
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(spec.shape), width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.head = nn.Linear(width, 1)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, width)."""
        return self.layers(samples)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B,)."""
        return self.head(self.features(samples)).squeeze(-1)


class AuxiliaryClassifier(Loss):
    """The GAN loss, and on the critic's features a classifier that both sides want to be right.

    Critic: L_S by cross-entropy, and L_C on real and on fake samples. Generator: passes for real, and for its class.
    Odena et al. 2017, equations 2 and 3.

    Args:
        weight: of the classifier's terms.
    """

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 1.0):
        super().__init__()
        self.weight = weight
        self.with_critic: nn.Linear

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are; the classifier, which trains with the critic, is made here, since it needs the spec.

        Raises:
            DoesNotFit: no classes, units, or a generator that is not told one.
        """
        if not spec.classes:
            raise DoesNotFit("examples/acgan needs data with classes, and these name none; choose basics/gan")
        if spec.unit_axes:
            raise DoesNotFit("examples/acgan names one class for a whole sample, but these samples have units")
        if generator is not None and not declares(generator, "labels"):
            raise DoesNotFit("examples/acgan needs a generator that takes labels, such as examples/conditional")
        at = next(critic.parameters()).device
        self.with_critic = nn.Linear(feature_count(critic, spec), len(spec.classes), device=at)
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Source and class of real and fake samples."""
        real, fake = play.scores()
        return {
            "critic_real": play.mean(softplus(-real)),
            "critic_fake": play.mean(softplus(fake)),
            "class_real": self.weight * self._named(play, play.real),
            "class_fake": self.weight * self._named(play, play.fake),
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To pass for real, and for the class that was asked for."""
        return {
            "generator": play.mean(softplus(-play.score(play.fake))),
            "class_generator": self.weight * self._named(play, play.fake),
        }

    def _named(self, play: Play, samples: Tensor) -> Tensor:
        features: Any = play.critic.features
        assert play.labels is not None
        return cross_entropy(self.with_critic(features(samples)), play.labels)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Odena et al. 2017, appendix A: Adam(2e-4, 0.5, 0.999)."""
        return adam_defaults(2e-4, (0.5, 0.999))
