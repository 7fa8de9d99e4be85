"""Play: what a loss sees of one update. Everything in it is made on first use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, call, declares, draw_latent, has_batch_statistics
from gantk.randomness import Streams
from gantk.spec import DataSpec


class Play:
    """One update of one side.

    Args:
        side: whose update this is. In a critic update the fakes carry no graph to the generator.
        generator: the prepared generator, or None where only a critic is trained.
        critic: the prepared critic, or None where only a generator is trained.
        spec: the DataSpec of a sample.
        fetch: gives the real batch of this update, on the device.
        streams: the random streams of this update.
        batch: how many samples of the batch are this process's.
        shared_forward: whether real and fake samples may share one forward pass of the critic.
        critic_optimizer: what trains the critic's side, to be read only (a loss that looks ahead of it); None where the
            engine replays updates, which must not depend on its state.
        fetch_held_out: gives as many samples of the validation split; None where there is none.
    """

    def __init__(
        self,
        side: Literal["critic", "generator"],
        generator: nn.Module | None,
        critic: nn.Module | None,
        spec: DataSpec,
        fetch: Callable[[], Batch],
        streams: Streams,
        *,
        batch: int,
        shared_forward: bool = True,
        critic_optimizer: torch.optim.Optimizer | None = None,
        fetch_held_out: Callable[[], Batch] | None = None,
    ):
        self.side = side
        self.generator = generator
        self.critic: Any = critic  # None for a loss that has no `critic_loss`; all others know that there is one
        self.spec = spec
        self.streams = streams
        self.batch = batch
        self.shared_forward = shared_forward
        self.critic_optimizer = critic_optimizer
        self._fetch = fetch
        self._fetch_held_out = fetch_held_out

    @property
    def step(self) -> int:
        """The training step, from 0."""
        return self.streams.step

    @property
    def update(self) -> int:
        """Which update of this side within the step, from 0."""
        return self.streams.update

    @property
    def device(self) -> torch.device:
        """Where everything lives."""
        return self.streams.device

    def rng(self, purpose: str) -> torch.Generator:
        """A random stream of this update; each purpose has its own, the same whenever this update is repeated.

        Of several ranks each has its own stream; `uniform` and `normal` are drawn for the whole batch and shared.
        """
        return self.streams.rng(purpose)

    def uniform(self, *shape: int, purpose: str) -> Tensor:
        """Numbers from [0, 1) of `shape`, drawn from the stream of `purpose`; (B, …) for the samples of a batch."""
        return self.streams.uniform(shape, purpose, per_sample=shape[:1] == (self.batch,))

    def normal(self, *shape: int, purpose: str) -> Tensor:
        """Numbers from N(0, 1) of `shape`, drawn from the stream of `purpose`; (B, …) for the samples of a batch."""
        return self.streams.normal(shape, purpose, per_sample=shape[:1] == (self.batch,))

    @cached_property
    def data(self) -> Batch:
        """The real batch, with its labels and condition."""
        return self._fetch()

    @cached_property
    def held_out(self) -> Batch:
        """As many samples of the validation split, as they are: to be measured by, never trained on.

        Raises:
            DoesNotFit: there is no validation split.
        """
        if self._fetch_held_out is None:
            raise DoesNotFit("this loss measures itself by held-out samples, and these data have no validation split")
        return self._fetch_held_out()

    @property
    def real(self) -> Tensor:
        """Real samples, (B, *spec.shape)."""
        return self.data.samples

    @property
    def labels(self) -> Tensor | None:
        """Labels of the real samples, which are also the labels that the fakes are made with: (B,) or None."""
        return self.data.labels

    @property
    def condition(self) -> Tensor | None:
        """Condition of the real samples, which is also what the fakes are made with, or None."""
        return self.data.condition

    @cached_property
    def latent(self) -> Tensor | None:
        """Latents of the fakes, (B, *latent_shape); None where the generator takes none, or there is no generator."""
        if self.generator is None:
            return None
        generator = self.generator
        return self.streams.latent(lambda n, rng: draw_latent(generator, n, rng), self.batch)

    @cached_property
    def fake(self) -> Tensor:
        """Generated samples, (B, *spec.shape): with graph in the generator's update, without in the critic's."""
        if self.generator is None:
            raise DoesNotFit("this recipe has no generator, and its loss asks for fakes: name a generator")
        with torch.set_grad_enabled(self.side == "generator"):
            return self.generate(self.latent)

    def generate(self, latent: Tensor | None, **given: Tensor) -> Tensor:
        """Samples of the generator from these latents, with this update's labels and condition where it takes them.

        Args:
            latent: (B, *latent_shape), or None where it takes none.
            given: `labels` or `condition` that stand in for this update's (CycleGAN: the fakes, to be translated back).
        """
        assert self.generator is not None
        usual = [name for name in ("labels", "condition") if declares(self.generator, name) and name not in given]
        own = {name: getattr(self, name) for name in usual}
        return call(self.generator, latent, **own, **given)

    def score(self, samples: Tensor, **given: Tensor) -> Tensor:
        """The critic's scores of these samples, (B, *units) or (B, *units, *patches).

        Args:
            samples: (B, *spec.shape).
            given: `labels`, `condition` or `latent` that stand in for this update's, where the critic takes them
                (BiGAN: the latents that an encoder finds for real samples).

        Raises:
            DoesNotFit: there is no critic.
        """
        self._require_critic()
        usual = [name for name in ("labels", "condition", "latent") if declares(self.critic, name)]
        own = {name: getattr(self, name) for name in usual if name not in given}
        return call(self.critic, samples, **own, **given)

    def scores(self) -> tuple[Tensor, Tensor]:
        """Scores of the real and of the fake samples, by one forward pass where that is the same thing."""
        self._require_critic()
        if not self.shared_forward:
            return self.score(self.real), self.score(self.fake)
        wanted = [name for name in ("labels", "condition") if declares(self.critic, name)]
        known = {name: getattr(self, name) for name in wanted if getattr(self, name) is not None}
        given = {name: torch.cat([values] * 2) for name, values in known.items()}
        samples = torch.cat([self.real, self.fake])
        both = call(self.critic, samples, **given)
        real, fake = both.split([len(self.real), len(self.fake)])
        return real, fake

    def _require_critic(self) -> None:
        if self.critic is None:
            raise DoesNotFit("this recipe has no critic (critic: null), and its loss asks for scores: name a critic")

    def mean(self, values: Tensor) -> Tensor:
        """Scalar from per-unit values (B, *units, *patches): mean over the batch and patches, sum over units."""
        precise = torch.promote_types(values.dtype, torch.float32)
        return values.mean(dtype=precise) * self.spec.unit_count


def may_share_forward(critic: nn.Module, cross_sample: bool) -> bool:
    """Whether real and fake samples may go through this critic in one batch without seeing each other."""
    return not (cross_sample or has_batch_statistics(critic) or declares(critic, "latent"))
