"""Instance noise: normal noise on all that a critic sees, real and generated, which fades as a run goes on."""

from copy import copy
from dataclasses import replace
from typing import Annotated

from annotated_types import Ge
from torch import Tensor

from gantk.interfaces import Loss, LossWrapper, Play


class InstanceNoise(LossWrapper):
    """Another loss, on samples with N(0, σ²) added: real and generated ones, in both sides' updates.

    Real and generated samples that lie on thin sheets hardly meet, and a critic can tell them apart without fault; with
    noise their densities overlap. Each side draws its own noise for each sample; gradients pass to the generator. The
    generator's own samples stay without it. `sigma: {from: 0.3, to: 0, over: 0.8}` takes it away during a run. Values
    are not cut off at the range of the data. With a loss that trains an encoder, that one sees the noise, too.

    Sønderby et al. 2017, "Amortised MAP inference for image super-resolution"; Arjovsky & Bottou 2017, "Towards
    principled methods for training generative adversarial networks".

    Args:
        loss: the loss that is wrapped, as a nested `use:`.
        sigma: standard deviation σ, in units of the data (images span -1 to 1).
    """

    def __init__(self, *, loss: Loss, sigma: Annotated[float, Ge(0)] = 0.1):
        super().__init__(loss)
        self.sigma = sigma

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Those of the wrapped loss, on noisy samples."""
        return super().critic_loss(self._noisy(play))

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Those of the wrapped loss, on noisy samples."""
        return super().generator_loss(self._noisy(play))

    def _noisy(self, play: Play) -> Play:
        """The same update with noise on its samples; the play itself, where there is none."""
        if not self.sigma:
            return play

        def noisy(samples: Tensor, which: str) -> Tensor:
            return samples + self.sigma * play.normal(*samples.shape, purpose=f"instance noise, {which}").to(samples)

        seen = copy(play)
        seen.data = replace(play.data, samples=noisy(play.real, "real"))
        if play.generator is not None:
            seen.fake = noisy(play.fake, "fake")
        return seen
