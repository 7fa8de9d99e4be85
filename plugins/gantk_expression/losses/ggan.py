"""GGAN: genes inferred from landmark genes, by an adversarial loss beside a distance; and that distance alone."""

from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, Play, declares
from gantk.spec import DataSpec

Distance = Literal["absolute", "squared"]
Weight = Annotated[float, Ge(0)]
ADAM = {"use": "basics/adam", "lr": 1e-3, "betas": [0.9, 0.999]}


def distance_to(real: Tensor, made: Tensor, distance: Distance) -> Tensor:
    """How far predictions are from the truth, a mean over the numbers of each sample, (B,).

    Args:
        real: (B, *spec.shape).
        made: the same of what was predicted for them.
        distance: |y - ŷ|, or (y - ŷ)².
    """
    apart = (real - made).flatten(1)
    return (apart.abs() if distance == "absolute" else apart.square()).mean(1)


def inconsistency(play: Play, noise: float) -> Tensor:
    """‖G(x + u) - G(x + u')‖ / √t for two noises u and u', (B,): t is how many numbers a sample has.

    Args:
        play: of the generator's update.
        noise: standard deviation of u and u', in the units of the condition.
    """
    given = play.condition
    assert given is not None
    moved = [given + noise * play.normal(*given.shape, purpose=f"inconsistency, {which}") for which in ("u", "u'")]
    one, other = (play.generate(play.latent, condition=each).flatten(1) for each in moved)
    return torch.linalg.vector_norm(one - other, dim=1) / one.shape[1] ** 0.5


def require_condition(component: str, generator: nn.Module | None, spec: DataSpec) -> None:
    """Raises DoesNotFit where the data have no condition, or the generator takes none."""
    if spec.condition_shape is None:
        raise DoesNotFit(
            f"{component} learns samples from their condition, and these data have none: of a table of expression, "
            "make genes the condition (data.condition={landmarks: 300})"
        )
    if generator is not None and not declares(generator, "condition"):
        raise DoesNotFit(f"{component} needs a generator that takes a condition, such as expression/ggan")


class Inference(Loss):
    """The generator alone learns the samples that belong to its conditions: L₁ or squared error, no critic.

    E d(y, G(x)), d the mean of |y - ŷ| or (y - ŷ)² over a sample, and λ_cons · E ‖G(x + u) - G(x + u')‖ / √t. With
    `absolute` it is expression/ggan at λ_adv = 0, without a critic: write `critic: null`.

    Wang, Ghasedi Dizaji & Huang 2018, "Conditional generative adversarial network for gene expression inference", say
    of squared error that its predictions are smooth and blurry.

    Args:
        distance: d: |y - ŷ| or (y - ŷ)².
        consistency: λ_cons; 0 leaves that term out.
        noise: standard deviation of u and u', in the units of the condition.
    """

    def __init__(self, *, distance: Distance = "squared", consistency: Weight = 0.0, noise: Weight = 0.1):
        super().__init__()
        self.distance = distance
        self.consistency = consistency
        self.noise = noise

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets as they are.

        Raises:
            DoesNotFit: data without a condition, or a generator that takes none.
        """
        require_condition("expression/inference", generator, spec)
        return generator, critic

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To be near the truth, and to say nearly the same of nearly the same."""
        terms = {"distance": play.mean(distance_to(play.real, play.fake, self.distance))}
        if self.consistency:
            terms["consistency"] = self.consistency * play.mean(inconsistency(play, self.noise))
        return terms

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(1e-3)."""
        return {"generator_optimizer": dict(ADAM)}


class Ggan(LossWrapper):
    """GGAN: the distance to the truth, an adversarial loss on pairs of condition and sample, and consistency.

    Generator: E d(y, G(x)) + λ_adv · L_adv + λ_cons · E ‖G(x + u) - G(x + u')‖ / √t; d is the mean of |y - ŷ| over a
    sample, u and u' two noises, t how many numbers a sample has, and L_adv the wrapped loss. Critic: the wrapped loss,
    real pairs (x, y) against (x, G(x)); the paper's is cross-entropy, basics/gan. The mean in place of the sum over
    genes makes λ independent of how many there are. What an adversarial loss adds in likeness it takes from accuracy
    (Blau & Michaeli 2018): look at `mae` and `variance_share` of expression/inference side by side.

    Wang, Ghasedi Dizaji & Huang 2018, "Conditional generative adversarial network for gene expression inference",
    Bioinformatics 34: i603 (figure 1 has the three terms).

    Args:
        loss: the adversarial loss, as a nested `use:`.
        adversarial: λ_adv.
        consistency: λ_cons; 0 leaves that term out.
        noise: standard deviation of u and u', in the units of the condition.
        distance: d: |y - ŷ| as in the paper, or (y - ŷ)².
    """

    def __init__(
        self,
        *,
        loss: Loss,
        adversarial: Weight = 0.1,
        consistency: Weight = 0.0,
        noise: Weight = 0.1,
        distance: Distance = "absolute",
    ):
        super().__init__(loss)
        self.adversarial = adversarial
        self.consistency = consistency
        self.noise = noise
        self.distance = distance

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets as the wrapped loss prepares them.

        Raises:
            DoesNotFit: data without a condition, a net that takes none, or a wrapped loss without a critic.
        """
        require_condition("expression/ggan", generator, spec)
        if not self.loss.trains("critic"):
            raise DoesNotFit("expression/ggan needs an adversarial loss inside, such as loss.loss.use=basics/gan")
        if critic is not None and not declares(critic, "condition"):
            raise DoesNotFit(
                "expression/ggan judges samples together with their condition, and this critic takes none: choose one "
                "that does, such as expression/ggan"
            )
        return super().prepare(generator, critic, spec)

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To be near the truth, to pass for real, and to say nearly the same of nearly the same."""
        terms = {"distance": play.mean(distance_to(play.real, play.fake, self.distance))}
        terms |= {name: self.adversarial * value for name, value in super().generator_loss(play).items()}
        if self.consistency:
            terms["consistency"] = self.consistency * play.mean(inconsistency(play, self.noise))
        return terms
