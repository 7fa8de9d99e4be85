"""The loop: exactly repeatable, exactly resumable, and it trains what it should."""

from __future__ import annotations

import copy

import pytest
import torch

from gantk import randomness
from gantk.interfaces.play import Play
from gantk.training import TrainSettings, checkpoint
from gantk.training.batches import BalancedOrder, Order
from gantk.training.loop import train
from gantk.training.schedules import rate_factor
from gantk.training.state import trainable_parameters
from gantk.training.weight_average import average_of, update_average
from tests.helpers.training import SPEC, PlainLoss, TinyGenerator, assert_same, go, make_data, make_state


def test_order_of_updates_and_who_is_frozen() -> None:
    state = make_state()
    go(state, 2)
    seen = state.loss.seen
    assert [entry[:3] for entry in seen] == [
        *(("critic", 0, update) for update in range(3)),  # the loss asked for three at step 0
        *(("generator", 0, update) for update in range(2)),
        *(("critic", 1, update) for update in range(2)),
        *(("generator", 1, update) for update in range(2)),
    ]
    assert not any(flag for who, _, _, flag in seen if who == "critic"), "fakes for the critic carry no graph"
    assert all(flag for who, _, _, flag in seen if who == "generator"), "the critic is frozen in generator updates"


def test_same_seed_same_run_and_another_seed_another() -> None:
    first, second, other = make_state(), make_state(), make_state()
    go(first, 5)
    go(second, 5)
    go(other, 5, seed=8)
    assert_same(first, second)
    assert not torch.equal(first.critic.layers[0].weight, other.critic.layers[0].weight)


def test_global_random_state_does_not_matter() -> None:
    first, second = make_state(), make_state()
    go(first, 3)
    torch.manual_seed(12345)
    go(second, 3)
    assert_same(first, second)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_stopped_and_resumed_is_the_run_that_never_stopped(schedule: str, tmp_path) -> None:
    whole = make_state()
    go(whole, 20, schedule=schedule)

    half = make_state()
    settings: dict = {"seed": 7, "batch": 8, "critic_steps": 2, "generator_steps": 2, "ema_decay": 0.9}
    for _ in train(half, make_data(), TrainSettings(steps=20, schedule=schedule, **settings)):
        if half.step == 10:
            break
    path = tmp_path / "step-10.h5"
    checkpoint.write_checkpoint(path, half, recipe="", spec=SPEC, plugins={})
    resumed = make_state()
    checkpoint.restore(checkpoint.read_checkpoint(path), resumed)
    assert resumed.step == 10
    go(resumed, 20, schedule=schedule)
    assert_same(whole, resumed)


def test_without_a_generator_only_the_critic_is_trained() -> None:
    class RealOnly(PlainLoss):
        def critic_loss(self, play: Play) -> dict[str, torch.Tensor]:
            return {"real": -play.mean(torch.tanh(play.score(play.real)))}

    state = make_state()
    state.generator = state.ema = state.generator_optimizer = None
    state.loss = RealOnly()
    before = copy.deepcopy(state.critic.state_dict())
    terms = go(state, 3)
    assert set(terms[0]) == {"real", "critic_grad_norm"}
    assert not torch.equal(before["layers.0.weight"], state.critic.state_dict()["layers.0.weight"])


def test_parameters_that_a_net_froze_stay_frozen() -> None:
    state = make_state()
    state.critic.layers[0].bias.requires_grad_(False)
    state.critic_optimizer = torch.optim.Adam(trainable_parameters(state.critic, state.loss, "with_critic"), lr=1e-2)
    before = state.critic.layers[0].bias.clone()
    go(state, 3)
    assert torch.equal(state.critic.layers[0].bias, before)
    assert [p.requires_grad for p in state.critic.parameters()] == [True, False, True, True]
    assert all(p.requires_grad for p in state.generator.parameters())


def test_average_follows_by_the_formula() -> None:
    generator = TinyGenerator()
    average = average_of(generator)
    old = copy.deepcopy(average.state_dict())
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(1.0)
        generator.layers[1].running_mean.fill_(5.0)
    update_average(average, generator, decay=0.75)
    new = average.state_dict()
    torch.testing.assert_close(
        new["layers.0.weight"], 0.75 * old["layers.0.weight"] + 0.25 * generator.layers[0].weight
    )
    assert (new["layers.1.running_mean"] == 5.0).all()


def test_rates_follow_the_schedule_and_start_whole() -> None:
    assert [rate_factor("linear", step, 4) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]
    assert rate_factor("cosine", 0, 10) == 1.0
    assert rate_factor("cosine", 5, 10) == pytest.approx(0.5)
    assert [rate_factor("tail", step, 4) for step in range(4)] == [1.0, 1.0, 1.0, 0.5]
    assert {rate_factor("constant", step, 10) for step in range(10)} == {1.0}


@pytest.mark.parametrize(("length", "batch"), [(10, 3), (4, 10), (7, 7), (1, 3)])
def test_every_epoch_visits_every_sample_once(length: int, batch: int) -> None:
    order = Order(length, batch, seed=1, purpose="critic")
    draws = -(-3 * length // batch)
    visited = torch.cat([order.draw(number) for number in range(draws)])
    for epoch in range(3):
        assert sorted(visited[epoch * length : (epoch + 1) * length].tolist()) == list(range(length))
    assert torch.equal(Order(length, batch, 1, "critic").draw(2), order.draw(2)), "any draw without those before it"


@pytest.mark.parametrize(("counts", "batch"), [((99, 1), 8), ((5, 0, 3, 40), 7), ((3, 3, 3), 1), ((700, 7), 64)])
def test_balanced_draws_show_all_classes_equally_often_and_each_in_epochs(counts: tuple[int, ...], batch: int) -> None:
    rng = torch.Generator().manual_seed(0)
    labels = torch.tensor([c for c, count in enumerate(counts) for _ in range(count)])
    labels = labels[torch.randperm(len(labels), generator=rng)]
    order = BalancedOrder(labels, batch, 3, "critic")
    present = [c for c, count in enumerate(counts) if count]
    draws = [order.draw(number) for number in range(3 * len(labels) // batch)]
    for each in draws:
        shares = labels[each].bincount(minlength=len(counts))[present]
        assert len(each) == batch and shares.max() - shares.min() <= 2
    drawn = torch.cat(draws)
    rounds = len(drawn) // len(present)
    of_whole_rounds = labels[drawn[: rounds * len(present)]].bincount(minlength=len(counts))[present]
    assert set(of_whole_rounds.tolist()) == {rounds}
    for c in present:
        own = drawn[labels[drawn] == c]
        for start in range(0, len(own) - counts[c] + 1, counts[c]):
            assert own[start : start + counts[c]].unique().numel() == counts[c], "an epoch of the class: each once"
    assert torch.equal(BalancedOrder(labels, batch, 3, "critic").draw(2), draws[2]), "any draw without those before it"
    assert not torch.equal(BalancedOrder(labels, 9, 4, "critic").draw(2), BalancedOrder(labels, 9, 3, "critic").draw(2))


def test_turns_come_in_no_fixed_order() -> None:
    """Of batches smaller than the number of classes each holds other classes, in every company."""
    order = BalancedOrder(torch.arange(5).repeat(4), 2, 0, "critic")
    pairs = {tuple(sorted(each % 5 for each in order.draw(number).tolist())) for number in range(200)}
    assert len(pairs) >= 10


def test_streams_of_different_purposes_differ() -> None:
    names = [("a", 0, 0), ("a", 1, 0), ("a", 0, 1), ("b", 0, 0)]
    drawn = {tuple(torch.rand(4, generator=randomness.generator(3, *name)).tolist()) for name in names}
    assert len(drawn) == len(names)


class Listening(PlainLoss):
    """Is told of steps, and so is a part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[int] = []
        self.part = TinyListener()

    def at_step(self, step: int) -> None:
        self.heard.append(step)


class TinyListener(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[int] = []

    def at_step(self, step: int) -> None:
        self.heard.append(step)


def test_each_part_is_told_of_each_step_once_wherever_it_stands() -> None:
    state = make_state()
    state.loss = Listening()
    state.critic.part = TinyListener()
    state.generator.part = state.loss.part  # in two places, told once
    go(state, 3)
    assert state.loss.heard == state.loss.part.heard == state.critic.part.heard == [0, 1, 2]


def test_a_generator_without_an_optimiser_is_not_told_of_steps_that_are_not_its_own() -> None:
    state = make_state()
    state.generator.part = TinyListener()
    state.generator_optimizer = None
    go(state, 2)
    assert state.generator.part.heard == []


def test_a_step_without_any_update_is_a_step() -> None:
    class Waits(PlainLoss):
        def critic_steps(self, step: int, usual: int) -> int:
            return 0 if step == 0 else 1

        def critic_loss(self, play: Play) -> dict[str, torch.Tensor]:
            return {"real": -play.mean(torch.tanh(play.score(play.real)))}

    state = make_state()
    state.generator = state.ema = state.generator_optimizer = None
    state.loss = Waits()
    assert [set(terms) for terms in go(state, 2)] == [set(), {"real", "critic_grad_norm"}]
