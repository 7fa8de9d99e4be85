"""InfoGAN (Chen et al. 2016): parts of the latent are codes that can be read back from the sample."""

from math import log, pi, prod
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, feature_count, into_range, member
from gantk.spec import DataSpec

Size = Annotated[int, Ge(1)]


class CodedGenerator(nn.Module):
    """Dense layers from noise and codes: one of some categories, with equal probability, and numbers within [-1, 1].

    Args:
        spec: what one sample is.
        noise: numbers from N(0, 1) that no code explains.
        categories: how many the categorical code chooses from.
        continuous: how many continuous codes there are.
        width: numbers of each hidden layer.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        noise: Size = 16,
        categories: Annotated[int, Ge(2)] = 10,
        continuous: Annotated[int, Ge(0)] = 2,
        width: Size = 128,
    ):
        super().__init__()
        if spec.categorical:
            raise DoesNotFit("zoo/coded makes continuous samples; use basics/mlp for one-hot ones")
        self.spec = spec
        self.latent_shape = (noise + categories + continuous,)
        self.latent_parts = {
            "noise": slice(0, noise),
            "category": slice(noise, noise + categories),
            "continuous": slice(noise + categories, noise + categories + continuous),
        }
        self.layers = nn.Sequential(
            nn.Linear(noise + categories + continuous, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, prod(spec.shape)),
        )

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor:
        """(n, noise + categories + continuous); the category is one-hot."""
        at = self.latent_parts
        count = {name: part.stop - part.start for name, part in at.items()}
        noise = torch.randn(n, count["noise"], generator=rng, device=rng.device)
        category = torch.randint(count["category"], (n,), generator=rng, device=rng.device)
        continuous = 2 * torch.rand(n, count["continuous"], generator=rng, device=rng.device) - 1
        return torch.cat([noise, one_hot(category, count["category"]).to(noise), continuous], 1)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, noise + categories + continuous) to (B, *spec.shape)."""
        raw = self.layers(latent).reshape(-1, *self.spec.shape)
        return into_range(raw, self.spec, "sigmoid")


class InfoGan(Loss):
    """The GAN loss, and a lower bound of the mutual information between codes and samples, which all nets raise.

    L_I(G, Q) = E log Q(c|x) + H(c) for x = G(z, c), equations 4 and 5; min over G and Q, max over D of V - λ L_I,
    equation 6. Q is a linear layer on the critic's features: a softmax for the category, for each continuous code a
    normal distribution of variance 1. Q, and the layers it shares with D, learn in the critic's updates, G in its own,
    as in the authors' code. `information_…` are -λ L_I, `critic_real` and `critic_fake` are -V, and the generator
    minimises -log D(G(z, c)).

    Chen et al. 2016, "InfoGAN: interpretable representation learning by information maximizing generative adversarial
    nets", equations 4 to 6 and section 6.

    Args:
        weight: λ of the categorical code.
        continuous_weight: λ of the continuous codes.
    """

    def __init__(self, *, weight: Annotated[float, Ge(0)] = 1.0, continuous_weight: Annotated[float, Ge(0)] = 0.1):
        super().__init__()
        self.weight = weight
        self.continuous_weight = continuous_weight
        self.with_critic: nn.Linear

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """Both nets as they are; Q is made here, since it needs the critic's features.

        Raises:
            DoesNotFit: units, no features, or a generator without codes.
        """
        parts: Any = member(generator, "latent_parts")
        if not {"category", "continuous"} <= set(parts):
            raise DoesNotFit("zoo/infogan needs a generator with codes in its latent, such as zoo/coded")
        if spec.unit_axes:
            raise DoesNotFit("zoo/infogan reads the codes of a whole sample, but these samples have units")
        self.parts = parts
        codes = parts["category"].stop - parts["category"].start + parts["continuous"].stop - parts["continuous"].start
        self.with_critic = nn.Linear(feature_count(critic, spec), codes, device=next(critic.parameters()).device)
        return generator, critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """-V, and -λ L_I of the critic's fakes."""
        real, fake = play.scores()
        category, continuous = self.information(play)
        return {
            "critic_real": play.mean(softplus(-real)),
            "critic_fake": play.mean(softplus(fake)),
            "information_critic": -self.weight * category - self.continuous_weight * continuous,
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """To pass for real, and -λ L_I."""
        category, continuous = self.information(play)
        return {
            "generator": play.mean(softplus(-play.score(play.fake))),
            "information_generator": -self.weight * category - self.continuous_weight * continuous,
        }

    def information(self, play: Play) -> tuple[Tensor, Tensor]:
        """L_I of the categorical code and of the continuous ones, in nats."""
        features: Any = play.critic.features
        assert play.latent is not None
        category, continuous = play.latent[:, self.parts["category"]], play.latent[:, self.parts["continuous"]]
        told = self.with_critic(features(play.fake))
        logits, means = told[:, : category.shape[1]], told[:, category.shape[1] :]
        of_category = log(category.shape[1]) - cross_entropy(logits, category)
        density = -0.5 * (continuous - means).square() - 0.5 * log(2 * pi)  # log N(c; μ(x), 1)
        return of_category, (density + log(2)).sum(1).mean()  # a number within [-1, 1] has the entropy log 2

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Chen et al. 2016, appendix C: Adam, 2e-4 for the critic and 1e-3 for the generator."""
        adam = {"use": "basics/adam", "lr": 2e-4, "betas": [0.5, 0.999]}
        return {"critic_steps": 1, "generator_optimizer": adam | {"lr": 1e-3}, "critic_optimizer": dict(adam)}
