"""Randomness as a function of (seed, purpose, step, update): nothing to save, and a resumed run is the same run."""

from __future__ import annotations

from hashlib import blake2b

import torch


def derive(seed: int, purpose: str, step: int = 0, update: int = 0) -> int:
    """A seed of 63 bits (what torch takes everywhere) that depends on nothing but the arguments.

    Args:
        seed: the recipe's seed.
        purpose: what the numbers are for ("latent", "order", "augmentation"); different purposes never share a stream.
        step: training step, or epoch, from 0.
        update: which update within the step, from 0.
    """
    digest = blake2b(f"{seed}/{purpose}/{step}/{update}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(
    seed: int, purpose: str, step: int = 0, update: int = 0, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A fresh torch.Generator on `device` with the seed that `derive` gives; each kind of device has its own stream."""
    rng = torch.Generator(device=device)
    rng.manual_seed(derive(seed, purpose, step, update))
    return rng


def seed_layers(seed: int, device: torch.device) -> None:
    """Seeds torch's global streams, from which layers draw that take no generator (dropout).

    Args:
        seed: made by `derive`.
        device: where the nets are. For the CPU it is done without `torch.manual_seed`, which turns to every kind of
            accelerator too: .1 ms a step, much for a small net.
    """
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
