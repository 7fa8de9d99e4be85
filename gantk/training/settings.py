"""How a recipe trains: the settings of the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gantk.components.schedules import Schedule, Span, is_resolved
from gantk.errors import RecipeError
from gantk.training.schedules import rate_factor


@dataclass(frozen=True)
class TrainSettings:
    """The numbers that the loop trains by."""

    seed: int  # with (step, update, purpose) the source of all randomness
    steps: int  # stop when state.step reaches this
    batch: int  # samples a draw, over all ranks
    balance: Literal["none", "classes"] = "none"  # how often each class is drawn
    critic_steps: int = 1  # critic updates a step; the loss may change it (warm-ups); not asked for without a critic
    generator_steps: int = 1  # generator updates a step
    ema_decay: float | Schedule | None = None  # of the moving average, per step
    ema_half_life: float | Schedule | None = None  # of the moving average, in samples that the critic sees
    schedule: Literal["constant", "linear", "cosine", "tail"] = "constant"  # of both learning rates, over `steps`
    precision: Literal["float32", "bfloat16"] = "float32"
    clip_gradients: float | None = None  # the norm to which the gradients of a side are scaled down; None: never

    @classmethod
    def from_recipe(cls, values: Mapping[str, Any], samples: int) -> TrainSettings:
        """The settings of a resolved recipe.

        Args:
            values: the resolved recipe.
            samples: how many the training split has, for `train.epochs`.
        """
        train, play = values["train"], values["play"]
        return cls(
            seed=values["seed"],
            steps=step_count(values, samples),
            batch=train["batch"],
            balance=train["balance"],
            critic_steps=play["critic_steps"] or 0,
            generator_steps=play["generator_steps"],
            ema_decay=_number(train["ema"]),
            ema_half_life=_number(train["ema_half_life"]),
            schedule=train["schedule"],
            precision=train["precision"],
            clip_gradients=play["clip_gradients"],
        )

    @property
    def span(self) -> Span:
        """What schedules measure a step by."""
        return Span(self.steps, self.batch * (self.critic_steps or self.generator_steps))

    def rate_factor(self, step: int) -> float:
        """What the learning rates are multiplied with at `step`."""
        return rate_factor(self.schedule, step, self.steps)

    def average_decay(self, step: int) -> float | None:
        """The decay of the moving average at `step`, None where there is none.

        One that no schedule changes begins lower, since weights move fast at first.
        """
        number = self.ema_half_life if self.ema_decay is None else self.ema_decay
        if number is None:
            return None
        decay = number.at(step, self.span) if isinstance(number, Schedule) else number
        if self.ema_decay is None:
            decay = 0.5 ** (self.span.samples / decay) if decay else 0.0
        return decay if isinstance(number, Schedule) else min(decay, (1 + step) / (10 + step))


def keeps_average(train: Mapping[str, Any]) -> bool:
    """Whether the `train` block of a resolved recipe asks for a moving average of the generator."""
    return train["ema"] is not None or train["ema_half_life"] is not None


def _number(value: Any) -> float | Schedule | None:
    return Schedule.of(value) if is_resolved(value) else value


def step_count(values: Mapping[str, Any], length: int) -> int:
    """How many steps the recipe means; `epochs` counts what is seen of a data set of `length` samples.

    That is what the critic sees, and where there is none, the generator's side.
    """
    train = values["train"]
    if train.get("steps") is not None:
        return train["steps"]
    if train.get("epochs") is None:
        raise RecipeError("train: give either steps or epochs")
    return max(1, round(train["epochs"] * length / samples_a_step(values)))


def samples_a_step(values: Mapping[str, Any]) -> int:
    """How many real samples a step sees: those of the critic's updates, or without a critic of the generator's."""
    play = values["play"]
    return values["train"]["batch"] * (play["critic_steps"] or play["generator_steps"])


def picture_due(values: Mapping[str, Any], length: int, steps: int, step: int) -> bool:
    """Whether `train.sample_every` asks for a picture after a step.

    Args:
        values: the resolved recipe.
        length: of the training split.
        steps: of the whole run.
        step: how many are done.
    """
    every = values["train"]["sample_every"]
    if every == "epoch":
        seen = samples_a_step(values)  # as `epochs` counts them
        return step * seen // length > (step - 1) * seen // length
    return step % (every or max(1, steps // 10)) == 0


def due(step: int, every: int | None) -> bool:
    """Whether something that happens every `every` steps happens after step `step`."""
    return every is not None and step % every == 0
