"""Sizes that no machine has: refused with the number before anything is allocated, by `validate` and by `run`."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from gantk import machine, messages
from gantk.errors import DoesNotFit
from gantk.recipe.recipe import load
from gantk.training import from_recipe, memory_estimate
from tests.helpers.damage import refused, run

LARGE = 10**9
SIDES = ("generator", "critic")
ABSURD = {
    "latent": ("tiny.yaml", f"generator.latent={LARGE * 1000}"),
    "width": ("tiny.yaml", f"critic.hidden=[{LARGE}]"),
    "overflow": ("tiny.yaml", f"generator.hidden=[{2**62}, {2**62}]"),
    "batch": ("tiny.yaml", f"train.batch={LARGE * 10}"),
    "data": ("tiny.yaml", f"data.samples={LARGE * 100}"),
    "strings": ("toy_motif", f"data.samples={LARGE * 100}"),
    "length": ("toy_motif", f"data.length={LARGE * 100}"),
    "cells": ("lin_starshaped", f"data.cells={LARGE * 10}"),
    "towers": ("lin_starshaped", f"generator.width={LARGE}", "data.cells=40", "data.test_cells=20"),
    "planted": ("dna_planted", f"data.samples={LARGE * 100}"),
    "metric": ("tiny.yaml", f"evaluate.0.samples={LARGE * 1000}"),
}


QUICK = ("latent", "batch", "data", "strings")


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[] if each in QUICK else pytest.mark.slow) for each in ABSURD]
)
def test_refused_with_the_number_and_nothing_taken(name: str, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, *overrides = ABSURD[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refused(capsys, "validate", recipe, *overrides, code=1)
    assert "B of memory" in message or "2⁶³ bytes" in message, message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # kB
    message = refused(capsys, "run", recipe, *overrides, "--out", "made", code=1)
    assert not Path("made").exists()


def test_far_too_many_layers_are_refused(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_estimate, "MOST_PARAMETERS", 100)
    layers = ", ".join(["1"] * 60)
    message = refused(capsys, "validate", "tiny.yaml", f"generator.hidden=[{layers}]", code=1)
    assert "more than 100 parameter tensors" in message


def test_the_estimate_is_near_what_autograd_keeps(tiny: Path) -> None:
    """Against a plain count: two layers of a net keep their inputs and what their activations need."""
    values = load(tiny, ["train.batch=1000"]).values
    spec = from_recipe.datasets(values)["train"].spec
    found = from_recipe.memory_needed(values, spec, "cpu")
    nets = from_recipe.initial_state(values, spec, "cpu")
    numbers = sum(each.numel() for net in (nets.generator, nets.critic) for each in net.parameters())
    assert found.training == 3 * 4 * numbers  # gradients, and the two moments of Adam
    plain_descent = load(tiny, ["train.batch=1000", *(f"play.{side}_optimizer={{use: basics/sgd}}" for side in SIDES)])
    assert from_recipe.memory_needed(plain_descent.values, spec, "cpu").training == 4 * numbers
    kept: dict[int, int] = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.__setitem__(tensor.data_ptr(), tensor.nbytes) or tensor, lambda tensor: tensor
    ):
        latent = torch.randn(1000, *nets.generator.latent_shape)
        keep = nets.critic(nets.generator(latent)).mean()
    own = {each.data_ptr() for net in (nets.generator, nets.critic) for each in net.parameters()}
    plain = sum(size for at, size in kept.items() if at not in own)
    assert keep.requires_grad
    assert plain < found.batch < 8 * plain


def test_what_only_the_estimate_forbids_is_a_warning(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = load(tiny, ["train.batch=1000"]).values
    spec = from_recipe.datasets(values)["train"].spec
    found = from_recipe.memory_needed(values, spec, "cpu")
    assert found.least < found.total
    monkeypatch.setattr(machine, "memory_limit", lambda device="cpu": (found.least + found.total) // 2)
    assert from_recipe.memory_needed(values, spec, "cpu") == found
    assert "That is an estimate" in capsys.readouterr().err
    monkeypatch.setattr(machine, "memory_limit", lambda device="cpu": found.least - 1)
    with pytest.raises(DoesNotFit, match="would need about"):
        from_recipe.memory_needed(values, spec, "cpu")


def test_an_update_is_played_only_where_a_batch_might_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playing it imports torch's compiler, which takes a second; what metrics draw does not grow with the batch."""
    played: list[int] = []
    monkeypatch.setattr(from_recipe, "memory_needed", lambda *_: played.append(1))
    monkeypatch.setattr(machine, "memory_limit", lambda device="cpu": 8 * 2**30)
    values = load("lin_starshaped", ["data.cells=40", "data.test_cells=10"]).values
    spec = from_recipe.datasets(values)["train"].spec
    from_recipe.refuse_absurd_sizes(values, spec, torch.device("cpu"), 400 * 2**20)
    assert not played
    values["train"]["batch"] = 320
    from_recipe.refuse_absurd_sizes(values, spec, torch.device("cpu"), 400 * 2**20)
    assert played
    values["train"]["batch"] = 16
    from_recipe.refuse_absurd_sizes(values, spec, torch.device("cpu"), 8 * 2**30)  # the data alone
    assert len(played) == 2


def test_validate_prints_it(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(tiny)]) == 0
    assert "memory      about " in capsys.readouterr().out


def test_a_checkpoint_of_absurd_size_is_refused_when_sampled(
    tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantk.api.run import run as train
    from gantk.files import hdf5
    from gantk.training.checkpoint import MAGIC
    from tests.helpers.damage import resealed

    made = train(tiny, {"train.steps": 1, "evaluate": []}, out="made", quiet=True)
    path = made.folder.last_checkpoint()

    def grow(file: object) -> None:
        text = hdf5.read_string(file, "recipe").replace("latent: 8", "latent: 1000000000000")
        assert "1000000000000" in text
        hdf5.write_string(file, "recipe", text)

    resealed(path, MAGIC, grow)
    assert "of memory" in refused(capsys, "sample", path, "-o", "x.h5", code=1)


@pytest.mark.parametrize(("size", "words"), [(5, "5 bytes"), (3_200_000_000, "3.2 GB"), (10**22, "10,000 EB")])
def test_in_words(size: int, words: str) -> None:
    assert messages.byte_size(size) == words


def test_whatever_a_constructor_draws_and_scales_has_its_type_and_shape() -> None:
    """Drawing and scaling are passed over without memory: what comes out must be what torch would have made."""
    rng = torch.Generator().manual_seed(0)
    with memory_estimate.within_memory(None):
        weight = torch.nn.Parameter(torch.randn(3, 2, generator=rng) / 2.0)
        made = [
            (weight, (3, 2), torch.float32),
            (torch.rand(size=(4,), dtype=torch.float64) * 2.0, (4,), torch.float64),
            (torch.nn.Parameter(torch.arange(4) * 0.5), (4,), torch.float32),
            (torch.ones(3).div(other=2.0), (3,), torch.float32),
            (torch.nn.init.normal_(torch.empty(2, 5), std=0.1), (2, 5), torch.float32),
        ]
        assert (weight * 2.0).grad_fn is not None
    for tensor, shape, kind in made:
        assert (tensor.is_meta, tuple(tensor.shape), tensor.dtype) == (True, shape, kind)
