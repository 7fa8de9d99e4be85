"""Small nets and data of the kit's own, beside which losses, metrics, views and formats are looked at."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from gantk.data import Resident
from gantk.interfaces import Batch, Dataset, TrainingLog, into_range
from gantk.interfaces.optional_members import has_member
from gantk.interfaces.play import Play, may_share_forward
from gantk.randomness import Streams
from gantk.spec import DataSpec

BATCH = 16
POINTS = DataSpec((3,), ("coordinate",), range=None, classes=("one", "two", "three"), condition_shape=(2,))


class SmallGenerator(nn.Module):
    """A linear map of the latent, and where there are such, a table of the labels and a linear map of the condition."""

    def __init__(self, spec: DataSpec):
        super().__init__()
        self.latent_shape = (4,)
        self.spec = spec
        self.linear = nn.Linear(4, prod(spec.shape))
        self.table = nn.Embedding(len(spec.classes), prod(spec.shape)) if spec.classes else None
        given = spec.condition_shape
        self.given = None if given is None else nn.Linear(prod(given), prod(spec.shape))

    def forward(self, latent: Tensor, labels: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """(B, 4) to (B, *spec.shape)."""
        made = self.linear(latent)
        if labels is not None and self.table is not None:
            made = made + self.table(labels)
        if condition is not None and self.given is not None:
            made = made + self.given(condition.flatten(1))
        return into(made.reshape(-1, *self.spec.shape), self.spec)


class Replay(nn.Module):
    """A generator that makes given samples, one or another by its latent: for metrics that draw for themselves."""

    def __init__(self, samples: Tensor):
        super().__init__()
        self.latent_shape = (1,)
        self.samples = nn.Parameter(samples, requires_grad=False)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, 1) to (B, *spec.shape)."""
        return self.samples[(latent[:, 0].abs() * 1e6).long() % len(self.samples)]


class SmallCritic(nn.Module):
    """One hidden layer for each unit, each unit with weights of its own, as head(features(samples))."""

    def __init__(self, spec: DataSpec, scale: float = 1.0):
        super().__init__()
        own, hidden = prod(spec.own_shape), 8
        self.units, self.scale = spec.units, scale
        count = spec.unit_count
        self.weight = nn.Parameter(torch.randn(count, own, hidden) / own**0.5)
        self.last = nn.Parameter(torch.randn(count, hidden, 1) / hidden**0.5)

    def features(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to (B, *units, F)."""
        flat = samples.reshape(len(samples), self.weight.shape[0], -1)
        made = torch.tanh(torch.einsum("bui,uih->buh", flat, self.weight))
        return made.reshape(len(samples), *self.units, -1)

    def head(self, features: Tensor) -> Tensor:
        """(B, *units, F) to scores (B, *units)."""
        flat = features.reshape(len(features), self.weight.shape[0], -1)
        made = torch.einsum("buh,uho->bu", flat, self.last)
        return made.reshape(len(features), *self.units) * self.scale

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B, *units)."""
        return self.head(self.features(samples))


class Slope(nn.Module):
    """A critic that does not learn: the mean of a unit's values, less `below`."""

    def __init__(self, spec: DataSpec, below: float):
        super().__init__()
        self.from_, self.below = 1 + spec.unit_axes, below
        self.factor = nn.Parameter(torch.ones(()))

    def features(self, samples: Tensor) -> Tensor:
        """The values themselves, (B, *units, F)."""
        return samples.flatten(self.from_)

    def head(self, features: Tensor) -> Tensor:
        """(B, *units, F) to (B, *units)."""
        return features.mean(-1) * self.factor - self.below

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *spec.shape) to scores (B, *units)."""
        return self.head(self.features(samples))


def into(raw: Tensor, spec: DataSpec) -> Tensor:
    """Raw numbers as values that `spec` allows."""
    return into_range(raw, spec, None if spec.categorical else "sigmoid")


def noise(spec: DataSpec, count: int, seed: int = 0) -> Tensor:
    """Samples (count, *spec.shape) that are as `spec` says, and otherwise chance; categorical ones are one-hot."""
    rng = torch.Generator().manual_seed(seed)
    raw = torch.randn(count, *spec.shape, generator=rng)
    if not spec.categorical:
        return into(2 * raw, spec)
    axis = 1 + spec.unit_axes
    return torch.zeros_like(raw).scatter_(axis, raw.argmax(axis, keepdim=True), 1.0)


def cloud(spec: DataSpec, centre: float, seed: int) -> Tensor:
    """A batch around `centre`."""
    rng = torch.Generator().manual_seed(seed)
    return centre + 0.3 * torch.randn(BATCH, *spec.shape, generator=rng)


def labels_of(spec: DataSpec, count: int, seed: int = 0) -> Tensor | None:
    """Labels at random, or None where there are no classes."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(len(spec.classes), (count,), generator=rng) if spec.classes else None


def inputs(net: nn.Module, spec: DataSpec, count: int = 4, seed: int = 0) -> dict[str, Any]:
    """What gantk gives a net by name besides its first input; the latent to critics alone."""
    rng = torch.Generator().manual_seed(seed)
    condition = spec.condition_shape
    given = {
        "labels": labels_of(spec, count, seed),
        "condition": None if condition is None else torch.randn(count, *condition, generator=rng),
    }
    if not has_member(net, "latent_shape") and not has_member(net, "draw_latent"):
        given["latent"] = torch.randn(count, 16, generator=rng)
    return given


def structured(spec: DataSpec, count: int, seed: int) -> Tensor:
    """Samples of a few kinds with small differences: what a metric can tell from chance."""
    kinds = noise(spec, 4, seed=1)
    rng = torch.Generator().manual_seed(seed)
    chosen = kinds[torch.randint(4, (count,), generator=rng)]
    other = noise(spec, count, seed=seed + 100)
    kept = torch.rand((count, *spec.shape), generator=rng) < 0.9
    if spec.categorical:
        kept = kept.narrow(1 + spec.unit_axes, 0, 1).expand(chosen.shape)
    mixed = torch.where(kept, chosen, other)
    return mixed if spec.categorical or spec.range is None else mixed.clamp(*spec.range)


def data(spec: DataSpec, count: int = 200) -> dict[str, Dataset]:
    """A data set of `structured` samples: split to data."""
    made: dict[str, Dataset] = {}
    for seed, split in enumerate(("train", "validation", "test")):
        samples = structured(spec, count, seed)
        made[split] = Resident(spec, samples, labels=labels_of(spec, count, seed))
    return made


def log() -> TrainingLog:
    """The log of 200 steps in which both losses are noise about a level."""
    noisy = torch.rand(3, 200, generator=torch.Generator().manual_seed(4)).tolist()
    critic = {"critic_real": noisy[0], "critic_fake": noisy[1]}
    return TrainingLog(range(1, 201), critic, {"generator": noisy[2]}, dict.fromkeys(critic, 0.5))


def whole_data(spec: DataSpec, count: int = 64) -> Dataset:
    """A training split of `structured` samples with all that a loss may ask for: labels, a condition, truth."""
    rng = torch.Generator().manual_seed(5)
    condition = None if spec.condition_shape is None else torch.randn(count, *spec.condition_shape, generator=rng)
    truth = {"score": torch.randn(count, generator=rng)}
    return Resident(spec, structured(spec, count, 0), labels=labels_of(spec, count), condition=condition, truth=truth)


def _weights(net: nn.Module | None) -> list[nn.Parameter]:
    return [] if net is None else list(net.parameters())


def play(
    side: Any,
    critic: nn.Module | None,
    generator: nn.Module | None,
    spec: DataSpec,
    real: Tensor,
    *,
    cross_sample: bool = False,
    kind: type[Play] = Play,
    step: int = 0,
) -> Play:
    """What a loss sees of one update, with `real` as the real batch, and a fresh optimiser of the critic."""
    labels = labels_of(spec, len(real))
    rng = torch.Generator().manual_seed(5)
    truth = {"score": torch.randn(len(real), generator=rng)}
    condition = None if spec.condition_shape is None else torch.randn(len(real), *spec.condition_shape, generator=rng)
    return kind(
        side,
        generator,
        critic,
        spec,
        lambda: Batch(real, labels, condition, truth),
        Streams(1, side, step, 0, torch.device("cpu")),
        batch=len(real),
        shared_forward=critic is not None and may_share_forward(critic, cross_sample),
        critic_optimizer=torch.optim.Adam(weights, lr=1e-3) if (weights := _weights(critic)) else None,
    )
