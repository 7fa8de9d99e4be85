"""CatGAN (Springenberg 2016): the critic sorts real samples into K categories, and is unsure of generated ones."""

from math import log
from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, declares, feature_count, member
from gantk.spec import DataSpec


def entropy(scores: Tensor) -> Tensor:
    """Entropy in nats of the softmax of scores: (..., K) to (...)."""
    logs = scores.log_softmax(-1)
    return -(logs.exp() * logs).sum(-1)


def entropy_of_mean(scores: Tensor) -> Tensor:
    """Entropy in nats of the mean softmax of a batch of scores, (B, K): how evenly all categories are used."""
    logs = scores.log_softmax(-1).logsumexp(0) - log(len(scores))
    return -(logs.exp() * logs).sum()


class CategoryCritic(nn.Module):
    """A critic of K categories; its score is how sure it is of one: minus the entropy of the categories, in nats.

    Args:
        critic: has `features`; its head, where it is a module, is replaced by this one's.
        spec: what one sample is.
        categories: K.
    """

    critic: Any  # an nn.Module with `features`

    def __init__(self, critic: nn.Module, spec: DataSpec, categories: int):
        super().__init__()
        count = feature_count(critic, spec)
        self.critic = critic
        if isinstance(member(critic, "head"), nn.Module):
            critic.head = nn.Identity()  # its weights would never be trained
        self.categories = nn.Linear(count, categories, device=next(critic.parameters()).device)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, F), the critic's own."""
        return self.critic.features(samples)

    def category_scores(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, K), before the softmax."""
        return self.categories(self.features(samples))

    def head(self, features: Tensor) -> Tensor:
        """(B, F) to scores, (B,), from -log K to 0."""
        return -entropy(self.categories(features))

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores, (B,)."""
        return self.head(self.features(samples))


class CatGan(Loss):
    """No class is named to the critic: it is to be sure of real samples, unsure of fakes, and use all categories alike.

    With p(y | x) the critic's K categories and H the entropy in nats, the critic minimises
    -H(E_x p(y | x)) + E_x H(p(y | x)) - E_z H(p(y | G(z))), the generator -H(E_z p(y | G(z))) + E_z H(p(y | G(z))).
    Both means are those of a batch (of a process's share of it), which should be some times larger than K. What the
    categories then are is up to the data: the critic may as well sort by slant as by digit.

    Springenberg 2016, "Unsupervised and semi-supervised learning with categorical generative adversarial networks",
    section 3. The term with labels of its section 3.2 is not here: see zoo/semi_supervised.

    Args:
        categories: K.
    """

    cross_sample = True

    def __init__(self, *, categories: Annotated[int, Ge(2)] = 10):
        super().__init__()
        self.categories = categories

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """The generator as it is, the critic with K outputs.

        Raises:
            DoesNotFit: units, a critic without features of the samples, or one that is told the class.
        """
        if spec.unit_axes:
            raise DoesNotFit("zoo/catgan sorts whole samples, but these samples have units")
        if declares(critic, "labels"):
            raise DoesNotFit(
                "zoo/catgan finds categories by itself, but this critic is told one: give it `labels: none`"
            )
        return generator, CategoryCritic(critic, spec, self.categories)

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """`even_real`, `sure_real` and `unsure_fake`, whose sum is minimised."""
        critic: Any = play.critic
        real, fake = critic.category_scores(play.real), critic.category_scores(play.fake)
        return {
            "even_real": -entropy_of_mean(real),
            "sure_real": play.mean(entropy(real)),
            "unsure_fake": -play.mean(entropy(fake)),
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """`even_fake` and `sure_fake`, whose sum is minimised."""
        critic: Any = play.critic
        fake = critic.category_scores(play.fake)
        return {"even_fake": -entropy_of_mean(fake), "sure_fake": play.mean(entropy(fake))}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, 0.5, 0.999), one critic update a step, as in DCGAN."""
        return adam_defaults(2e-4, (0.5, 0.999))
