"""VAE-GAN: a VAE whose likelihood is learnt by a critic, and which is the generator of a GAN at the same time.

Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity metric".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import softplus

from gantk.errors import DoesNotFit
from gantk.interfaces import Play, adam_defaults, declares, has_member
from gantk.messages import did_you_mean
from gantk.spec import DataSpec
from gantk_zoo.encoders.vae import Vae, divergence, encoded


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """Gradients pass through the net, and none reach its weights."""
    trained = [each for each in net.parameters() if each.requires_grad]
    for each in trained:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in trained:
            each.requires_grad_(True)


class VaeGan(Vae):
    """VAE-GAN: reconstructions are near their samples in the features of a critic, which tells both from real samples.

    With x̃ = Dec(z), z drawn from q(z|x), x_p = Dec(z_p), z_p from the prior, D = σ(critic) and D_l the features of its
    layer l:

        L_prior = KL(q(z|x) ‖ N(0, I))
        L_rec   = -E_q log N(D_l(x); D_l(x̃), I), without its constant: half the squared distance
        L_GAN   = -log D(x) - log(1 - D(x̃)) - log(1 - D(x_p)), which the critic minimises

    The encoder is trained by L_prior + L_rec, the decoder by γ L_rec - L_GAN, the critic by L_GAN alone. As in GANs
    usually, the decoder minimises -log D(x̃) - log D(x_p) in place of -L_GAN (`minimax` for the letter of the paper).
    Samples are decoded twice in an update, once for each net, as the encoder is told nothing of L_GAN, and the decoder
    nothing of L_prior. Of Bao et al. 2017 (CVAE-GAN: four nets, six terms, mean feature matching) this is not a case.

    Larsen et al. 2016, equations 5 to 8 and algorithm 1.

    Args:
        encoder: samples to vectors of twice the latent's length, as a nested `use:`.
        gamma: γ, weight of L_rec beside L_GAN in what trains the decoder; the paper has 1e-6 for large images.
        layer: l: the name of a module within the critic ("layers.1"); empty: its `features`.
        minimax: whether the decoder minimises -L_GAN itself.
    """

    name = "zoo/vaegan"

    def __init__(
        self,
        *,
        encoder: nn.Module,
        gamma: Annotated[float, Ge(0)] = 1e-2,
        layer: str = "",
        minimax: bool = False,
    ):
        super().__init__(encoder=encoder, likelihood="gaussian", sigma=1.0)
        self.gamma = gamma
        self.layer = layer
        self.minimax = minimax

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """The decoder together with the encoder, and the critic as it is.

        Raises:
            DoesNotFit: nets that a VAE cannot have, or a critic without features or without such a layer.
        """
        known = [name for name, _ in critic.named_modules() if name]
        if self.layer and self.layer not in known:
            there = did_you_mean(self.layer, known, f"it has {', '.join(known)}")
            raise DoesNotFit(f"the critic has no layer '{self.layer}' for zoo/vaegan: {there}")
        if not self.layer and not has_member(critic, "features"):
            raise DoesNotFit("zoo/vaegan compares the features of a critic, and this one has none: name its layer")
        if declares(critic, "latent"):
            raise DoesNotFit(
                "zoo/vaegan shows samples alone to its critic, and this one scores them with their latents"
            )
        return super().prepare(generator, None, spec)[0], critic

    def features(self, play: Play, samples: Tensor) -> Tensor:
        """D_l of samples: (B, F).

        Args:
            play: knows the critic.
            samples: (B, *spec.shape).
        """
        if not self.layer:
            return play.critic.features(samples).flatten(1)
        found: list[Tensor] = []
        handle = play.critic.get_submodule(self.layer).register_forward_hook(lambda *of: found.append(of[2]))
        try:
            play.score(samples)
        finally:
            handle.remove()
        return found[0].flatten(1)

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """L_GAN."""
        coded, _, mean, log_variance = encoded(play, graph=False)
        with torch.no_grad():
            again = play.generate(self._drawn(play, coded, mean, log_variance))
        real, fake = play.scores()
        return {
            "critic_real": play.mean(softplus(-real)),
            "critic_reconstructed": play.mean(softplus(play.score(again))),
            "critic_fake": play.mean(softplus(fake)),
        }

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """L_prior + L_rec for the encoder, γ L_rec - L_GAN for the decoder."""
        coded, _, mean, log_variance = encoded(play)
        latent = self._drawn(play, coded, mean, log_variance)
        with torch.no_grad():
            wanted = self.features(play, play.real)
        with frozen(coded.generator):
            of_encoder = self._distance(wanted, self.features(play, play.generate(latent)))
        again = play.generate(latent.detach())
        of_decoder = self._distance(wanted, self.features(play, again))
        scores = play.score(again), play.score(play.fake)
        terms = {"prior": divergence(mean, log_variance).mean(), "reconstruction": of_encoder}
        terms["decoder_reconstruction"] = self.gamma * of_decoder
        for name, score in zip(("generator_reconstructed", "generator"), scores, strict=True):
            terms[name] = -play.mean(softplus(score)) if self.minimax else play.mean(softplus(-score))
        return terms

    @staticmethod
    def _drawn(play: Play, coded: Any, mean: Tensor, log_variance: Tensor) -> Tensor:
        noise = play.normal(play.batch, *coded.latent_shape, purpose="posterior").to(mean)
        return mean + noise * (log_variance / 2).exp()

    @staticmethod
    def _distance(wanted: Tensor, found: Tensor) -> Tensor:
        return (wanted - found).square().sum(1).mean() / 2

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Larsen et al. 2016, section 4: RMSprop(3e-4); here Adam(3e-4, .5, .999)."""
        return adam_defaults(3e-4, (0.5, 0.999))
