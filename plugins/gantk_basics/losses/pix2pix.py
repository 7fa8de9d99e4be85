"""pix2pix (Isola et al. 2017): from one picture to another of the same thing, learnt from pairs."""

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, adam_defaults, declares
from gantk.spec import DataSpec

Adversarial = Literal["cross_entropy", "least_squares", "none"]
MEASURED = "measured"
"""What a data set calls, in `Batch.truth`, the channels of each sample that there are: booleans (B, C)."""


class Pix2Pix(Loss):
    """The GAN loss under a critic that sees the condition, and the distance to the sample that belongs to it.

    Critic: half of -E log D(x, y) - E log(1 - D(x, G(x, z))), with D = σ(score). Generator: -E log D(x, G(x, z)), and
    λ E ‖y - G(x, z)‖₁, as the mean over the values of a sample, which is how the authors' code takes it.
    Under a critic that takes no condition the first part is their equation 2. With `adversarial: least_squares` it is
    half of E(D - 1)² + E D² and E(D - 1)²; with `adversarial: none` the distance alone is left, and there is no critic.

    Of partly labelled data, channels that were not measured leave their terms out: means are those of what was
    measured, and the critic sees what the data have in place of the missing ones in real and fake samples alike.

    Isola et al. 2017, "Image-to-image translation with conditional adversarial networks", equations 1, 3 and 4, and
    section 3.3 for the half and for -log D in place of log(1 - D).

    Args:
        weight: λ of the distance.
        adversarial: the form of the adversarial part.
    """

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 100.0, adversarial: Adversarial = "cross_entropy"):
        super().__init__()
        self.weight = weight
        self.adversarial = adversarial

    def trains(self, side: Literal["critic", "generator"]) -> bool:
        """Both sides; without an adversarial part the generator alone."""
        return side == "generator" or self.adversarial != "none"

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets as they are.

        Raises:
            DoesNotFit: data without a condition, or a generator that takes none.
        """
        if spec.condition_shape is None:
            raise DoesNotFit("basics/pix2pix needs data with a condition, such as cells/paired")
        if generator is not None and not declares(generator, "condition"):
            raise DoesNotFit("basics/pix2pix needs a generator that takes a condition, such as basics/unet")
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Pairs with a real second half against pairs with a fake one."""
        measured = _measured(play)
        if measured is None:
            real, fake = play.scores()
        else:
            real, fake = play.score(play.real), play.score(_as_measured(play, measured))
        return {
            "critic_real": _mean(play, distance_to(real, True, self.adversarial), measured) / 2,
            "critic_fake": _mean(play, distance_to(fake, False, self.adversarial), measured) / 2,
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To pass for real, and to be near the truth."""
        measured = _measured(play)
        apart = (play.real - play.fake).abs()
        if measured is None:
            distance = play.mean(apart)
        else:
            share = measured.to(apart.dtype).mean().clamp_min(1e-12)  # of the channels
            distance = play.mean(apart * measured) / share
        terms = {"distance": self.weight * distance}
        if self.adversarial == "none":
            return terms
        scores = play.score(play.fake if measured is None else _as_measured(play, measured))
        return {"generator": _mean(play, distance_to(scores, True, self.adversarial), measured)} | terms

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Isola et al. 2017, section 3.3: Adam(2e-4, 0.5, 0.999)."""
        defaults = adam_defaults(2e-4, (0.5, 0.999))
        if parameters.get("adversarial") == "none":
            return {"generator_optimizer": defaults["generator_optimizer"]}
        return defaults


def distance_to(scores: Tensor, real: bool, adversarial: Adversarial) -> Tensor:
    """How far each score is from saying "real", or "fake": -log D and -log(1 - D), or squares to 1 and 0.

    Args:
        scores: raw, of any shape.
        real: what they are to say.
        adversarial: "cross_entropy" or "least_squares".
    """
    if adversarial == "least_squares":
        return (scores - 1).square() if real else scores.square()
    return softplus(-scores) if real else softplus(scores)


def _measured(play: Play) -> Tensor | None:
    """Which channels of each sample there are, (B, C, 1, 1); None where all are."""
    known = play.data.truth.get(MEASURED)
    return None if known is None else known.to(play.real.device)[:, :, None, None].bool()


def _as_measured(play: Play, measured: Tensor) -> Tensor:
    """The fakes as the critic may see them: what was not measured is as in the data."""
    return torch.where(measured, play.fake, play.real)


def _mean(play: Play, values: Tensor, measured: Tensor | None) -> Tensor:
    """The mean of a critic's values (B, h, w) over the samples of which anything was measured."""
    if measured is None:
        return play.mean(values)
    weights = measured.flatten(1).any(1).to(values.dtype)  # (B,)
    share = weights.mean().clamp_min(1e-12)
    return play.mean(values * weights.reshape(-1, *[1] * (values.dim() - 1))) / share
