"""What `gantk show RECIPE --stages` says of layers is what these make, and its arithmetic is torch's."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.recipe.recipe import load
from gantk.training import datasets, initial_state
from gantk.training.stages import arithmetic, stages_of

CONVOLUTIONS = [
    nn.Conv1d(2, 3, 5),
    nn.Conv1d(2, 3, 4, 2, 1),
    nn.Conv1d(2, 3, 3, 1, 2, dilation=2),
    nn.Conv2d(2, 3, (3, 5), (2, 1), (1, 2)),
    nn.Conv3d(2, 3, 3, 2, 1),
    nn.ConvTranspose1d(2, 3, 5, 2, 2, output_padding=1),
    nn.ConvTranspose1d(2, 3, 3, 3, 0, dilation=2),
    nn.ConvTranspose2d(2, 3, 4, 2, 1),
    nn.ConvTranspose2d(2, 3, (3, 4), (1, 2), 1),
]


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("size", [9, 12])
def test_the_arithmetic_is_what_the_layer_does(layer: nn.Module, size: int) -> None:
    axes = int(type(layer).__name__[-2])
    given = (2, *[size] * axes)
    made = layer(torch.zeros(1, *given)).shape[2:]
    told = arithmetic(layer, given).split(", ")
    assert {int(each.rpartition(" = ")[2]) for each in told} == set(made)
    for each in told:
        formula, _, result = each.rpartition(" = ")
        value = eval(formula.replace("·", "*").replace(" / ", " // "))  # of our own making
        assert value == int(result)


def test_other_layers_have_none() -> None:
    assert arithmetic(nn.Linear(2, 3), (2,)) == ""
    assert arithmetic(nn.Conv1d(2, 3, 3, padding="same"), (2, 8)) == ""


def test_stages_are_those_of_the_nets_at_work() -> None:
    recipe = load("digits_dcgan", ["generator.width=4", "critic.width=4"])
    spec = datasets(recipe.values)["train"].spec
    found = stages_of(recipe.values, spec)
    state = initial_state(recipe.values, spec, "cpu")
    shapes: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = []
    for name, net in (("generator", state.generator), ("critic", state.critic)):
        assert net is not None
        for layer, module in net.named_modules():
            if not list(module.children()):
                module.register_forward_hook(
                    lambda _, given, made, name=f"{name}.{layer}": shapes.append(
                        (name, tuple(given[0].shape[1:]), tuple(made.shape[1:]))
                    )
                )
    assert state.generator is not None and state.critic is not None
    state.critic(state.generator(torch.randn(3, 32)))
    assert [(f"{each.net}.{each.layer}", each.given, each.made) for each in found] == shapes
    for net in ("generator", "critic"):
        weights = sum(each.numel() for each in getattr(state, net).parameters())
        assert sum(each.parameters for each in found if each.net == net) == weights


def test_the_command_and_its_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["show", "toy_motif_course", "--stages"]) == 0
    assert "(64 - 1)·2 - 2·7 + 16 = 128" in capsys.readouterr().out
    assert run_command_line(["show", "ring_gan", "--stages", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"][0]["given"] == [64]
    assert run_command_line(["show", "basics/mlp", "--stages"]) == 2
    assert "--stages is for a recipe" in capsys.readouterr().err


def test_nets_that_do_not_fit_are_refused() -> None:
    recipe = load("digits_dcgan")
    spec = datasets(load("ring_gan").values)["train"].spec
    with pytest.raises(DoesNotFit):
        stages_of(recipe.values, spec)
