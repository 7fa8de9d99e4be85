"""What two-sample tests share: parts that have nothing in common, samples as a generator, a fresh critic's training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk import console
from gantk.components import component
from gantk.data import Resident, any_version, one_version, units_apart, variants
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Dataset, Loss, Samples, call
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, train
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.wasserstein import Wgan, WganGp

Objective = Literal["gan", "wgan", "wgan_gp"]
OBJECTIVES: Mapping[Objective, type[Loss]] = {"gan": Gan, "wgan": Wgan, "wgan_gp": WganGp}
SMALLEST_IMAGE = 8  # pixels a side, from which on a convolutional critic is the default
CHUNK = 256  # samples that are scored together


def unit_spec(spec: DataSpec) -> DataSpec:
    """What one unit of a sample is, as a sample of its own."""
    return replace(spec, shape=spec.own_shape, axes=spec.axes[spec.unit_axes :], unit_axes=0, classes=())


def unit_names(spec: DataSpec) -> tuple[str, ...]:
    """A name for each unit; () where a sample is judged as a whole."""
    if spec.unit_axes == 1 and spec.axes[0] in spec.names:
        return tuple(spec.names[spec.axes[0]])
    return tuple(f"unit_{number}" for number in range(spec.unit_count)) if spec.unit_axes else ()


def device_of(nets: Mapping[str, nn.Module]) -> torch.device:
    """Where a run's nets are; the CPU where there are none."""
    weights = (weight for net in nets.values() for weight in net.parameters())
    return next((weight.device for weight in weights), torch.device("cpu"))


class PerUnit(nn.Module):
    """A critic of its own for each unit, so that all data are evaluated by the same kind of critic.

    Args:
        units: sizes of the unit axes.
        critics: one for each unit, in order.
    """

    def __init__(self, units: tuple[int, ...], critics: list[nn.Module]):
        super().__init__()
        self.units = units
        self.critics = nn.ModuleList(critics)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, *units, *own_shape) to scores (B, *units)."""
        each = samples.flatten(1, len(self.units)).unbind(1)
        scores = [critic(one).reshape(len(one), -1).mean(1) for critic, one in zip(self.critics, each, strict=True)]
        return torch.stack(scores, 1).unflatten(1, self.units)


def fresh_critic(spec: DataSpec, block: Mapping[str, Any] | None, seed: int) -> nn.Module:
    """An untrained critic for samples of `spec`.

    Args:
        spec: what one sample is.
        block: the critic of one unit as a recipe writes it; None: basics/dcgan for images, basics/mlp for all else.
        seed: of its weights.
    """
    one = unit_spec(spec)
    if block is None:
        image = len(one.shape) == 3 and min(one.shape[1:]) >= SMALLEST_IMAGE and not one.categorical
        block = {"use": "basics/dcgan" if image else "basics/mlp"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critics = [component("critic", block, spec=one) for _ in range(spec.unit_count)]
    return PerUnit(spec.units, critics) if spec.unit_axes else critics[0]


class Part(Resident):
    """Some samples, given out in any of the versions that a data set treats as the same.

    Args:
        like: the data set.
        spec: what one sample is.
        stored: floating, (N, *spec.shape).
        labels: (N,) integers or None.
        condition: (N, *spec.condition_shape) or None.
    """

    def __init__(
        self,
        like: Dataset,
        spec: DataSpec,
        stored: Tensor,
        labels: Tensor | None = None,
        condition: Tensor | None = None,
    ):
        super().__init__(spec, stored, labels=labels, condition=condition)
        self.like = like
        self.several = len(variants(like, stored[:1] if not units_apart(like) else stored[:1, 0])) > 1

    def to(self, device: torch.device) -> Part:
        """Moves everything to `device`."""
        super().to(device)
        return self

    def finish(self, stored: Tensor, rng: torch.Generator | None) -> Tensor:
        """With `rng`, any version of each."""
        return stored if rng is None or not self.several else any_version(self.like, stored, rng)


class StoredSamples(nn.Module):
    """Samples that exist already, as a generator: its latent is which of them.

    Args:
        samples: what it gives.
    """

    latent_shape = ()

    def __init__(self, samples: Part):
        super().__init__()
        self.samples = samples

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor:
        """n row numbers at random, and for each one a number that turns its sample over, (n, 2)."""
        which = torch.randint(len(self.samples), (n,), generator=rng, device=rng.device)
        return torch.stack([which, torch.randint(2**31, (n,), generator=rng, device=rng.device)], 1)

    def forward(self, latent: Tensor) -> Tensor:
        """(n, 2) to samples (n, *shape)."""
        rng = torch.Generator(latent.device).manual_seed(int(latent[0, 1])) if self.samples.several else None
        return self.samples.batch(latent[:, 0].to(self.samples.stored.device), rng).samples


def split(samples: Samples, like: Dataset, share: float, rng: torch.Generator) -> tuple[Part, Part]:
    """Two random parts that have no sample in common, nor, where there are units, any unit; equal ones count once.

    Which version of a sample comes in makes no difference: versions of one sample are equal.

    Args:
        samples: what is split. Units are split each on its own, unless samples have labels or a condition.
        like: says which versions of a sample are the same.
        share: of the first part.
        rng: decides.

    Raises:
        DoesNotFit: fewer than four different samples.
    """
    spec, given = samples.spec, samples.samples
    if units_apart(like):
        values = one_version(like, given.reshape(-1, *spec.own_shape)).reshape(given.shape)
    else:
        values = one_version(like, given)
    samples = replace(samples, samples=values)
    alone = samples.labels is None and samples.condition is None
    units = values.reshape(len(values), spec.unit_count if alone else 1, -1)  # (N, U, D)
    cuts = [_cut(rows, share, rng) for rows in units.unbind(1)]

    def part(which: int) -> Part:
        longest = max(len(cut[which]) for cut in cuts)
        rows = torch.stack([cut[which].repeat(-(-longest // len(cut[which])))[:longest] for cut in cuts], 1)  # (n, U)
        if len(cuts) == 1:
            chosen: Batch = samples[rows[:, 0]]
            return Part(like, spec, chosen.samples, chosen.labels, chosen.condition)
        picked = units[rows, torch.arange(len(cuts))]  # (n, U, D)
        return Part(like, spec, picked.reshape(longest, *spec.shape))

    return part(0), part(1)


def _cut(rows: Tensor, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Row numbers of the different rows (N, D), in two random parts."""
    first: dict[bytes, int] = {}
    for number, row in enumerate(rows.contiguous().numpy()):
        first.setdefault(row.tobytes(), number)
    if len(first) < 4:
        raise DoesNotFit(f"a two-sample test needs four different samples or more, and there are {len(first)}")
    order = torch.tensor(list(first.values()))[torch.randperm(len(first), generator=rng)]
    size = min(max(2, round(share * len(order))), len(order) - 2)
    return order[:size], order[size:]


def learn(
    critic: nn.Module,
    made: nn.Module,
    real: Resident,
    objective: Objective,
    *,
    steps: int,
    batch: int,
    rate: float | None,
    seed: int,
    device: torch.device,
    text: str,
) -> nn.Module:
    """Trains a critic to tell samples of the frozen generator `made` from `real`, with the usual training loop.

    Args:
        critic: fresh.
        made: a generator, in evaluation mode.
        real: the training part of the real samples.
        objective: which loss.
        steps: updates of the critic.
        batch: samples of each kind in an update.
        rate: learning rate; None: what the loss proposes, as its optimiser is.
        seed: of all random choices.
        device: where.
        text: for the display of progress.
    """
    loss = OBJECTIVES[objective]()
    _, critic = loss.prepare(made, critic.to(device), real.spec)
    proposed = dict(loss.play_defaults()["critic_optimizer"]) | ({} if rate is None else {"lr": rate})
    optimizer = component("optimizer", proposed, parameters=critic.parameters())
    state = State(made, critic, loss, None, None, optimizer)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        for _ in console.progress(
            train(state, real, TrainSettings(seed=seed, steps=steps, batch=batch), device=device), steps, text
        ):
            pass
    return critic.eval()


@torch.no_grad()
def scores(critic: nn.Module, batch: Batch, units: int, device: torch.device) -> Tensor:
    """Scores of N samples on the CPU, one for each unit: (N, U).

    Args:
        critic: trained.
        batch: samples, with their labels and condition for a critic that takes them.
        units: U.
        device: where the critic is.
    """
    parts = []
    for start in range(0, len(batch), CHUNK):
        some = batch[slice(start, start + CHUNK)].to(device)
        scored = call(critic, some.samples, labels=some.labels, condition=some.condition)
        parts.append(scored.float().reshape(len(scored), units, -1).mean(2).cpu())
    return torch.cat(parts)
