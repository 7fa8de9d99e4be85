"""A loss within `LossWrapper` is the loss itself: its nets, layers, steps and hooks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantk.interfaces import Loss, LossWrapper, Play
from gantk.spec import DataSpec
from gantk.testing import toys
from gantk.testing.toys import POINTS, SmallCritic, SmallGenerator
from gantk.training import State, TrainSettings, train
from gantk.training.state import trainable_parameters


class Inner(Loss):
    """Uses everything that a loss may define."""

    cross_sample = True

    def __init__(self) -> None:
        super().__init__()
        self.with_critic = nn.Linear(1, 1)
        self.register_buffer("balance", torch.zeros(()))
        self.factor = 1.0

    def prepare(
        self, generator: nn.Module | None, critic: nn.Module, spec: DataSpec
    ) -> tuple[nn.Module | None, nn.Module]:
        self.with_generator = nn.Linear(1, 1)
        return generator, critic

    def at_step(self, step: int) -> None:
        self.factor = 1.0 + step % 2

    def critic_loss(self, play: Play) -> dict[str, Tensor]:
        real, fake = play.scores()
        real, fake = self.with_critic(real[:, None])[:, 0], self.with_critic(fake[:, None])[:, 0]
        return {"critic": play.mean((real - 1) ** 2 + self.factor * fake**2)}

    def generator_loss(self, play: Play) -> dict[str, Tensor]:
        score = self.with_generator(play.score(play.fake)[:, None])[:, 0]
        assert isinstance(self.balance, Tensor)
        return {"generator": play.mean((score - 1) ** 2) * (1 + self.balance)}

    def critic_steps(self, step: int, usual: int) -> int:
        return 2 if step == 0 else usual

    def after_critic_step(self, play: Play) -> None:
        with torch.no_grad():
            self.with_critic.weight.clamp_(-1, 1)

    def after_step(self, play: Play) -> None:
        assert isinstance(self.balance, Tensor)
        self.balance += 0.1


def trained(loss: Loss) -> tuple[State, list[dict[str, float]]]:
    torch.manual_seed(0)
    generator, critic = loss.prepare(SmallGenerator(POINTS), SmallCritic(POINTS), POINTS)
    assert generator is not None
    sides = [trainable_parameters(generator, loss, "with_generator"), trainable_parameters(critic, loss, "with_critic")]
    state = State(generator, critic, loss, None, *(torch.optim.SGD(side, lr=0.1) for side in sides))  # type: ignore[arg-type]
    terms = train(state, toys.whole_data(POINTS), TrainSettings(seed=0, steps=4, batch=8))
    return state, [{name: value.item() for name, value in each.items()} for each in terms]


def test_wrapped_twice_it_trains_as_it_does_alone() -> None:
    losses = []
    for wrap in (lambda each: each, LossWrapper, lambda each: LossWrapper(LossWrapper(each))):
        torch.manual_seed(1)
        inner = Inner()
        state, terms = trained(wrap(inner))
        losses.append((terms, inner.with_critic.weight.item(), inner.with_generator.weight.item()))
        assert state.loss.cross_sample
    assert losses[0] == losses[1] == losses[2]


def test_a_wrapper_may_be_cross_sample_itself() -> None:
    class Own(LossWrapper):
        cross_sample = True

    assert Own(Loss()).cross_sample and not LossWrapper(Loss()).cross_sample
