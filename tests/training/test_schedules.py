"""Numbers that follow a schedule, and groups of an optimiser: set before each step, and exact on resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from gantk.data import as_dataset
from gantk.errors import DoesNotFit, GantkError
from gantk.recipe.recipe import recipe_from_text
from gantk.training import TrainSettings, checkpoint, datasets, initial_state, train
from gantk.training.from_recipe import check_engine
from gantk.training.state import State
from tests.helpers.training import assert_same

TEXT = """
data: {use: basics/ring, samples: 200}
generator: {use: basics/mlp, latent: 4, hidden: [8, 8]}
critic: {use: basics/mlp, hidden: [8]}
loss:
  use: basics/minibatch_discrimination
  kernels: 2
  dims: 2
  loss: {use: basics/gan, r1: {from: 0, to: 1}, label_noise: {from: .2, to: 0, over: 10, by: steps}}
play:
  generator_optimizer:
    lr: 1e-3
    betas: [0, {from: .9, to: .99, shape: cosine}]
    groups: {layers.0: {lr: {from: 1e-2, to: 1e-3, shape: exponential}}}
  critic_optimizer:
    amsgrad: true
    lr: {from: 2e-3, to: 1e-3}
    groups: {linear: {betas: [0.1, 0.2]}, critic: {weight_decay: .1, lr: 5e-3}}
train: {steps: 20, batch: 8, ema_half_life: {from: 0, to: 100, over: 160, by: samples}}
"""


def begun(text: str = TEXT, *overrides: str) -> tuple[State, Any, TrainSettings]:
    values = recipe_from_text(text, overrides=overrides).values
    data = as_dataset(datasets(values)["train"])
    return initial_state(values, data.spec, "cpu"), data, TrainSettings.from_recipe(values, len(data))


def test_every_step_has_the_numbers_of_its_schedules() -> None:
    state, data, settings = begun()
    inner = state.loss.loss
    assert inner.r1 == 1.0, "built with what switches the penalty on, so that `prepare` sees it"
    for step, _ in enumerate(train(state, data, settings)):
        share = step / 20
        assert inner.r1 == pytest.approx(share)
        assert inner.label_noise == pytest.approx(0.2 * max(0, 1 - step / 10))
        rest, first = state.generator_optimizer.param_groups
        assert [rest["lr"], first["lr"]] == pytest.approx([1e-3, 1e-2 * 0.1**share])
        assert rest["betas"] == first["betas"] and rest["betas"][1] == pytest.approx(
            0.945 - 0.045 * torch.cos(torch.tensor(torch.pi * share)).item()
        )
        others, inside, linear = state.critic_optimizer.param_groups
        assert [group["lr"] for group in (others, inside, linear)] == pytest.approx(
            [2e-3 - 1e-3 * share, 5e-3, 2e-3 - 1e-3 * share]
        )
        assert linear["betas"] == (0.1, 0.2) and others["betas"] == inside["betas"] == (0.5, 0.999)
        assert inside["weight_decay"] == 0.1 and all(group["amsgrad"] for group in (others, inside, linear))
        half_life = 100 * min(1, step * 8 / 160)
        assert settings.average_decay(step) == pytest.approx(0.5 ** (8 / half_life) if half_life else 0)


def test_a_group_holds_the_weights_of_its_submodule() -> None:
    state, _, _ = begun()
    rest, first = state.generator_optimizer.param_groups
    wanted = {id(each) for each in state.generator.get_submodule("layers.0").parameters()}
    assert {id(each) for each in first["params"]} == wanted and len(rest["params"]) == len(
        [*state.generator.parameters()]
    ) - 2


def test_of_nested_submodules_the_inner_one_holds() -> None:
    state, _, _ = begun(TEXT, "play.generator_optimizer.groups={layers: {lr: 1}, layers.0: {lr: 2}}")
    assert [(group["lr"], len(group["params"])) for group in state.generator_optimizer.param_groups] == [
        (2.0, 2),
        (1.0, 4),
    ]


def test_one_group_alone_trains_as_without_groups() -> None:
    plain, data, settings = begun(TEXT, "play.generator_optimizer.groups={}", "play.critic_optimizer.groups={}")
    grouped, _, _ = begun(
        TEXT,
        "play.generator_optimizer.groups={layers.0: {lr: 1e-3}}",
        "play.critic_optimizer.groups={critic: {eps: 1e-8}}",
    )
    for state in (plain, grouped):
        for _ in train(state, data, settings):
            pass
    for net in ("generator", "critic"):
        for name, weight in getattr(plain, net).named_parameters():
            assert torch.equal(weight, getattr(grouped, net).get_parameter(name)), name


def test_stopped_and_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    whole, data, settings = begun()
    for _ in train(whole, data, settings):
        pass
    first, _, _ = begun()
    for _ in train(first, data, settings):
        if first.step == 7:
            break
    checkpoint.write_checkpoint(tmp_path / "step-7.h5", first, recipe="", spec=data.spec, plugins={})
    second, _, _ = begun(TEXT, "seed=5")
    checkpoint.restore(checkpoint.read_checkpoint(tmp_path / "step-7.h5"), second)
    settings = TrainSettings.from_recipe(recipe_from_text(TEXT).values, len(data))
    for _ in train(second, data, settings):
        pass
    assert_same(whole, second)


def test_lower_rates_after_a_restoration_hold_for_schedules_too() -> None:
    state, data, settings = begun()
    state.restorations = [{"step": 0, "rate": 0.5}]
    next(train(state, data, settings))
    assert [group["lr"] for group in state.critic_optimizer.param_groups] == pytest.approx([1e-3, 2.5e-3, 1e-3])


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("play.generator_optimizer.groups={layer.0: {lr: 1}}", "did you mean 'layers.0'?"),
        ("play.generator_optimizer.groups={linear: {lr: 1}}", "the generator's side has no submodule 'linear'"),
        ("play.generator_optimizer.groups={layers: {lr: 1}, layers.0: {lr: 1}, layers.2: {lr: 1}, layers.4: {lr: 1}}",
         "all of its weights are in the groups of submodules within it"),
    ],
)  # fmt: skip
def test_names_that_no_submodule_has(override: str, says: str) -> None:
    with pytest.raises(DoesNotFit) as caught:
        begun(TEXT, override)
    assert says in str(caught.value)


def test_graphs_cannot_replay_a_loss_that_changes() -> None:
    values = recipe_from_text(TEXT).values
    with pytest.raises(GantkError, match=r"loss.loss.label_noise changes: take eager"):
        check_engine("graphs", torch.device("cuda"), values["loss"])
    check_engine("graphs", torch.device("cuda"), {"use": "basics/gan", "r1": 1.0})


def test_a_constant_schedule_is_the_constant() -> None:
    """from = to gives what the number alone gives, bit for bit."""
    found = []
    for r1, lr in (("0.5", "1e-3"), ("{from: .5, to: .5}", "{from: 1e-3, to: 1e-3, shape: cosine}")):
        state, data, settings = begun(TEXT, f"loss.loss.r1={r1}", f"play.critic_optimizer.lr={lr}")
        found.append(list(train(state, data, settings)))
    assert found[0] == found[1]
