"""The latents that reproduce given samples best (Osokin et al. 2017, section 6.3), by search or by an encoder."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.console import progress
from gantk.errors import DoesNotFit
from gantk.interfaces import call, draw_latent, has_member, member
from gantk.sampling import evaluating
from gantk.spec import DataSpec
from gantk_basics.reconstruction.lbfgs import minimise
from gantk_basics.reconstruction.targets import Targets

CHUNK = 256  # samples that are encoded together


@dataclass(frozen=True)
class Reconstructions:
    """What was found for N targets.

    Args:
        latents: the best of all starts, (N, D).
        images: what the generator makes of them, (N, *own_shape).
        error: root of the mean squared difference of brightness (0 … 1), (N,).
    """

    latents: Tensor
    images: Tensor
    error: Tensor

    def surprise(self) -> Tensor:
        """Negative log likelihood of each latent under N(0, I), in nats, (N,)."""
        return surprise(self.latents)


def surprise(latents: Tensor) -> Tensor:
    """Negative log likelihood of latents (N, D) under N(0, I), in nats: (N,)."""
    return 0.5 * latents.square().sum(1) + latents.shape[1] / 2 * math.log(2 * math.pi)


def typical_surprise(size: int) -> tuple[float, float]:
    """Mean and standard deviation of `surprise` over draws of N(0, I): 141.9 ± 7.1 for 100 numbers.

    Args:
        size: of the latent.
    """
    return size / 2 * (1 + math.log(2 * math.pi)), math.sqrt(size / 2)


@dataclass(frozen=True)
class Search:
    """How latents are looked for.

    Args:
        red_first: find the red part of the latent by the red channel, then the green part with red fixed.
        iterations: of L-BFGS; with `red_first` for each of the two.
        step: the first step, as a share of what L-BFGS proposes.
        starts: how many latents from N(0, I) to begin with; the best counts.
        together: how many latents are optimised in one batch.
        prior: weight of the mean square of what is looked for, beside the mean squared difference of the images in
            the generator's own range; 0 looks for the closest image, however unlikely its latent is under N(0, I).
    """

    red_first: bool
    iterations: int = 50
    step: float = 0.05
    starts: int = 5
    together: int = 160
    prior: float = 0.0


def reconstruct(
    generator: nn.Module,
    spec: DataSpec,
    wanted: Targets,
    search: Search,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Reconstructions:
    """The best latent of several starts for each target; starts and targets are optimised together.

    Args:
        generator: makes images from latents (B, D).
        spec: of what it makes.
        wanted: the targets.
        search: how.
        seed: of the starts.
        device: where the generator is.

    Raises:
        DoesNotFit: a generator without a latent of one axis, or `red_first` where it has no red and green part.
    """
    parts: Any = member(generator, "latent_parts")
    shape: Any = member(generator, "latent_shape")
    if shape is None or len(shape) != 1:
        raise DoesNotFit("reconstruct looks for a latent of one axis, drawn from N(0, 1); this generator has none")
    if search.red_first and not {"red", "green"} <= set(parts):
        raise DoesNotFit("this generator's latent has no red and green part; find all of it together: --together")
    count, starts = len(wanted.images), search.starts
    begin = draw_latent(generator, count * starts, randomness.generator(seed, "reconstruct"))
    assert begin is not None
    of_target = torch.arange(count).repeat_interleave(starts)
    stages = [("red", slice(0, 1)), ("green", slice(1, None))] if search.red_first else [("all", slice(None))]
    batches = list(torch.arange(len(begin)).split(max(search.together // starts, 1) * starts))
    ticks = progress(range(len(batches) * len(stages) * search.iterations), text="reconstructing")
    found, images, errors = [], [], []
    with frozen(generator):
        for rows in batches:
            latents = begin[rows].to(device)
            goal = wanted.images[of_target[rows]].to(device)
            group = wanted.group[of_target[rows]].to(device)
            for part, channels in stages:
                free = parts.get(part, slice(None))
                mismatch = partial(
                    _mismatch, generator, latents, free, group, goal, channels, wanted.has_units, search.prior
                )
                values, _ = minimise(
                    mismatch, latents[:, free], iterations=islice(ticks, search.iterations), step=search.step
                )
                latents = replaced(latents, free, values)
            with torch.no_grad():
                drawn = draw(generator, latents, group, wanted.has_units)
            found.append(latents.cpu())
            images.append(drawn.cpu())
            errors.append(difference(drawn, goal, spec).cpu())
    error, best = torch.cat(errors).reshape(count, starts).min(1)
    chosen = torch.arange(count) * starts + best
    return Reconstructions(torch.cat(found)[chosen], torch.cat(images)[chosen], error)


def _mismatch(
    generator: nn.Module,
    fixed: Tensor,
    free: slice,
    group: Tensor,
    goal: Tensor,
    channels: slice,
    has_units: bool,
    prior: float,
    values: Tensor,
) -> Tensor:
    """Mean squared difference of some channels from the goal, with `values` in the free part of the latents, and the
    weighted mean square of the values: (B,)."""
    drawn = draw(generator, replaced(fixed, free, values), group, has_units)
    return (drawn[:, channels] - goal[:, channels]).square().flatten(1).mean(1) + prior * values.square().mean(1)


def draw(generator: nn.Module, latents: Tensor, group: Tensor, has_units: bool) -> Tensor:
    """The image of its group from each latent, (B, C, H, W).

    Args:
        generator: makes one image, of the class where it takes labels, or one of each unit.
        latents: (B, D).
        group: class or unit, (B,).
        has_units: whether it makes one of each.
    """
    made = call(generator, latents, labels=group)
    return made[torch.arange(len(made), device=made.device), group] if has_units else made


def replaced(latents: Tensor, part: slice, values: Tensor) -> Tensor:
    """Latents (B, D) with `values` in place of a part."""
    start, stop, _ = part.indices(latents.shape[1])
    return torch.cat([latents[:, :start], values, latents[:, stop:]], 1)


def difference(images: Tensor, others: Tensor, spec: DataSpec) -> Tensor:
    """Root of the mean squared difference of brightness (0 … 1) over channels and pixels, (N,)."""
    low, high = spec.range or (0.0, 1.0)
    return ((images - others) / (high - low)).square().flatten(1).mean(1).sqrt()


def encoded(
    generator: nn.Module, spec: DataSpec, wanted: Targets, *, device: torch.device | str = "cpu"
) -> Reconstructions:
    """What the generator's own encoder gives for each target, and what the generator makes of it.

    Args:
        generator: with `encode`, or a wrapper of one that has it.
        spec: of what it makes.
        wanted: the targets.
        device: where the generator is.

    Raises:
        DoesNotFit: a generator without an encoder, or samples with units, of which an encoder needs all.
    """
    inner: Any = generator
    while not has_member(inner, "encode") and member(inner, "passes_on_to") is not None:
        inner = member(inner, "passes_on_to")
    if not has_member(inner, "encode") or wanted.has_units:
        raise DoesNotFit(
            "this generator has no encoder (`encode`) of single samples: search the latents instead, --by search"
        )
    latents, images = [], []
    with evaluating(generator):
        for rows in torch.arange(len(wanted.images)).split(CHUNK):
            found = inner.encode(wanted.images[rows].to(device))
            latents.append(found.cpu())
            images.append(draw(generator, found, wanted.group[rows].to(device), False).cpu())
    drawn = torch.cat(images)
    return Reconstructions(torch.cat(latents), drawn, difference(drawn, wanted.images, spec))


@contextmanager
def frozen(net: nn.Module) -> Iterator[None]:
    """The net in evaluation mode and without gradients to its weights, and afterwards as it was."""
    was_training, learning = net.training, [weight for weight in net.parameters() if weight.requires_grad]
    net.eval().requires_grad_(False)
    try:
        yield
    finally:
        net.train(was_training)
        for weight in learning:
            weight.requires_grad_(True)
