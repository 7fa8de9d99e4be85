"""Schedules as recipes write them: values at each step, what is resolved, and mistakes with their place."""

from __future__ import annotations

import math
import re
from typing import Any

import jsonschema
import pytest
import yaml

from gantk.components.registry import installed_registry
from gantk.components.schedules import Schedule, Span, found_in
from gantk.errors import RecipeError
from gantk.recipe.json_schema import json_schema
from gantk.recipe.recipe import recipe_from_text

TEXT = """
data: {use: basics/ring}
generator: {use: basics/mlp}
critic: {use: basics/mlp}
loss: {use: basics/gan, r1: {from: 2, to: .2, shape: cosine}}
train: {steps: 100, batch: 10}
"""
WRAPPED = """
data: {use: basics/ring}
generator: {use: basics/mlp}
critic: {use: basics/mlp}
loss: {use: basics/minibatch_discrimination, loss: {use: basics/gan, r1: {from: 0, to: 1, over: 30, by: steps}}}
play: {critic_optimizer: {use: basics/adam, betas: [0, {points: [[0, .9], [.5, .99]]}]}}
train: {epochs: 2, ema_half_life: {from: 0, to: 500, over: 1000, by: samples}}
"""
RUN = Span(steps=100, samples=20)


def resolved(text: str, *overrides: str) -> dict[str, Any]:
    return recipe_from_text(text, overrides=overrides).values


def mistakes_in(*overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        recipe_from_text(TEXT, "x.yaml", overrides)
    return str(caught.value)


def schedule(**values: Any) -> Schedule:
    return Schedule.of({"from": 2.0, "to": 0.2, "shape": "linear", "over": 1.0, "by": "share"} | values)


@pytest.mark.parametrize("step", [0, 1, 33, 50, 99, 100])
def test_shapes_against_their_formulas(step: int) -> None:
    t = step / 100
    assert schedule().at(step, RUN) == pytest.approx(2 - 1.8 * t)
    assert schedule(shape="cosine").at(step, RUN) == pytest.approx(0.2 + 1.8 * (1 + math.cos(math.pi * t)) / 2)
    assert schedule(shape="exponential").at(step, RUN) == pytest.approx(2 * 0.1**t)
    points = Schedule("piecewise", "share", ((0.1, 1.0), (0.5, 3.0), (0.5, 0.0), (0.9, 4.0)))
    expected = 1.0 if t <= 0.1 else 1 + 5 * (t - 0.1) if t < 0.5 else 10 * (t - 0.5) if t < 0.9 else 4.0
    assert points.at(step, RUN) == pytest.approx(expected)


def test_what_positions_count() -> None:
    assert [schedule(over=50.0, by="steps").at(step, RUN) for step in (0, 25, 50, 99)] == pytest.approx(
        [2, 1.1, 0.2, 0.2]
    )
    assert schedule(over=1000.0, by="samples").at(25, RUN) == pytest.approx(1.1)  # 25 x 20 of 1,000
    assert schedule(over=0.5).at(25, RUN) == pytest.approx(1.1)


@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
def test_no_value_lies_beyond_the_ends(shape: str) -> None:
    for low, high in [(0.1, 0.3), (0.7, 0.1), (1e-300, 1.0), (3.0, 0.1 + 0.2)]:
        values = [schedule(**{"from": low, "to": high, "shape": shape}).at(step, RUN) for step in range(101)]
        assert min(low, high) <= min(values) and max(values) <= max(low, high)
        assert values[0] == low and values[-1] == high


def test_resolved_recipes_hold_all_keys_and_resolve_to_themselves() -> None:
    recipe = recipe_from_text(TEXT)
    assert recipe.values["loss"]["r1"] == {"from": 2.0, "to": 0.2, "shape": "cosine", "over": 1.0, "by": "share"}
    assert recipe.origins["loss.r1.from"].endswith(":5") and recipe.origins["loss.r1.over"] == "default"
    for text in (TEXT, WRAPPED):
        recipe = recipe_from_text(text)
        assert recipe_from_text(recipe.to_yaml()).values == recipe.values
    assert dict(found_in(recipe.values)).keys() == {
        "loss.loss.r1", "play.critic_optimizer.betas.1", "train.ema_half_life",
    }  # fmt: skip
    assert recipe.values["play"]["generator_optimizer"]["betas"] == [0.5, 0.999]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["loss.r1.from=3"], {"from": 3.0, "to": 0.2, "shape": "cosine", "over": 1.0, "by": "share"}),
        (["loss.r1={from: 1, to: 2}"], {"from": 1.0, "to": 2.0, "shape": "linear", "over": 1.0, "by": "share"}),
        (
            ["loss.r1={points: [[0, 1], [1, 0]]}"],
            {"points": [[0.0, 1.0], [1.0, 0.0]], "shape": "piecewise", "by": "share"},
        ),
        (["loss.r1=0.5"], 0.5),
    ],
)  # fmt: skip
def test_overrides(overrides: list[str], expected: Any) -> None:
    assert resolved(TEXT, *overrides)["loss"]["r1"] == expected


def test_overrides_of_a_number_that_stands_nowhere_yet() -> None:
    values = resolved(TEXT, "loss.label_noise.from=.2", "loss.label_noise.to=0", "train.ema={from: 0, to: .99}")
    assert values["loss"]["label_noise"]["from"] == 0.2 and values["train"]["ema"]["to"] == 0.99


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("loss.r1={from: 2, too: 1}", ["unknown key 'too' in the schedule of loss.r1", "did you mean 'to'?"]),
        ("loss.r1={from: 2}", ["the schedule of loss.r1 needs 'to'", "to: number >= 0. the value at the end"]),
        ("loss.r1.to=-1", ["loss.r1.to must be number >= 0, not -1"]),
        ("loss.r1.to=x", ['loss.r1.to must be number >= 0, not "x"']),
        ("loss.label_noise={from: 0, to: .6}", ["loss.label_noise.to must be number >= 0 and <= 0.5, not 0.6"]),
        ("loss.r1.shape=cosin", ['did you mean "cosine"?']),
        ("loss.r1={from: 0, to: 1, shape: exponential}", ["needs two values of one sign", "shape: cosine"]),
        ("loss.r1.over=500", ["a share of 500 of the run", "by: steps"]),
        ("loss.r1.by=steps", ["counts steps, and does not say how many", "over: 1000"]),
        ("loss.r1={points: [[.5, 1], [.1, 2]]}", ["goes back: positions must rise"]),
        ("loss.r1={points: [[0, 1], [.1, -2]]}", ["loss.r1.points must be", "item 2 item 2 is -2"]),
        ("loss.r1={points: [[0, 1], [5, 2]]}", ["ends at a share of 5 of the run"]),
        ("loss.r1_every={from: 1, to: 2}", ["loss.r1_every cannot follow a schedule", "it is integer >= 1"]),
        ("generator.latent={from: 1, to: 2}", ["generator.latent cannot follow a schedule", "of a loss or an"]),
        ("data.sigma={from: 1, to: 2}", ["data.sigma cannot follow a schedule"]),
        ("train.batch={from: 1, to: 2}", ["train.batch cannot follow a schedule"]),
        ("loss.r1.from={from: 1, to: 2}", ["loss.r1.from cannot follow a schedule"]),
        ("loss.r1=1 loss.r1.from=3", ["nothing can stand below 1", "write the whole schedule: 'loss.r1={from: 2, "]),
        ("play.critic_optimizer.betas=[0, {from: .9, to: 1}]", ["betas.1.to must be number >= 0 and < 1, not 1"]),
        (
            "play.critic_optimizer={use: basics/rmsprop, momentum: {from: 0, to: .9}}",
            ["momentum cannot follow a schedule", "torch sets up its memory of updates by it"],
        ),
        ("train.ema=.9 train.ema_half_life=100", ["either 'ema' or 'ema_half_life', not both"]),
        (
            "play.critic_optimizer.lr={from: .1, to: .01} train.schedule=cosine",
            ["train.schedule is the short form for both rates", "play.critic_optimizer.lr"],
        ),
        ("play.critic_optimizer.groups.layers.lrr=1", ["unknown key 'lrr' in groups of basics/adam", "'lr'?"]),
        ("play.critic_optimizer.groups.layers.lr=-1", ["groups.layers.lr must be number > 0, not -1"]),
        ("play.critic_optimizer.groups.layers=1", ["groups of basics/adam must be a mapping of keys, not 1"]),
    ],
)  # fmt: skip
def test_mistakes(override: str, says: list[str]) -> None:
    told = mistakes_in(*re.split(r" (?=[a-z.0-9_]+=)", override))
    assert all(each in told for each in says), told
    assert "^" in told and "command line" in told


def test_the_place_in_a_file() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from_text(TEXT.replace("to: .2", "to: -1"), "x.yaml")
    told = str(caught.value)
    assert told.startswith("x.yaml:5:43: loss.r1.to must be number >= 0, not -1\n"), told


def test_a_mistake_in_the_loss_is_not_blamed_on_an_optimiser_of_which_a_part_is_said() -> None:
    told = mistakes_in("loss.r1.to=-1", "play.critic_optimizer={lr: 1e-3}")
    assert "loss.r1.to must be" in told and "optimizer" not in told


@pytest.fixture(scope="module")
def editor() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema(installed_registry()))


@pytest.mark.parametrize("text", [TEXT, WRAPPED])
def test_editors_know_schedules(text: str, editor: jsonschema.Draft202012Validator) -> None:
    assert editor.is_valid(yaml.safe_load(text))
    assert editor.is_valid(recipe_from_text(text).values)
    assert not editor.is_valid(yaml.safe_load(text.replace("to:", "too:")))
