"""What augments the samples that a critic scores, in every term of a loss, and steers how often: a base class."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Loss, LossWrapper, Play, call, declares, has_member
from gantk.spec import DataSpec

MOST = 0.8
"""The highest probability: more often, and the generator learns what the augmentation does (Karras 2020, figure 4)."""
USUAL = 0.5
"""The probability where a recipe says none and nothing steers it."""
MEASURED_EVERY = 4
"""Steps from one look at the critic's scores to the next."""
Adapt = Literal["none", "signs", "validation"]


class Policy(Protocol):
    """How samples are changed, differentiably as often as a loss asks."""

    def check(self, spec: DataSpec, conditional: bool) -> None:
        """Refuses samples that it cannot change; `conditional` where the critic sees the condition beside them."""
        ...

    def draw(self, play: Play, probability: Tensor) -> dict[str, Tensor]:
        """What is done to each sample of a batch: tensors (B, …)."""
        ...

    def apply(self, samples: Tensor, drawn: dict[str, Tensor], spec: DataSpec) -> Tensor:
        """Samples (B, *spec.shape), changed as drawn; all units of a sample alike."""
        ...


class AugmentingCritic(nn.Module):
    """A critic for the time of one update: it sees samples changed, each row of the batch in its own way throughout.

    Row i of the batch is changed alike wherever the loss scores it: real or generated, mixed from both, or twice.

    Args:
        critic: the critic.
        change: samples to changed samples.
    """

    def __init__(self, critic: nn.Module, change: Any):
        super().__init__()
        self.critic = critic
        self.change = change
        self.seen = 0  # forward passes
        self.training = critic.training

    @property
    def passes_on_to(self) -> nn.Module:
        """The net that labels, condition and latent are for."""
        return self.critic

    def forward(self, samples: Tensor, **given: Any) -> Tensor:
        """Scores of the changed samples, (B, *units) or (B, *units, *patches)."""
        self.seen += 1
        return call(self.critic, self.change(samples), **given)

    def features(self, samples: Tensor) -> Tensor:
        """Features of the changed samples, (B, *units, F)."""
        self.seen += 1
        inner: Any = self.critic
        features: Tensor = inner.features(self.change(samples))
        return features

    def __getattr__(self, name: str) -> Any:
        """What the critic has, where this one has not."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("critic"), name)


class AugmentedLoss(LossWrapper):
    """Another loss, whose critic sees real and generated samples changed at random, in every term of both sides.

    A subclass gives `policy`. Gradients go through the changes, to the generator and to penalties.

    Args:
        loss: the loss that is wrapped.
        policy: how samples are changed.
        probability: with which each change is made, at the start where it adapts.
        adapt: what steers the probability.
        target: of what is measured.
        span: samples in which the probability could go from 0 to 1.
    """

    label = "basics/augmented"
    probability: Tensor
    sums: Tensor
    overfitting: Tensor

    def __init__(self, loss: Loss, policy: Policy, *, probability: float, adapt: Adapt, target: float, span: int):
        super().__init__(loss)
        self.policy = policy
        self.adapt = adapt
        self.target = target
        self.span = span
        if adapt == "none":
            self.fixed = probability
            return
        self.register_buffer("probability", torch.tensor(float(probability)))
        self.register_buffer("overfitting", torch.zeros(()))  # as last measured
        self.register_buffer("sums", torch.zeros(4))  # of scores of training, held-out, generated; and of looks

    def prepare(self, generator: nn.Module | None, critic: Any, spec: DataSpec) -> tuple[nn.Module | None, Any]:
        """Both nets as the inner loss prepares them.

        Raises:
            DoesNotFit: samples that the policy cannot change, or scores that the probability cannot be steered by.
        """
        if critic is None:
            raise DoesNotFit(f"{self.label} changes what a critic sees, and this recipe has none: name one")
        if has_member(critic, "reconstruct"):
            raise DoesNotFit(
                f"{self.label} changes samples before the critic, and this one is scored by how it reconstructs them: "
                "take a critic that scores samples"
            )
        self.policy.check(spec, spec.condition_shape is not None and declares(critic, "condition"))
        if self.adapt == "signs" and self.loss.neutral_score() is None:
            raise DoesNotFit(
                f"{self.label} with adapt: signs counts real samples that score above zero, and under the loss that it "
                "wraps scores have no zero (they may all move alike, as Wasserstein's): take adapt: validation, or "
                "adapt: none with a probability"
            )
        return super().prepare(generator, critic, spec)

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        """Those of the inner loss on changed samples; where it adapts, `augmentation` and `overfitting` as logged."""
        if self.adapt != "none" and play.update == 0:
            self._steer(play)
        with self._augmented(play) as critic:
            terms = self.loss.critic_loss(play)
            if not critic.seen:
                raise DoesNotFit(f"{self.label} wraps a loss with critics of its own, which see samples as they are")
            if self.adapt != "none" and play.update == 0 and play.step % MEASURED_EVERY == 0:
                self._measure(play)
        if self.adapt == "none":
            return terms
        return terms | {"augmentation": self.probability.clone(), "overfitting": self.overfitting.clone()}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        """Those of the inner loss on changed samples."""
        with self._augmented(play):
            return self.loss.generator_loss(play)

    @contextmanager
    def _augmented(self, play: Play) -> Iterator[AugmentingCritic]:
        """For its duration the critic of this update sees samples changed."""
        chance = self.probability if self.adapt != "none" else torch.tensor(self.fixed, device=play.device)
        drawn = self.policy.draw(play, chance)

        def change(samples: Tensor) -> Tensor:
            times, rest = divmod(len(samples), play.batch)
            if rest:
                raise DoesNotFit(f"{self.label}: {len(samples)} samples are scored in an update of {play.batch}")
            rows = {name: torch.cat([value] * times) if times > 1 else value for name, value in drawn.items()}
            return self.policy.apply(samples, rows, play.spec)

        plain = play.critic
        play.critic = AugmentingCritic(plain, change)
        try:
            yield play.critic
        finally:
            play.critic = plain

    @torch.no_grad()
    def _steer(self, play: Play) -> None:
        """Moves the probability by what was measured since; all ranks have the same sums between steps."""
        train, held_out, made, looks = self.sums
        if self.adapt == "signs":
            found = train / looks.clamp_min(1)
        else:
            apart = train - made
            found = torch.where(apart > 0, (train - held_out) / apart.clamp_min(1e-12), 0.0)
        measured = looks > 0
        self.overfitting.copy_(torch.where(measured, found, self.overfitting))
        move = torch.sign(found - self.target) * (play.batch * play.streams.ranks * MEASURED_EVERY / self.span)
        self.probability.copy_(torch.where(measured, self.probability + move, self.probability).clamp(0, MOST))
        self.sums.zero_()

    @torch.no_grad()
    def _measure(self, play: Play) -> None:
        """Adds the scores of this update; the critic's buffers (batch statistics) stay as they are."""
        kept = [(buffer, buffer.clone()) for buffer in play.critic.buffers()]
        real = play.score(play.real)
        if self.adapt == "signs":
            neutral = self.loss.neutral_score()
            assert neutral is not None  # `prepare` has seen to it
            self.sums[0] += torch.sign(real - neutral).mean()
        else:
            other = play.held_out
            known: dict[str, Any] = {"labels": other.labels, "condition": other.condition}
            given = {name: value for name, value in known.items() if declares(play.critic, name)}
            held_out = play.score(other.samples, **given)
            made = play.score(play.fake)
            for place, scores in enumerate((real, held_out, made)):
                self.sums[place] += scores.mean()
        self.sums[3] += 1
        for buffer, before in kept:
            buffer.copy_(before)
