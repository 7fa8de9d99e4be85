"""Tybalt: a variational autoencoder of expression profiles (Way & Greene 2018)."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, Play
from gantk.spec import DataSpec
from gantk_expression.nets.encoded import EncodedDecoder, Source, check_encoder, flat_latents
from gantk_expression.nets.gaussians import divergence, drawn

EDGE = 1e-7
"""Shares stay this far from 0 and 1, as in Keras, so that no logarithm is infinite."""


def cross_entropy(shares: Tensor, made: Tensor) -> Tensor:
    """-Σ x log y + (1 - x) log(1 - y), in nats of each sample, (B,).

    Args:
        shares: x, 0 … 1, (B, …).
        made: y, 0 … 1, (B, …).
    """
    shares, made = shares.flatten(1), made.flatten(1).clamp(EDGE, 1 - EDGE)
    return -(shares * made.log() + (1 - shares) * (1 - made).log()).sum(1)


class Tybalt(Loss):
    """Cross-entropy summed over the genes + β KL(q(z|x) ‖ N(0, I)), in nats a sample; no critic.

    Expression scaled to 0 … 1 is no share of anything, so the cross-entropy is a distance and no likelihood: it is
    smallest, and not 0, where the decoder gives the sample. β is warmed up by κ an epoch in the paper (κ 1: 0 in the
    first epoch, 1 from the second). Here that is a schedule of `beta`, `{points: [[N, 0], [N, 1]], shape: piecewise,
    by: samples}` with N training samples. In the public code β is read once, while the graph is built and β is 0, so
    the divergence has the weight 0 whatever κ is; and the callback would end at 2. Here β acts, and stops at 1;
    `beta: 0` is what the public code trains.

    Way & Greene 2018, "Extracting a biologically relevant latent space from cancer transcriptomes with variational
    autoencoders", section 2.2.

    Args:
        encoder: samples to vectors of twice the latent's length, as a nested `use:` (expression/tybalt).
        beta: weight of the divergence from the prior.
        source: where generated samples have their latents from. posterior: a training sample that was seen lately is
            chosen at random, and the latent drawn from its q(z|x), which is what the decoder was trained on; prior:
            N(0, I), which with the published encoder (means ≥ 0, σ ≥ 1) it was not.
        kept: of how many training samples the posteriors are kept for that, in the model.
    """

    def __init__(
        self,
        *,
        encoder: nn.Module,
        beta: Annotated[float, Ge(0)] = 1.0,
        source: Source = "posterior",
        kept: Annotated[int, Ge(1)] = 1000,
    ):
        super().__init__()
        self._given = [encoder]  # in a list, so that it is a submodule of the generator alone
        self.beta = beta
        self.source: Source = source
        self.kept = kept

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, None]:
        """The decoder together with the encoder.

        Raises:
            DoesNotFit: nets or data that Tybalt cannot have; the message says what to take.
        """
        latents = flat_latents(generator, critic, spec, "expression/tybalt")
        assert generator is not None
        if spec.range is None:
            raise DoesNotFit(
                "expression/tybalt compares numbers from 0 to 1, and these data have no range: write data.transform: "
                "[unit] (each gene by its smallest and largest training value)"
            )
        encoder = self._given[0]
        check_encoder(encoder, spec, latents, next(generator.parameters()).device, "expression/tybalt")
        return EncodedDecoder(generator, encoder, latents, self.source, self.kept), None

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """`reconstruction` (the cross-entropy) and β times `kl`, which is logged as it is, too."""
        model: Any = play.generator
        precise = torch.promote_types(play.real.dtype, torch.float32)
        mean, log_variance = (each.to(precise) for each in model.posterior(play.real))
        model.keep(mean, log_variance)
        noise = play.normal(play.batch, *model.latent_shape, purpose="posterior").to(mean)
        made = play.generate(drawn(mean, log_variance, noise))
        kl = divergence(mean, log_variance).mean()
        low, high = play.spec.range or (0.0, 1.0)
        found = cross_entropy(*((each.to(precise) - low) / (high - low) for each in (play.real, made)))
        return {"reconstruction": found.mean(), "weighted_kl": self.beta * kl, "kl": kl.detach()}

    @classmethod
    def play_defaults(cls, **parameters: Any) -> dict[str, Any]:
        """Adam(5e-4), as published."""
        return {"generator_optimizer": {"use": "basics/adam", "lr": 5e-4}}
