"""Feature matching: the generator matches the critic's mean features, in place of passing for real."""

from typing import Any

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, Play, feature_count
from gantk.spec import DataSpec


class FeatureMatching(LossWrapper):
    """Another loss for the critic; the generator minimises ‖E f(x) - E f(G(z))‖², f being the critic's features.

    The generator's own term of the wrapped loss is left out: what it is to match is what the critic at present looks
    at, not what the critic says of it. The means are those of the batch (of a process's share of it), each unit by its
    own features; their squared distance is summed over features and units. As it is the mean alone that has to match,
    and of some 64 samples, the term never becomes 0.

    Salimans et al. 2016, section 3.1.

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
    """

    cross_sample = True

    def __init__(self, *, loss: Loss):
        super().__init__(loss)

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets as the wrapped loss prepares them.

        Raises:
            DoesNotFit: no critic, no features of the samples alone, or a wrapped loss that puts an encoder round the
                generator or has layers of its own, which the terms that are left out are for.
        """
        if critic is None:
            raise DoesNotFit("basics/feature_matching matches features of a critic, and this recipe has none: name one")
        made, judge = super().prepare(generator, critic, spec)
        layers = [getattr(self.loss, name, None) for name in ("with_critic", "with_generator")]
        if made is not generator or layers != [None, None]:
            raise DoesNotFit(
                "basics/feature_matching leaves out the generator's terms of the loss that it wraps, and this one has "
                "layers of its own for them: wrap one that has none, such as basics/gan (or, where that takes a loss "
                "itself, such as zoo/acgan, put it outermost)"
            )
        feature_count(judge, spec)
        return made, judge

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """`feature_matching`."""
        critic: Any = play.critic
        fake = _mean(critic.features(play.fake))  # first: in the order in which a GAN's update draws
        with torch.no_grad():
            real = _mean(critic.features(play.real))
        return {"feature_matching": (real - fake).square().sum()}


def _mean(features: Tensor) -> Tensor:
    """(B, *units, F) to (*units, F)."""
    return features.mean(0, dtype=torch.promote_types(features.dtype, torch.float32))
