"""The adversarial losses that compare scores with targets: cross-entropy, least squares, hinge."""

import math
from typing import Annotated, Any

import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from gantk.autograd import leaf, unit_gradient_norms
from gantk.interfaces import Loss, Play, adam_defaults, require_second_order
from gantk.spec import DataSpec


def cross_entropy(scores: Tensor, target: Tensor | float) -> Tensor:
    """Binary cross-entropy of raw scores: -t·log σ(s) - (1-t)·log(1 - σ(s)), stable for scores of any size.

    Args:
        scores: raw scores of any shape.
        target: probability of "real", broadcast to the scores.
    """
    return target * softplus(-scores) + (1 - target) * softplus(scores)


class Gan(Loss):
    """The GAN loss: the critic tells real from fake by cross-entropy; the generator makes its fakes pass for real.

    Critic: -E log D(x) - E log(1 - D(G(z))), with D = σ(score). Generator, non-saturating: -E log D(G(z)).
    Optionally R1: γ/2 · E‖∇ score(x)‖² on real samples, per unit. Under a critic whose samples see each other (batch
    normalisation, minibatch discrimination) that gradient is the one of the batch's summed score, as in StyleGAN2.

    Goodfellow et al. 2014, equation 1 and section 3; label smoothing: Salimans et al. 2016, section 3.4;
    R1: Mescheder et al. 2018, equation 9; lazy: Karras et al. 2020, section 3.1; rates: Radford et al. 2016.

    Args:
        minimax: the generator minimises E log(1 - D(G(z))), the original game, instead of -E log D(G(z)).
        label_smoothing: how far the target of "real" lies below 1, in [0, 1]; fakes keep the target 0 (one-sided).
        label_noise: probability in [0, 0.5] that the critic is told the opposite of the truth about a unit.
        r1: weight γ of the gradient penalty on real samples; 0 switches it off.
        r1_every: computes the penalty only every so many steps, and scales it by as much.
    """

    def __init__(
        self,
        *,
        minimax: bool = False,
        label_smoothing: Annotated[float, Interval(ge=0, le=1)] = 0.0,
        label_noise: Annotated[float, Interval(ge=0, le=0.5)] = 0.0,
        r1: Annotated[float, Ge(0)] = 0.0,
        r1_every: Annotated[int, Ge(1)] = 1,
    ):
        super().__init__()
        self.minimax = minimax
        self.label_smoothing = label_smoothing
        self.label_noise = label_noise
        self.r1 = r1
        self.r1_every = r1_every

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are.

        Raises:
            DoesNotFit: R1 is on, and the critic says that its gradients cannot be differentiated once more.
        """
        if self.r1:
            require_second_order(critic, "R1 of basics/gan", "loss.r1=0")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Cross-entropy on real and on fake samples, and the penalty on real ones."""
        penalised = self.r1 > 0 and play.step % self.r1_every == 0
        if penalised:
            samples = leaf(play.real)
        if penalised and not torch.is_autocast_enabled(play.device.type):
            real, norms = unit_gradient_norms(play, samples)  # one forward pass serves the score and its gradient
            fake = play.score(play.fake)
        else:
            real, fake = play.scores()
            if penalised:
                _, norms = unit_gradient_norms(play, samples)

        told_real = 1 - self.label_smoothing
        terms = {
            "critic_real": play.mean(
                cross_entropy(real, self._targets(play, real, told_real, 0.0, "label noise, real"))
            ),
            "critic_fake": play.mean(
                cross_entropy(fake, self._targets(play, fake, 0.0, told_real, "label noise, fake"))
            ),
        }
        if penalised:
            terms["r1"] = play.mean(norms.square()) * (self.r1 / 2 * self.r1_every)
        elif self.r1 > 0:
            terms["r1"] = real.new_zeros(())
        return terms

    def _targets(self, play: Play, scores: Tensor, truth: float, lie: float, purpose: str) -> Tensor | float:
        if not self.label_noise:
            return truth
        units = scores.shape[: 1 + play.spec.unit_axes]
        lied = play.uniform(*units, purpose=purpose) < self.label_noise
        return lied.to(scores.dtype).mul(lie - truth).add(truth).reshape(*units, *[1] * (scores.dim() - len(units)))

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """How far the fakes are from passing for real."""
        scores = play.score(play.fake)
        return {"generator": play.mean(-softplus(scores) if self.minimax else softplus(-scores))}

    def indifferent(self) -> dict[str, float]:
        """The cross-entropy of the mean of the two targets: 2 log 2 in all, without smoothing and noise."""
        told_real = 1 - self.label_smoothing
        at = torch.tensor(told_real / 2, dtype=torch.float64).logit()
        real, fake = told_real * (1 - self.label_noise), told_real * self.label_noise
        return {
            "critic_real": cross_entropy(at, real).item() if told_real else 0.0,
            "critic_fake": cross_entropy(at, fake).item() if told_real else 0.0,
        }

    def neutral_score(self) -> float | None:
        """0: as likely real as generated. Smoothed targets move it, told_real / 2 being the even chance."""
        return math.log(self._even / (1 - self._even)) if self._even else None

    @property
    def _even(self) -> float:
        return (1 - self.label_smoothing) / 2

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Radford et al. 2016: Adam(2e-4, 0.5, 0.999), one critic update a step."""
        return adam_defaults(2e-4, (0.5, 0.999))


class LeastSquares(Loss):
    """LSGAN: squared distance of the scores from targets.

    Critic: ½ E(D(x) - b)² + ½ E(D(G(z)) - a)². Generator: ½ E(D(G(z)) - c)². (a, b, c) = (0, 1, 1) by default;
    (-1, 1, 0) minimises a Pearson χ² divergence.

    Mao et al. 2017, equations 2, 8 and 9.

    Args:
        fake: target a of the critic for fake samples.
        real: target b of the critic for real samples.
        passing: target c of the generator for its fakes.
    """

    def __init__(self, *, fake: float = 0.0, real: float = 1.0, passing: float = 1.0):
        super().__init__()
        self.fake = fake
        self.real = real
        self.passing = passing

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Squared distances of real and fake scores from their targets."""
        real, fake = play.scores()
        return {
            "critic_real": play.mean((real - self.real).square()) / 2,
            "critic_fake": play.mean((fake - self.fake).square()) / 2,
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Squared distance of the fakes' scores from the generator's target."""
        return {"generator": play.mean((play.score(play.fake) - self.passing).square()) / 2}

    def indifferent(self) -> dict[str, float]:
        """Of a score midway between the targets of real and fake."""
        half = ((self.real - self.fake) / 2) ** 2 / 2
        return {"critic_real": half, "critic_fake": half}

    def neutral_score(self) -> float:
        """Midway between the targets of real and fake."""
        return (self.real + self.fake) / 2

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Mao et al. 2017, section 4: Adam(2e-4, 0.5, 0.999), one critic update a step."""
        return adam_defaults(2e-4, (0.5, 0.999))


class Hinge(Loss):
    """The hinge loss: scores beyond ±1 on the right side cost the critic nothing.

    Critic: E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))). Generator: -E D(G(z)).

    Lim & Ye 2017, equations 19 and 20; Miyato et al. 2018, equations 16 and 17.
    """

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """How far real and fake scores are inside the margin."""
        real, fake = play.scores()
        return {"critic_real": play.mean(relu(1 - real)), "critic_fake": play.mean(relu(1 + fake))}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The fakes' scores, negated."""
        return {"generator": -play.mean(play.score(play.fake))}

    def indifferent(self) -> dict[str, float]:
        """Of a score of 0; any within the margin has the same sum."""
        return {"critic_real": 1.0, "critic_fake": 1.0}

    def neutral_score(self) -> float:
        """0."""
        return 0.0

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(2e-4, 0, 0.9), one critic update a step, as in Miyato et al. 2018, table 1, setting A but n = 1."""
        return adam_defaults(2e-4, (0.0, 0.9))
