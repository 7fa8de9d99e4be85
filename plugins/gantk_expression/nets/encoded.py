"""A decoder with its encoder beside it, and what the posteriors of the latest training samples were."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import declares, has_member, member
from gantk.sampling import evaluating
from gantk.spec import DataSpec
from gantk_expression.nets.gaussians import drawn

Source = Literal["posterior", "prior"]


def check_encoder(encoder: nn.Module, spec: DataSpec, latents: int, device: torch.device, who: str) -> None:
    """Whether an encoder gives a mean and a log variance of each latent.

    Args:
        encoder: samples to vectors.
        spec: what one sample is.
        latents: how many the decoder takes.
        device: where the encoder is.
        who: the loss, for the message.

    Raises:
        DoesNotFit: it gives other numbers.
    """
    with evaluating(encoder):
        shape = tuple(encoder(torch.zeros((2, *spec.shape), device=device)).shape)
    if shape != (2, 2 * latents):
        found = shape[1] if len(shape) == 2 else shape[1:]
        raise DoesNotFit(
            f"the encoder of {who} gives the mean and the log variance of each of {latents} latents, so "
            f"{2 * latents} numbers, and this one gives {found}: write outputs: {2 * latents} (basics/mlp) or "
            f"latent: {latents} (expression/tybalt)"
        )


def flat_latents(generator: nn.Module | None, critic: Any, spec: DataSpec, who: str) -> int:
    """How many latents a decoder takes that is to be trained with an encoder, without a critic.

    Args:
        generator: the decoder.
        critic: must be None.
        spec: what one sample is.
        who: the loss, for messages.

    Raises:
        DoesNotFit: nets or data that such a model cannot have.
    """
    if generator is None or critic is not None:
        raise DoesNotFit(f"{who} trains a generator and no critic: write critic: null")
    shape = member(generator, "latent_shape")
    if shape is None or len(shape) != 1 or has_member(generator, "draw_latent"):
        raise DoesNotFit(f"{who} needs a decoder of a flat latent from N(0, I), such as basics/mlp")
    for given in ("labels", "condition"):
        if declares(generator, given):
            raise DoesNotFit(f"the decoder of {who} is given latents alone, and this one takes {given}: take another")
    if spec.categorical:
        raise DoesNotFit(f"{who} has no likelihood of letters (one-hot data)")
    return prod(shape)


class EncodedDecoder(nn.Module):
    """A decoder with its encoder: one module, so that the moving average, checkpoints and metrics have both.

    `forward` is the decoder; `encode` gives the mean of q(z|x) = N(μ(x), diag σ²(x)). Latents are drawn from the
    posteriors of the training samples that were seen last, or from the prior N(0, I).

    Args:
        generator: the decoder.
        encoder: samples to vectors of twice the latent's length: the mean, then the logarithm of the variance.
        latents: how many.
        source: where latents are drawn from.
        kept: of how many training samples the posteriors are kept.
    """

    def __init__(self, generator: nn.Module, encoder: nn.Module, latents: int, source: Source, kept: int):
        super().__init__()
        self.generator = generator
        self.encoder = encoder
        self.latent_shape = (latents,)
        self.source: Source = source
        at = next(generator.parameters()).device
        # The bits of float32 numbers as integers: of several processes, changes of floating buffers are averaged
        # (batch statistics), and a mean of the posteriors of different samples is nobody's.
        self.kept: Tensor
        self.seen: Tensor
        self.register_buffer("kept", torch.zeros((kept, 2, latents), dtype=torch.int32, device=at))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64, device=at))

    @property
    def passes_on_to(self) -> nn.Module:
        """The decoder."""
        return self.generator

    def forward(self, latent: Tensor) -> Tensor:
        """The decoder: (B, latent) to (B, *spec.shape)."""
        return self.generator(latent)

    def posterior(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x): (B, *spec.shape) to (B, latent) each."""
        mean, log_variance = self.encoder(samples).chunk(2, 1)
        return mean, log_variance

    def encode(self, samples: Tensor) -> Tensor:
        """The mean of q(z|x): (B, *spec.shape) to (B, latent)."""
        return self.posterior(samples)[0]

    @torch.no_grad()
    def keep(self, mean: Tensor, log_variance: Tensor) -> None:
        """Keeps the posteriors of a batch, in place of the oldest.

        Args:
            mean: (B, latent).
            log_variance: (B, latent).
        """
        bits = torch.stack([mean, log_variance], 1).float().contiguous().view(torch.int32)[-len(self.kept) :]
        at = (self.seen + torch.arange(len(bits), device=bits.device)) % len(self.kept)
        self.kept[at] = bits
        self.seen += len(bits)

    def kept_posteriors(self) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the posteriors of training samples that are kept: (N, latent) each."""
        known = self.kept[: min(int(self.seen), len(self.kept))].contiguous().view(torch.float32)
        return known[:, 0], known[:, 1]

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor:
        """n latents: of posteriors of training samples chosen at random, or from N(0, I); (n, latent).

        Before anything was trained there are no posteriors, and latents are from N(0, I).
        """
        return self.draw_from(self.source, n, rng)

    def draw_from(self, source: Source, n: int, rng: torch.Generator) -> Tensor:
        """n latents from one of the two, whatever the model says, (n, latent).

        Args:
            source: which.
            n: how many.
            rng: what they are drawn with.
        """
        noise = torch.randn((n, *self.latent_shape), generator=rng, device=rng.device)
        if source == "prior" or int(self.seen) == 0:
            return noise
        mean, log_variance = (each.to(rng.device) for each in self.kept_posteriors())
        rows = torch.randint(len(mean), (n,), generator=rng, device=rng.device)
        return drawn(mean[rows], log_variance[rows], noise)
