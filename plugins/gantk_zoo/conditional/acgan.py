"""AC-GAN: the generator is told a class, and the critic has to name the class of what it sees."""

from typing import Annotated, Any

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, Play, declares, feature_count
from gantk.spec import DataSpec


class AuxiliaryClassifier(LossWrapper):
    """Another loss, and on the critic's features a classifier of samples; both sides want it to be right.

    Critic: L_S, the wrapped loss, and w · L_C with L_C = -E log P(c | x) - E log P(c | G(z, c)). Generator: its wrapped
    loss, and -w' · E log P(c | G(z, c)). P is a linear layer and a softmax over the features. The paper's L_S is
    cross-entropy (basics/gan), with w = w' = 1; with WGAN-GP, w' = 0.1 is usual (Gulrajani et al. 2017, their code).
    Where the generator has not yet learnt to use the class, the critic's second term teaches the classifier a code of
    its own for the classes of fakes: with WGAN-GP the two then agree on classes that nobody else sees (docs/zoo.md),
    and `classify_fakes: false` is the cure. Neither side is asked for variety, so the class terms are bought with it:
    look at `coverage` of basics/class_agreement.

    Odena et al. 2017, equations 2 and 3.

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
        weight: w, of the critic's class terms.
        generator_weight: w', of the generator's.
        classify_fakes: whether the critic's L_C counts fakes, as in the paper, or real samples alone.
    """

    def __init__(
        self,
        *,
        loss: Loss,
        weight: Annotated[float, Ge(0)] = 1.0,
        generator_weight: Annotated[float, Ge(0)] = 1.0,
        classify_fakes: bool = True,
    ):
        super().__init__(loss)
        self.weight = weight
        self.generator_weight = generator_weight
        self.classify_fakes = classify_fakes

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as the wrapped loss prepares them; the classifier, which trains with the critic, is made here.

        Raises:
            DoesNotFit: no classes, units, no features of the samples alone, or a generator that is not told a class.
        """
        if not spec.classes:
            raise DoesNotFit("zoo/acgan needs data with classes, and these have none; choose its inner loss alone")
        if spec.unit_axes:
            raise DoesNotFit("zoo/acgan names one class for a whole sample, but these samples have units")
        if generator is not None and not declares(generator, "labels"):
            raise DoesNotFit("zoo/acgan needs a generator that is told the class: give it `labels: embed`")
        generator, critic = super().prepare(generator, critic, spec)
        at = next(critic.parameters()).device
        classifier = nn.Linear(feature_count(critic, spec), len(spec.classes), device=at)
        own = getattr(self.loss, "with_critic", None)
        self.with_critic = nn.ModuleList([classifier] if own is None else [own, classifier])
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """The wrapped loss, and the classes of real and, unless that is switched off, of fake samples."""
        terms = {**super().critic_loss(play), "class_real": self.weight * self._named(play, play.real)}
        return terms | ({"class_fake": self.weight * self._named(play, play.fake)} if self.classify_fakes else {})

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The wrapped loss, and the class that was asked for."""
        return {**super().generator_loss(play), "class_generator": self.generator_weight * self._named(play, play.fake)}

    def _named(self, play: Play, samples: Tensor) -> Tensor:
        """-E log P(c | x) of the batch's classes."""
        critic: Any = play.critic
        if play.labels is None:
            raise DoesNotFit("zoo/acgan needs the label of each sample, and these data give none")
        return cross_entropy(self.with_critic[-1](critic.features(samples)), play.labels)
