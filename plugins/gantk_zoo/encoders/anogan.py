"""AnoGAN (Schlegl et al. 2017) and f-AnoGAN (2019): how far a sample is from the nearest that a generator makes.

The generator and its critic were trained on samples without anomalies. AnoGAN searches a latent for each sample;
f-AnoGAN trains an encoder on the frozen generator, and then needs one forward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from gantk_basics.optimizers import Adam
from gantk_basics.reconstruction.search import frozen
from torch import Tensor, nn

from gantk import randomness
from gantk.errors import DoesNotFit
from gantk.interfaces import draw_latent, has_member, member
from gantk.sampling import evaluating

FEATURES = 0.1  # Schlegl et al. 2017: λ, the share of the feature distance
CHUNK = 256


def refuse_unfit(generator: nn.Module | None, critic: nn.Module | None) -> None:
    """What an anomaly score needs of both nets.

    Raises:
        DoesNotFit: no generator with a latent of one axis, or no critic with features.
    """
    shape: Any = None if generator is None else member(generator, "latent_shape")
    if shape is None or len(shape) != 1:
        raise DoesNotFit("an anomaly score looks for a latent of one axis, and there is no generator that has one")
    if critic is None or not has_member(critic, "features"):
        raise DoesNotFit(
            "an anomaly score compares the critic's features, too: it needs a critic written as head(features(samples))"
        )


def search_score(critic: nn.Module, real: Tensor, drawn: Tensor, share: float = FEATURES) -> Tensor:
    """(1 - λ) Σ|x - G(z)| + λ Σ|f(x) - f(G(z))|, (B,): AnoGAN's loss of a latent, and its anomaly score.

    Schlegl et al. 2017 ("Unsupervised anomaly detection with GANs to guide marker discovery"), equations 1, 3, 4 and 6.

    Args:
        critic: whose features f are compared.
        real: x, (B, *spec.shape).
        drawn: G(z), (B, *spec.shape).
        share: λ.
    """
    features: Any = critic.features
    residual = (real - drawn).abs().flatten(1).sum(1)
    apart = (features(real) - features(drawn)).abs().flatten(1).sum(1)
    return (1 - share) * residual + share * apart


def encoder_score(critic: nn.Module, real: Tensor, drawn: Tensor, weight: float = 1.0) -> Tensor:
    """‖x - G(E(x))‖² / n + κ ‖f(x) - f(G(E(x)))‖² / n_f, (B,): f-AnoGAN's loss of the encoder, and its anomaly score.

    Schlegl et al. 2019 ("f-AnoGAN: fast unsupervised anomaly detection with GANs"), equations 3 (izi_f) and 4.

    Args:
        critic: whose features f are compared, n_f numbers.
        real: x, (B, *spec.shape), n numbers each.
        drawn: G(E(x)), (B, *spec.shape).
        weight: κ.
    """
    features: Any = critic.features
    residual = (real - drawn).square().flatten(1).mean(1)
    return residual + weight * (features(real) - features(drawn)).square().flatten(1).mean(1)


def search(
    generator: nn.Module, critic: nn.Module, real: Tensor, *, steps: int, lr: float, seed: int, share: float = FEATURES
) -> Tensor:
    """The anomaly score of each sample by AnoGAN, (N,): its latent is found by gradient descent (Adam).

    All latents move at once, each by its own gradient: the loss is a sum of functions of one latent each, and Adam
    scales each number on its own, so that a sample's score does not depend on the others.

    Args:
        generator: latents (B, D) to samples.
        critic: whose features are compared.
        real: (N, *spec.shape), on the device of the nets.
        steps: of Adam; the paper takes 500.
        lr: of Adam.
        seed: of the latents to start from.
        share: of the feature distance.
    """
    start = draw_latent(generator, len(real), randomness.generator(seed, "anogan"))
    assert start is not None
    latent = start.to(real.device).requires_grad_(True)
    optimizer = Adam([latent], lr=lr)
    with frozen(generator), frozen(critic):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            search_score(critic, real, generator(latent), share).sum().backward()
            optimizer.step()
        with torch.no_grad():
            return search_score(critic, real, generator(latent), share)


def train_encoder(
    encoder: nn.Module,
    generator: nn.Module,
    critic: nn.Module,
    samples: Tensor,
    *,
    steps: int,
    batch: int,
    lr: float,
    seed: int,
    weight: float = 1.0,
) -> None:
    """Trains f-AnoGAN's encoder in place, on a frozen generator and critic.

    Args:
        encoder: samples to latents.
        generator: latents to samples.
        critic: whose features are compared.
        samples: for training, (N, *spec.shape), on the device of the nets.
        steps: of Adam.
        batch: samples a step, drawn with repeats.
        lr: of Adam.
        seed: of the batches.
        weight: κ.
    """
    rng = randomness.generator(seed, "f-anogan")
    optimizer = Adam(encoder.parameters(), lr=lr)
    encoder.train()
    with frozen(generator), frozen(critic):
        for _ in range(steps):
            real = samples[torch.randint(len(samples), (batch,), generator=rng).to(samples.device)]
            optimizer.zero_grad(set_to_none=True)
            encoder_score(critic, real, generator(encoder(real)), weight).mean().backward()
            optimizer.step()


def encoded_score(
    encoder: nn.Module, generator: nn.Module, critic: nn.Module, real: Tensor, weight: float = 1.0
) -> Tensor:
    """The anomaly score of each sample by f-AnoGAN, (N,); see `encoder_score`."""
    with evaluating(encoder), evaluating(generator), evaluating(critic):
        parts = [encoder_score(critic, part, generator(encoder(part)), weight) for part in real.split(CHUNK)]
    return torch.cat(parts)
