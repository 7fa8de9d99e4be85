"""Latents from a generator's prior: many from one seed or each from its own, perhaps truncated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.errors import DoesNotFit
from gantk.interfaces.nets import draw_latent
from gantk.interfaces.optional_members import member

LEAST_TRUNCATION = 0.01  # below it, nearly every number would be drawn again hundreds of times


def has_normal_prior(generator: nn.Module) -> bool:
    """Whether latents are drawn from N(0, I): whether a generator, or what it wraps, draws what `torch.randn` draws."""
    shape: Any = member(generator, "latent_shape")
    if shape is None:
        return False
    drawn = draw_latent(generator, 2, randomness.generator(0, "prior"))
    plain = torch.randn((2, *shape), generator=randomness.generator(0, "prior"))
    return drawn is not None and torch.equal(drawn, plain)


def draw_latents(
    generator: nn.Module, n: int, *, seed: int, purpose: str = "sample", truncation: float | None = None
) -> Tensor | None:
    """n latents on the CPU, the same whatever the device of the generator; None where it takes none.

    Args:
        generator: whose prior.
        n: how many.
        seed: of all of them.
        purpose: name of the random stream.
        truncation: numbers farther from 0 than this are drawn again until none is; None: as the prior has them.

    Raises:
        DoesNotFit: truncation of a prior that is not N(0, I), or a threshold too small to be met.
    """
    rng = randomness.generator(seed, purpose)
    latents = draw_latent(generator, n, rng)
    if truncation is None:
        return latents
    if latents is None or not has_normal_prior(generator):
        raise DoesNotFit(
            "truncation draws the largest numbers of latents from N(0, 1) again, and this generator "
            + ("takes no latent" if latents is None else "has another prior")
            + ": leave it out"
        )
    return truncated(latents, truncation, rng)


def latents_of_seeds(generator: nn.Module, seeds: Sequence[int], *, truncation: float | None = None) -> Tensor | None:
    """A latent of each seed, which depends on that seed alone: the one that `draw_latents(…, 1, seed=seed)` gives.

    Args:
        generator: whose prior.
        seeds: one or more.
        truncation: as for `draw_latents`.
    """
    drawn = [draw_latents(generator, 1, seed=seed, truncation=truncation) for seed in seeds]
    return None if drawn[0] is None else torch.cat([each for each in drawn if each is not None])


def truncated(latents: Tensor, threshold: float, rng: torch.Generator) -> Tensor:
    """Draws from N(0, 1) with those beyond a threshold drawn again: N(0, 1) given that |z| ≤ threshold.

    Brock et al. 2019 ("Large scale GAN training", section 3.1): less variety, for samples nearer to the typical ones.

    Args:
        latents: drawn from N(0, 1), of any shape.
        threshold: 0.01 or more.
        rng: draws again; on the device of the latents.

    Raises:
        DoesNotFit: a smaller threshold.
    """
    if not threshold >= LEAST_TRUNCATION:
        raise DoesNotFit(f"truncation is a number from {LEAST_TRUNCATION}, and here it is {threshold}")
    flat = latents.flatten().clone()
    beyond = (flat.abs() > threshold).nonzero()[:, 0]
    while len(beyond):
        flat[beyond] = torch.randn(len(beyond), generator=rng, device=rng.device)
        beyond = beyond[flat[beyond].abs() > threshold]
    return flat.reshape(latents.shape)
