"""A conditional VAE whose decoder is the generator of an AC-GAN: one net, trained by both objectives.

Sohn et al. 2015, "Learning structured output representation using deep conditional generative models" (cVAE); Odena et
al. 2017, "Conditional image synthesis with auxiliary classifier GANs" (AC-GAN).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play, declares
from gantk.spec import DataSpec
from gantk_zoo.conditional.acgan import AuxiliaryClassifier
from gantk_zoo.encoders.vae import ConditionalVae, EncodedGenerator, Likelihood


class ConditionalVaeAcGan(AuxiliaryClassifier):
    """Conditional VAE and AC-GAN that share one net: the decoder of the first is the generator of the second.

    With L_VAE = -E_q log p(x|z, y) + β KL(q(z|x, y) ‖ N(0, I)) of zoo/cvae, and L_S and L_C, the terms of zoo/acgan on
    real samples and on draws from the prior:

        encoder minimises γ L_VAE
        decoder minimises γ (-E_q log p(x|z, y)) + L_S + w' L_C, the generator's side
        critic and its class head minimise L_S + w L_C, the critic's side

    Likelihoods are summed over pixels, so γ is small: it weighs nats of a whole sample against scores. As γ is all that
    scales the encoder's gradients, Adam trains the encoder alike for any γ; γ = 0 leaves it as it was made. The critic
    sees no reconstructions (in VAE-GAN it does), so each side's terms are those of the papers, letter by letter.

    Not CVAE-GAN (Bao et al. 2017): that has a classifier as a fourth net, and six terms, of which the generator's are
    distances of mean features instead of scores.

    Sohn et al. 2015, section 4.1; Odena et al. 2017, equations 2 and 3.

    Args:
        loss: L_S, as a nested `use:`; the AC-GAN of the paper has basics/gan.
        encoder: samples to vectors of twice the latent's length, as a nested `use:`.
        gamma: γ, weight of the conditional VAE's objective, in scores a nat.
        likelihood: p(x|z, y), as of zoo/vae.
        beta: weight of the divergence from the prior.
        sigma: standard deviation of the Gaussian likelihood, in the units of the data; learnt: one number, trained.
        weight: w, of the critic's class terms.
        generator_weight: w', of the generator's.
    """

    def __init__(
        self,
        *,
        loss: Loss,
        encoder: nn.Module,
        gamma: Annotated[float, Ge(0)] = 0.01,
        likelihood: Likelihood = "gaussian",
        beta: Annotated[float, Ge(0)] = 1.0,
        sigma: Annotated[float, Gt(0)] | Literal["learnt"] = "learnt",
        weight: Annotated[float, Ge(0)] = 1.0,
        generator_weight: Annotated[float, Ge(0)] = 1.0,
    ):
        super().__init__(loss=loss, weight=weight, generator_weight=generator_weight)
        self.vae = ConditionalVae(encoder=encoder, likelihood=likelihood, beta=beta, sigma=sigma)
        self.vae.name = "zoo/cvae_acgan"
        self.gamma = gamma

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, nn.Module]:
        """The decoder together with its encoder, and both nets as AC-GAN prepares them.

        Raises:
            DoesNotFit: no generator or no critic, what a conditional VAE or an AC-GAN cannot have, a critic that scores
                latents, or an inner loss that wraps the generator.
        """
        if generator is None or critic is None:
            raise DoesNotFit("zoo/cvae_acgan trains a generator and a critic; without a critic take zoo/cvae")
        if declares(critic, "latent"):
            raise DoesNotFit(
                "zoo/cvae_acgan shows samples alone to its critic, and this one scores them with their latents"
            )
        coded = self.vae.prepare(generator, None, spec)[0]
        generator, critic = super().prepare(coded, critic, spec)
        if not isinstance(generator, EncodedGenerator):
            raise DoesNotFit("the loss within zoo/cvae_acgan changes the generator: choose one such as basics/gan")
        return generator, critic

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """AC-GAN's terms and γ times the conditional VAE's; `kl` is logged as it is, too."""
        terms = self.vae.generator_loss(play)
        return {
            **super().generator_loss(play),
            "reconstruction": self.gamma * terms["reconstruction"],
            "weighted_kl": self.gamma * terms["weighted_kl"],
            "kl": terms["kl"],
        }
