"""Rules of what stands in a checkpoint beside the nets: losses and optimisers that are stopped and go on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gantk.interfaces import Loss, step_listeners
from gantk.testing import toys
from gantk.testing.rule import demand, rule
from gantk.testing.rules.losses import terms_of, with_any
from gantk.testing.rules.own_nets import Match, play_of, real_batch, sides
from gantk.testing.subject import Subject
from gantk.training import TrainSettings, checkpoint, train
from gantk.training.state import State, held_by, trainable_parameters

END = 20
STOP = 7
"""After which step a run is stopped, so that lazy terms of 2, 4, 5, 8 and 16 steps are not due at once in both."""
OTHER_SEED = 9


def _begin(subject: Subject, seed: int = 2) -> tuple[Match, State]:
    """The loss, nets and optimisers before the first step."""
    match = with_any(subject, seed)
    generator = match.generator if "generator" in sides(subject) else None

    def adam(net: nn.Module | None, name: Literal["with_generator", "with_critic"]) -> torch.optim.Optimizer | None:
        return None if net is None else torch.optim.Adam(trainable_parameters(net, match.loss, name), lr=1e-3)

    optimizers = adam(generator, "with_generator"), adam(match.critic, "with_critic")
    state = State(generator, match.critic, match.loss, None, *optimizers)
    return match, state


def _steps(match: Match, state: State, until: int) -> Iterator[dict[str, float]]:
    """Trains to step `until`, as a run does."""
    settings = TrainSettings(seed=1, steps=until, batch=8)
    for terms in train(state, toys.whole_data(match.spec), settings):
        yield {name: value.item() for name, value in terms.items()}


def _restored(state: State, other: State, spec: Any) -> None:
    """Makes `other` what `state` is, by a checkpoint file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.h5"
        checkpoint.write_checkpoint(path, state, recipe="", spec=spec, plugins={})
        checkpoint.restore(checkpoint.read_checkpoint(path), other)
    other.step = state.step


def _tensors(state: State) -> dict[str, Tensor]:
    return {f"{group}.{name}": value for group, each in held_by(state).tensors.items() for name, value in each.items()}


def differing(one: State, other: State) -> list[str]:
    """Names of the tensors in which two states differ."""
    known = _tensors(other)
    return [name for name, value in _tensors(one).items() if not torch.equal(value, known[name])]


@rule(
    "repeatable",
    "loss",
    says="The same update gives the same terms: random numbers come from `play` or from torch.",
)
def repeatable(subject: Subject) -> None:
    """Two losses with nets of the same weights, three steps each."""
    one, other = (list(_steps(*_begin(subject), 3)) for _ in range(2))
    for step, (first, second) in enumerate(zip(one, other, strict=True)):
        _demand_equal(first, second, f"at step {step}, when it is trained once more")


def _demand_equal(first: dict[str, float], second: dict[str, float], when: str) -> None:
    demand(first.keys() == second.keys(), f"the terms {', '.join(first)} {when}", ", ".join(second))
    for name, value in first.items():
        demand(value == second[name], f"'{name}' of {value:.8g} {when}", f"{second[name]:.8g}")


@rule(
    "checkpoint",
    "loss",
    says="A gantk checkpoint holds all of its state: parameters and buffers, nothing in plain attributes.",
)
def round_trip(subject: Subject) -> None:
    """Terms of the next update, of the loss that trained and of one that was read back."""
    match, state = _begin(subject)
    for _ in _steps(match, state, STOP):
        pass
    again, other = _begin(subject, OTHER_SEED)
    _restored(state, other, match.spec)
    real = real_batch(match)
    for side in sides(subject):
        found = []
        for each in (match, again):
            for listener in step_listeners(each.generator, each.critic, each.loss):
                listener.at_step(STOP)
            torch.manual_seed(3)
            terms = terms_of(each.loss, side, play_of(each, side, real, STOP))
            found.append({name: value.item() for name, value in terms.items()})
        _demand_equal(found[0], found[1], f"from the loss that was read back after {STOP} steps")


@rule(
    "resume",
    "loss",
    says="Stopped and resumed, a run with it is the run that never stopped, bit for bit: what it does depends on the "
    "step (`at_step`, `play.step`) and on buffers, not on how often it was called.",
)
def resumed(subject: Subject) -> None:
    """Twenty steps at once, and seven, a checkpoint, and thirteen."""
    match, whole = _begin(subject)
    expected = list(_steps(match, whole, END))
    match, first = _begin(subject)
    for _ in _steps(match, first, STOP):
        pass
    again, second = _begin(subject, OTHER_SEED)
    _restored(first, second, match.spec)
    for step, terms in enumerate(_steps(again, second, END), STOP):
        _demand_equal(expected[step], terms, f"at step {step}, resumed from step {STOP}")
    wrong = differing(whole, second)
    demand(not wrong, f"the weights of the run that never stopped, after {END} steps", f"others in {wrong[:4]}")


# ---- optimisers


def optimised(subject: Subject, seed: int = 2) -> State:
    """Two layers, one with its weights channels last, and the optimiser over them."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(16, 1))
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    return State(None, net, Loss(), None, None, subject.build(parameters=list(net.parameters())))


def optimise(state: State, steps: range) -> None:
    """Some updates, each by a batch of its own."""
    net, optimizer = state.critic, state.critic_optimizer
    assert net is not None and optimizer is not None
    for step in steps:
        batch = torch.randn(8, 2, 4, 4, generator=torch.Generator().manual_seed(step))
        torch.manual_seed(step)
        optimizer.zero_grad()
        (net(batch) - 1).square().mean().backward()
        optimizer.step()
    state.step = steps.stop


@rule("repeatable", "optimizer", says="The same gradients give the same steps.")
def optimizer_repeatable(subject: Subject) -> None:
    """Two optimisers of the same weights."""
    one, other = optimised(subject), optimised(subject)
    for state in (one, other):
        optimise(state, range(3))
    wrong = differing(one, other)
    demand(not wrong, "the same weights after the same three gradients", f"others in {wrong[:4]}")


@rule(
    "checkpoint",
    "optimizer",
    says="A gantk checkpoint holds its `state_dict`: tensors and numbers for each parameter, and the groups' settings.",
)
def optimizer_checkpoint(subject: Subject) -> None:
    """What was written is what is read."""
    state, other = optimised(subject), optimised(subject, OTHER_SEED)
    optimise(state, range(STOP))
    _restored(state, other, toys.POINTS)
    written, read = (held_by(each).optimizers["critic"] for each in (state, other))
    settings = [json.dumps(each["param_groups"]) for each in (written, read)]  # a tuple comes back as a list
    demand(settings[0] == settings[1], f"groups {settings[0]}", settings[1])
    for number, values in written["state"].items():
        for name, value in values.items():
            came = read["state"].get(number, {}).get(name)
            same = came is not None and torch.equal(torch.as_tensor(value), torch.as_tensor(came))
            demand(same, f"'{name}' of parameter {number} as it was written", "another" if came is not None else "none")


@rule(
    "resume",
    "optimizer",
    says="Stopped and resumed it steps as the one that never stopped, bit for bit: its state is in `self.state` and "
    "`param_groups`.",
)
def optimizer_resumed(subject: Subject) -> None:
    """Twenty steps at once, and seven, a checkpoint, and thirteen."""
    whole, first, second = optimised(subject), optimised(subject), optimised(subject, OTHER_SEED)
    optimise(whole, range(END))
    optimise(first, range(STOP))
    _restored(first, second, toys.POINTS)
    optimise(second, range(STOP, END))
    wrong = differing(whole, second)
    demand(not wrong, f"the weights of the one that never stopped, after {END} steps", f"others in {wrong[:4]}")
