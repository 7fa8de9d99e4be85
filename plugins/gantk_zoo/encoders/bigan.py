"""BiGAN (Donahue et al. 2017; ALI, Dumoulin et al. 2017): an encoder is learnt beside the generator."""

from math import prod
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import (
    GeneratorWrapper,
    Loss,
    Play,
    adam_defaults,
    declares,
    member,
)
from gantk.sampling import evaluating
from gantk.spec import DataSpec

Size = Annotated[int, Ge(1)]


class JointCritic(nn.Module):
    """Dense layers that judge a sample together with its latent.

    Args:
        spec: what one sample is.
        latent: length of the latent, the generator's.
        width: numbers of each hidden layer.
    """

    def __init__(self, spec: DataSpec, *, latent: Size = 16, width: Size = 128):
        super().__init__()
        if spec.unit_axes:
            raise DoesNotFit("zoo/joint scores whole samples, not units; use basics/mlp")
        self.layers = nn.Sequential(
            nn.Linear(prod(spec.shape) + latent, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, samples: Tensor, latent: Tensor) -> Tensor:
        """(B, *spec.shape) and (B, latent) to scores (B,)."""
        return self.layers(torch.cat([samples.flatten(1), latent], 1)).squeeze(-1)


class Bidirectional(GeneratorWrapper):
    """A generator and an encoder: one module, so that the moving average, checkpoints and metrics have both.

    Args:
        generator: latents to samples.
        encoder: samples to latents.
    """

    def __init__(self, generator: nn.Module, encoder: nn.Module):
        super().__init__(generator, nn.Identity())
        self.encoder = encoder

    def encode(self, samples: Tensor) -> Tensor:
        """E(x): (B, *spec.shape) to latents (B, latent)."""
        return self.encoder(samples)


class BiGan(Loss):
    """The critic tells pairs (x, E(x)) from pairs (G(z), z); generator and encoder make it fail.

    Critic: -E log D(x, E(x)) - E log(1 - D(G(z), z)), with D = σ(score). Generator and encoder: the same with the
    answers swapped, -E log(1 - D(x, E(x))) - E log D(G(z), z), the "inverse objective" of section 3.4.

    Donahue et al. 2017, "Adversarial feature learning", equations 2 and 3; Dumoulin et al. 2017, "Adversarially learned
    inference", equation 1.

    Args:
        encoder: samples to latents, as a nested `use:`.
    """

    def __init__(self, *, encoder: nn.Module):
        super().__init__()
        self._given = [encoder]  # in a list, so that it is a submodule of the generator alone

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        """The generator together with the encoder.

        Raises:
            DoesNotFit: no generator, a critic that does not see latents, or latents of different lengths.
        """
        if generator is None or not declares(critic, "latent"):
            raise DoesNotFit("zoo/bigan needs a generator, and a critic of (sample, latent): zoo/joint")
        encoder = self._given[0]
        shape: Any = member(generator, "latent_shape")
        zeros = torch.zeros((2, *spec.shape), device=next(critic.parameters()).device)
        with evaluating(encoder), evaluating(critic):
            coded = encoder(zeros)
            if shape is None or tuple(coded.shape[1:]) != tuple(shape):
                raise DoesNotFit(
                    f"the encoder gives latents of {tuple(coded.shape[1:])}, the generator takes {shape}: give "
                    "the encoder as many outputs"
                )
            try:
                critic(zeros, latent=coded)
            except RuntimeError as error:
                raise DoesNotFit(f"the critic takes latents of another length than {shape}: {error}") from error
        return Bidirectional(generator, encoder), critic

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Pairs that the encoder completed against pairs that the generator completed."""
        real, fake = self._scores(play)
        return {"critic_real": play.mean(softplus(-real)), "critic_fake": play.mean(softplus(fake))}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """The answers swapped, for both."""
        real, fake = self._scores(play)
        return {"encoder": play.mean(softplus(real)), "generator": play.mean(softplus(-fake))}

    def _scores(self, play: Play) -> tuple[Tensor, Tensor]:
        encode: Any = play.generator.encode  # type: ignore[union-attr]
        with torch.set_grad_enabled(play.side == "generator"):
            coded = encode(play.real)
        return play.score(play.real, latent=coded), play.score(play.fake)

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Donahue et al. 2017, appendix C: Adam(2e-4, 0.5, 0.999)."""
        return adam_defaults(2e-4, (0.5, 0.999))
