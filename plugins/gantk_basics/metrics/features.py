"""Samples as rows of numbers, the samples themselves or what a critic makes of them: what distances are taken of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.data import take, units_apart, variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Dataset, Samples, has_member

On = Literal["samples", "features"]
CHUNK = 500  # samples that go through a critic, or come from a data set, together


@dataclass(frozen=True)
class Rows:
    """Samples, or one unit of each, as rows of numbers, in every version that training treats as the same.

    Args:
        values: the samples, (N, …), of which `like` makes the other versions when they are asked for; or all versions,
            of features, which are not as far apart as the same versions of both.
        like: says which versions are the same; None: `values` are all there are.
    """

    values: tuple[Tensor, ...]
    like: Dataset | None = None

    def __len__(self) -> int:
        return len(self.values[0])

    def __getitem__(self, chosen: slice | Tensor) -> Rows:
        return Rows(tuple(each[chosen] for each in self.values), self.like)

    @property
    def versions(self) -> list[Tensor]:
        """All versions, as the samples are first, (N, D) each."""
        every = self.values if self.like is None else variants(self.like, self.values[0])
        return [each.flatten(1) for each in every]

    @property
    def every(self) -> Tensor:
        """All versions of all samples, one below the other, (V N, D)."""
        return torch.cat(self.versions)

    @property
    def needed(self) -> list[Tensor]:
        """Those versions whose distances from all versions of others are needed for the least, (N, D) each."""
        return self.versions if self.like is None else [self.values[0].flatten(1)]


def rows(samples: Tensor, on: On, nets: Mapping[str, nn.Module]) -> Tensor:
    """One row of numbers for each sample, (N, D), on the CPU.

    Args:
        samples: (N, *shape).
        on: the samples' own numbers, or the critic's features of them.
        nets: has "critic" where there is one.

    Raises:
        DoesNotFit: features are asked for, but there is no critic that has any.
    """
    return samples.flatten(1) if on == "samples" else _features(samples, nets).flatten(1)


def _features(samples: Tensor, nets: Mapping[str, nn.Module]) -> Tensor:
    """What the critic makes of samples, (N, *units, F)."""
    critic: Any = nets.get("critic")
    if not has_member(critic, "features"):
        raise DoesNotFit("`on: features` needs a critic with a `features` method; this run has none, use `on: samples`")
    at = next(critic.parameters()).device
    was_training = critic.training
    critic.eval()
    with torch.no_grad():
        made = [critic.features(part.to(at)).float().cpu() for part in samples.split(CHUNK)]
    critic.train(was_training)
    return torch.cat(made)


def in_versions(samples: Tensor, like: Dataset, on: On, nets: Mapping[str, nn.Module]) -> list[Rows]:
    """Samples as rows in all their versions: one for the whole samples, or one for each unit where units are apart.

    Args:
        samples: (N, *like.spec.shape).
        like: says which versions are the same, and whether units are apart.
        on: the samples' own numbers, or the critic's features of them.
        nets: has "critic" where there is one.
    """
    spec, apart = like.spec, units_apart(like)
    count, shape = (spec.unit_count, spec.own_shape) if apart else (1, spec.shape)
    units = samples.reshape(len(samples), count, *shape)
    if on == "samples":
        return [Rows((unit,), like) for unit in units.unbind(1)]
    versions = [each.reshape(len(samples), *spec.shape) for each in variants(like, units.flatten(0, 1))]
    features = [_features(each, nets).reshape(len(samples), count, -1) for each in versions]
    return [Rows(tuple(each[:, unit] for each in features)) for unit in range(count)]


def real_rows(
    real: Dataset, most: int, like: Dataset, on: On, rng: torch.Generator, nets: Mapping[str, nn.Module]
) -> list[Rows]:
    """Random samples of a data set as `in_versions` gives them; where units are apart, different ones of each unit.

    Args:
        real: where from.
        most: how many at most.
        like: says which versions are the same, and whether units are apart.
        on: the samples' own numbers, or the critic's features of them.
        rng: chooses.
        nets: has "critic" where there is one.
    """
    if not units_apart(like):
        return in_versions(take(real, most, rng).samples, like, on, nets)
    samples = take(real, 2 * most, rng).samples  # images of shorter units come several times, and are taken once
    found = in_versions(samples, like, on, nets)
    units = samples.reshape(len(samples), real.spec.unit_count, -1)
    return [each[_different(unit)[:most]] for each, unit in zip(found, units.unbind(1), strict=True)]


def _different(values: Tensor) -> Tensor:
    first: dict[bytes, int] = {}
    for number, row in enumerate(values.contiguous().numpy()):
        first.setdefault(row.tobytes(), number)
    return torch.tensor(list(first.values()), dtype=torch.int64)


def all_rows(real: Dataset, on: On, nets: Mapping[str, nn.Module]) -> Iterator[list[Rows]]:
    """All samples of a data set as `in_versions` gives them, some at a time, not flipped or cropped at random.

    Args:
        real: where from; it also says which versions are the same.
        on: the samples' own numbers, or the critic's features of them.
        nets: has "critic" where there is one.
    """
    for indices in torch.arange(len(real)).split(CHUNK):
        yield in_versions(real.batch(indices, None).samples.cpu(), real, on, nets)


def demand_enough(generated: Samples, held_out: list[Rows], least: int) -> None:
    """Refuses fewer than `least` samples of either kind.

    Raises:
        DoesNotFit: there are fewer.
    """
    real = min(map(len, held_out))
    if min(len(generated), real) < least:
        raise DoesNotFit(
            f"this metric needs {least} samples or more of each kind, but there are {len(generated)} generated and "
            f"{real} held-out ones; hold out more of the data, or leave the metric out"
        )
