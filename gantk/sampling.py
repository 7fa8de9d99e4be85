"""Drawing samples: from a generator in memory, or from a run or checkpoint on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gantk import randomness
from gantk.data import generated
from gantk.errors import DoesNotFit, GantkError
from gantk.interfaces import Dataset, Samples, call, declares, draw_latent
from gantk.interfaces.optional_members import has_member, member
from gantk.interfaces.priors import draw_latents, latents_of_seeds
from gantk.messages import did_you_mean, printable
from gantk.spec import DataSpec

CHUNK = 128  # samples a forward pass
BLOCK = 16  # numbers that torch draws at once
PART = 32 * CHUNK  # samples that are in memory at once, where they are written part by part


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
    settings: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
    truncation: float | None = None,
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
        settings: parameters of sampling that the generator's `forward` declares right of `*`.
        device: where the generator is.
        truncation: numbers of a latent farther from 0 are drawn again, see `gantk.interfaces.priors`; None: none are.
    """
    latent = draw_latents(generator, n, seed=seed, purpose=purpose, truncation=truncation)
    if labels is None and spec.classes and declares(generator, "labels"):
        labels = torch.arange(n) % len(spec.classes)
    if condition is None and declares(generator, "condition"):
        raise GantkError("this generator makes samples from a condition; give the samples to take it from")
    drawn = render(generator, spec, latent, n, labels=labels, condition=condition, settings=settings, device=device)
    drawn.attributes |= {"latent_seed": seed} | ({} if truncation is None else {"truncation": truncation})
    return drawn


def draw_seeds(
    generator: nn.Module,
    spec: DataSpec,
    seeds: Sequence[int],
    *,
    labels: Tensor | None = None,
    condition: Tensor | None = None,
    settings: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
    truncation: float | None = None,
) -> Samples:
    """A sample of each seed, on the CPU: its latent is that of the first of `draw`'s with n = 1, bit for bit.

    What is drawn beside it changes a sample by rounding only.

    Args:
        generator: in any mode; drawn from in evaluation mode.
        spec: the DataSpec that it was trained for.
        seeds: one or more.
        labels: (n,) for a generator that takes labels; None: of each seed its remainder by the number of classes.
        condition: (n, *spec.condition_shape) for a generator that takes a condition.
        settings: parameters of sampling that the generator's `forward` declares right of `*`.
        device: where the generator is.
        truncation: as for `draw`.
    """
    latent = latents_of_seeds(generator, seeds, truncation=truncation)
    if labels is None and spec.classes and declares(generator, "labels"):
        labels = torch.tensor(seeds) % len(spec.classes)
    count = len(seeds)
    drawn = render(generator, spec, latent, count, labels=labels, condition=condition, settings=settings, device=device)
    drawn.attributes |= {"latent_seeds": list(seeds)} | ({} if truncation is None else {"truncation": truncation})
    return replace(drawn, names=[f"seed_{seed}" for seed in seeds])


def draw_parts(
    generator: nn.Module,
    spec: DataSpec,
    n: int,
    *,
    seed: int,
    labels: Tensor | None = None,
    device: torch.device | str = "cpu",
    truncation: float | None = None,
) -> Iterator[Samples]:
    """The same samples as `draw` gives, one part after another: they need not all fit into the memory.

    Latents are drawn part by part, too, where they are N(0, 1): torch draws these in blocks of 16, so that parts of
    whole blocks are what one draw gives; a last part that would be shorter is drawn with the one before.

    Args:
        generator: takes no condition; see `draw`.
        spec: the DataSpec that it was trained for.
        n: how many.
        seed: of the latents.
        labels: (n,) for a generator that takes labels; None: every class in turn, where there are classes.
        device: where the generator is.
        truncation: as for `draw`; all latents are then drawn at once.
    """
    rng = randomness.generator(seed, "sample")
    sizes = [PART] * (n // PART) + ([n % PART] if n % PART else [])
    if len(sizes) > 1 and sizes[-1] < BLOCK:
        sizes[-2:] = [sum(sizes[-2:])]
    own = None
    if truncation is not None or has_member(generator, "draw_latent"):
        own = draw_latents(generator, n, seed=seed, truncation=truncation)
    if labels is None and spec.classes and declares(generator, "labels"):
        labels = torch.arange(n) % len(spec.classes)
    start = 0
    for size in sizes:
        rows = slice(start, start + size)
        latent = draw_latent(generator, size, rng) if own is None else own[rows]
        given = None if labels is None else labels[rows]
        drawn = render(generator, spec, latent, size, labels=given, device=device)
        drawn.attributes |= {"latent_seed": seed} | ({} if truncation is None else {"truncation": truncation})
        yield drawn
        start += size


def render(
    generator: nn.Module,
    spec: DataSpec,
    latent: Tensor | None,
    n: int,
    *,
    labels: Tensor | None = None,
    condition: Tensor | None = None,
    settings: Mapping[str, Any] | None = None,
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
        settings: parameters of sampling that the generator's `forward` declares right of `*`.
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
            first = None if latent is None else latent[chunk].to(device)
            parts.append(call(generator, first, **given, **(settings or {})).float().cpu())
    return replace(generated(torch.cat(parts), spec), labels=labels, condition=condition)


def present(generator: nn.Module, samples: Samples) -> Samples:
    """The samples as the generator wants them seen (a star-shaped net: one stack a cell), where it says so."""
    own = member(generator, "present")
    return samples if own is None else own(samples)


def pick_units(generator: nn.Module, samples: Samples, names: Sequence[str]) -> Samples:
    """The samples with some of their units alone, in this order.

    Args:
        generator: what made them; where it has `pick_units`, that is asked.
        samples: (N, K, …).
        names: of units.

    Raises:
        DoesNotFit: samples without units, or no such unit.
    """
    spec = samples.spec
    if spec.unit_axes != 1:
        raise DoesNotFit("these samples have no units to choose from: give no --units")
    known = list(spec.names.get(spec.axes[0], map(str, range(spec.shape[0]))))
    there = f"there are {', '.join(known)}"
    for name in names:
        if name not in known:
            raise DoesNotFit(f"there is no {spec.axes[0]} '{printable(name)}'; {did_you_mean(name, known, there)}")
    numbers = [known.index(name) for name in names]
    own = member(generator, "pick_units")
    return select_units(samples, numbers) if own is None else own(samples, numbers)


def select_units(samples: Samples, numbers: Sequence[int]) -> Samples:
    """Samples (N, K, …) with the units of these numbers, and their names."""
    spec = samples.spec
    axis = spec.axes[0]
    names = {axis: tuple(spec.names[axis][k] for k in numbers)} if axis in spec.names else {}
    picked = replace(spec, shape=(len(numbers), *spec.own_shape), names={**spec.names, **names})
    return replace(samples, samples=samples.samples[:, list(numbers)], spec=picked)


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
    generator: nn.Module,
    dataset: Dataset,
    n: int,
    *,
    seed: int,
    purpose: str,
    device: torch.device | str,
    settings: Mapping[str, Any] | None = None,
    truncation: float | None = None,
) -> Samples:
    """n generated samples; where the generator takes labels or a condition, those of real samples at random."""
    labels = condition = None
    if declares(generator, "labels") or declares(generator, "condition"):
        real = dataset.batch(chosen_at_random(dataset, n, seed, purpose), None).to("cpu")
        labels, condition = real.labels, real.condition
    return draw(
        generator,
        dataset.spec,
        n,
        seed=seed,
        purpose=purpose,
        labels=labels if declares(generator, "labels") else None,
        condition=condition,
        settings=settings,
        device=device,
        truncation=truncation,
    )


def chosen_at_random(dataset: Dataset, n: int, seed: int, purpose: str) -> Tensor:
    """Numbers of n samples of a data set, with repeats, whose labels or conditions a generator is given, (n,)."""
    return torch.randint(len(dataset), (n,), generator=randomness.generator(seed, f"{purpose}/given"))


def given_to_seeds(
    generator: nn.Module, dataset: Dataset, seeds: Sequence[int], label: str | None
) -> tuple[Tensor | None, Tensor | None]:
    """Labels and conditions of real samples, of each seed those that `draw_like` gives the first sample.

    Args:
        generator: takes a condition, and labels perhaps.
        dataset: where from.
        seeds: one or more.
        label: must be None: samples have the class of what they are made from.

    Raises:
        DoesNotFit: a label.
    """
    if label is not None:
        raise DoesNotFit(
            "samples of this generator have the class of the test sample that they are made from: give no label"
        )
    real = dataset.batch(torch.cat([chosen_at_random(dataset, 1, seed, "sample") for seed in seeds]), None).to("cpu")
    return real.labels if declares(generator, "labels") else None, real.condition
