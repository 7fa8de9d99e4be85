"""Drawing samples: from a generator in memory, or from a run or checkpoint on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.data import generated
from gantk.errors import DoesNotFit, GantkError
from gantk.interfaces import Dataset, Samples, call, declares, draw_latent
from gantk.interfaces.optional_members import member
from gantk.spec import DataSpec

CHUNK = 128  # samples a forward pass


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """The net in evaluation mode and without gradients, and afterwards as it was."""
    was_training = net.training
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        net.train(was_training)


def draw(
    generator: nn.Module,
    spec: DataSpec,
    n: int,
    *,
    seed: int,
    purpose: str = "sample",
    labels: Tensor | None = None,
    condition: Tensor | None = None,
    device: torch.device | str = "cpu",
) -> Samples:
    """n samples, on the CPU; sample i depends on (seed, purpose, n) and its latent alone.

    Args:
        generator: in any mode; drawn from in evaluation mode.
        spec: the DataSpec that it was trained for.
        n: how many.
        seed: of the latents.
        purpose: name of the random stream.
        labels: (n,) for a generator that takes labels; None: every class in turn, where there are classes.
        condition: (n, *spec.condition_shape) for a generator that takes a condition.
        device: where the generator is.
    """
    rng = randomness.generator(seed, purpose)  # drawn on the CPU: the same latents whatever the device
    latent = draw_latent(generator, n, rng)
    if labels is None and spec.classes and declares(generator, "labels"):
        labels = torch.arange(n) % len(spec.classes)
    if condition is None and declares(generator, "condition"):
        raise GantkError("this generator makes samples from a condition; give the samples to take it from")
    drawn = render(generator, spec, latent, n, labels=labels, condition=condition, device=device)
    drawn.attributes["latent_seed"] = seed
    return drawn


def render(
    generator: nn.Module,
    spec: DataSpec,
    latent: Tensor | None,
    n: int,
    *,
    labels: Tensor | None = None,
    condition: Tensor | None = None,
    device: torch.device | str = "cpu",
) -> Samples:
    """What a generator makes of these latents, on the CPU.

    Args:
        generator: in any mode; used in evaluation mode.
        spec: the DataSpec that it was trained for.
        latent: (n, *latent_shape), or None where there is no latent.
        n: how many.
        labels: (n,) for a generator that takes labels.
        condition: (n, *spec.condition_shape) for a generator that takes a condition.
        device: where the generator is.
    """
    parts = []
    with evaluating(generator):
        for start in range(0, n, CHUNK):
            chunk = slice(start, start + CHUNK)
            given = {
                name: value[chunk].to(device)
                for name, value in {"labels": labels, "condition": condition}.items()
                if value is not None and declares(generator, name)
            }
            parts.append(call(generator, None if latent is None else latent[chunk].to(device), **given).float().cpu())
    return replace(generated(torch.cat(parts), spec), labels=labels, condition=condition)


def present(generator: nn.Module, samples: Samples) -> Samples:
    """The samples as the generator wants them seen (a star-shaped net: one stack a cell), where it says so."""
    own = member(generator, "present")
    return samples if own is None else own(samples)


def best_of(samples: Samples, critic: nn.Module, keep: int, *, device: torch.device | str = "cpu") -> Samples:
    """The `keep` samples that the critic ranks highest, by the mean of its scores over units and patches.

    Raises:
        DoesNotFit: a critic that judges samples together with their latents.
    """
    if declares(critic, "latent"):
        raise DoesNotFit("this critic scores samples together with their latents, so it cannot rank them (--reject)")
    scores = []
    with evaluating(critic):
        for start in range(0, len(samples), CHUNK):
            part = samples[slice(start, start + CHUNK)]
            given = {"labels": part.labels, "condition": part.condition}
            moved = {name: None if value is None else value.to(device) for name, value in given.items()}
            scores.append(call(critic, part.samples.to(device), **moved).reshape(len(part), -1).mean(1).cpu())
    order = torch.cat(scores).argsort(descending=True, stable=True)[:keep]
    return samples[order.sort().values]


def draw_like(
    generator: nn.Module, dataset: Dataset, n: int, *, seed: int, purpose: str, device: torch.device | str
) -> Samples:
    """n generated samples; where the generator takes labels or a condition, those of real samples at random."""
    labels = condition = None
    if declares(generator, "labels") or declares(generator, "condition"):
        rng = randomness.generator(seed, f"{purpose}/given")
        chosen = torch.randint(len(dataset), (n,), generator=rng)
        real = dataset.batch(chosen, None).to("cpu")
        labels, condition = real.labels, real.condition
    return draw(
        generator,
        dataset.spec,
        n,
        seed=seed,
        purpose=purpose,
        labels=labels if declares(generator, "labels") else None,
        condition=condition,
        device=device,
    )
