"""Semi-supervised classes (Salimans et al. 2016): the critic has K classes of real samples, and fake as one more."""

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, Play, declares, feature_count, member
from gantk.spec import DataSpec

LABELLED = "labelled"
"""The fact of a sample that says whether its label may be used."""


class ClassCritic(nn.Module):
    """A critic of K classes, whose score is log Σ exp(l_k): that of all classes together against fake, whose l is 0.

    Args:
        critic: has `features`; its head, where it is a module, is replaced by this one's.
        spec: what one sample is, with its classes.
    """

    critic: Any  # an nn.Module with `features`

    def __init__(self, critic: nn.Module, spec: DataSpec):
        super().__init__()
        count = feature_count(critic, spec)
        self.critic = critic
        if isinstance(member(critic, "head"), nn.Module):
            critic.head = nn.Identity()  # its weights would never be trained
        self.classes = nn.Linear(count, len(spec.classes), device=next(critic.parameters()).device)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, F), the critic's own."""
        return self.critic.features(samples)

    def class_scores(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to l, (B, K), before the softmax."""
        return self.classes(self.features(samples))

    def head(self, features: Tensor) -> Tensor:
        """(B, F) to scores, (B,)."""
        return torch.logsumexp(self.classes(features), 1)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores, (B,)."""
        return self.head(self.features(samples))


class SemiSupervised(LossWrapper):
    """Another loss, under a critic of K classes that is told the labels of a few samples: L_supervised is added.

    The critic gives l_1 … l_K, and l_(K+1) = 0 for fake, so that D(x) = Z / (Z + 1) with Z = Σ exp(l_k): the score is
    log Z, and cross-entropy of scores (basics/gan) is the paper's L_unsupervised. L_supervised is
    -E log P(c | x, c ≤ K), the mean over those samples of the batch whose label may be used (0 where there are none),
    which data say by `labelled`: 100; where they say nothing, all may be. The paper's generator plays
    basics/feature_matching. The generator is told no classes.

    Salimans et al. 2016, "Improved techniques for training GANs", section 5.

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
        weight: of L_supervised.
    """

    def __init__(self, *, loss: Loss, weight: Annotated[float, Ge(0)] = 1.0):
        super().__init__(loss)
        self.weight = weight

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """The critic with K outputs, and both nets as the wrapped loss prepares them.

        Raises:
            DoesNotFit: no classes, units, a critic without features of the samples, or one that is told the class.
        """
        if not spec.classes:
            raise DoesNotFit("zoo/semi_supervised needs data with classes, and these have none; take its inner loss")
        if spec.unit_axes:
            raise DoesNotFit("zoo/semi_supervised names one class for a whole sample, but these samples have units")
        if declares(critic, "labels"):
            raise DoesNotFit(
                "zoo/semi_supervised asks the critic for the class, which this one is told: give it `labels: none`"
            )
        return super().prepare(generator, ClassCritic(critic, spec), spec)

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """The wrapped loss, and `classes` of the samples whose label may be used."""
        terms = super().critic_loss(play)
        if play.labels is None:
            raise DoesNotFit("zoo/semi_supervised needs the label of some samples, and these data give none")
        known = play.data.truth.get(LABELLED)
        known = torch.ones_like(play.labels) if known is None else known.to(play.device)
        named = cross_entropy(self._class_scores(play), play.labels, reduction="none")
        return {**terms, "classes": self.weight * (named * known).sum() / known.sum().clamp(min=1)}

    @staticmethod
    def _class_scores(play: Play) -> Tensor:
        wrapped = next(each for each in play.critic.modules() if isinstance(each, ClassCritic))
        return wrapped.class_scores(play.real)
