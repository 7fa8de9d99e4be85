"""Checkpoints: what was written comes back, and what was damaged is recognised."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import h5py
import pytest
import torch
from gantk_basics import optimizers

from gantk.errors import FileError
from gantk.files import hdf5
from gantk.training import checkpoint
from gantk.training.state import held_by
from gantk.training.weights import load_optimizer
from tests.helpers.damage import resealed
from tests.helpers.training import SPEC, assert_same, go, make_state


@pytest.fixture
def written(tmp_path: Path) -> Path:
    state = make_state()
    go(state, 3)
    path = tmp_path / "step-3.h5"
    checkpoint.write_checkpoint(
        path, state, recipe="seed: 1", spec=SPEC, plugins={"basics": "gantk 0"}, best={"value": 1.5}
    )
    return path


def test_round_trip(written: Path) -> None:
    state = make_state()
    go(state, 3)
    found = checkpoint.read_checkpoint(written)
    assert (found.step, found.recipe, found.spec, found.plugins) == (3, "seed: 1", SPEC, {"basics": "gantk 0"})
    assert found.best == {"value": 1.5}
    restored = make_state()
    checkpoint.restore(found, restored)
    assert_same(state, restored)


def test_plain_h5py_reads_it_under_pytorch_names(written: Path) -> None:
    with h5py.File(written) as file:
        assert file["generator/layers.0.weight"].shape == (8, 2)
        assert file.attrs["step"] == 3


@pytest.mark.parametrize("position", [0, 5, 30, 100, 511, 512, 600, 5000, -1])
def test_a_flipped_byte_is_recognised(written: Path, position: int) -> None:
    content = bytearray(written.read_bytes())
    content[position] ^= 0x10
    written.write_bytes(content)
    with pytest.raises(FileError, match=str(written)):
        checkpoint.read_checkpoint(written)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.999])
def test_a_truncated_file_is_recognised(written: Path, share: float) -> None:
    content = written.read_bytes()
    written.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileError):
        checkpoint.read_checkpoint(written)


def test_no_temporary_file_stays_and_a_failed_write_keeps_the_old(written: Path, monkeypatch) -> None:
    before = written.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.write_checkpoint(written, make_state(), recipe="", spec=SPEC, plugins={})
    assert written.read_bytes() == before
    assert [path.name for path in written.parent.iterdir()] == [written.name]


def test_weights_that_do_not_fit_are_listed(written: Path) -> None:
    found = checkpoint.read_checkpoint(written)
    del found.tensors["generator"]["layers.0.bias"]
    found.tensors["generator"]["strange"] = found.tensors["generator"]["layers.4.bias"]
    found.tensors["generator"]["layers.4.bias"] = found.tensors["generator"]["layers.0.weight"]
    with pytest.raises(FileError) as caught:
        checkpoint.load_weights(found, make_state())
    message = str(caught.value)
    assert "layers.0.bias: missing in the file" in message
    assert "strange: not in this generator" in message
    assert "layers.4.bias: (8, 2) in the file, (3,) here" in message


def test_start_from_takes_weights_but_not_step_or_optimisers(written: Path) -> None:
    state = make_state()
    checkpoint.load_weights(checkpoint.read_checkpoint(written), state)
    trained = make_state()
    go(trained, 3)
    assert torch.equal(state.generator.layers[0].weight, trained.generator.layers[0].weight)
    assert state.step == 0
    assert state.generator_optimizer.state_dict()["state"] == {}


def test_a_state_with_a_nan_is_not_good() -> None:
    state = make_state()
    assert held_by(state).non_finite() == []
    with torch.no_grad():
        state.critic.layers[0].weight[0, 0] = float("nan")
    assert held_by(state).non_finite() == ["critic.layers.0.weight"]


def test_loading_keeps_the_memory_format_of_live_tensors() -> None:
    layer = torch.nn.Conv2d(4, 4, 3).to(memory_format=torch.channels_last)
    values = {name: value.numpy().copy() for name, value in torch.nn.Conv2d(4, 4, 3).state_dict().items()}
    checkpoint.load_module(layer, values, "critic")
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(layer.weight, torch.as_tensor(values["weight"]))


def _trained(net: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    """Some updates whose gradients differ from entry to entry."""
    for _ in range(steps):
        optimizer.zero_grad()
        sum((parameter**3).sum() for parameter in net.parameters()).backward()
        optimizer.step()


OPTIMIZERS = {
    "adam": optimizers.adam,
    "adamw": optimizers.adamw,
    "rmsprop": lambda weights: optimizers.rmsprop(weights, momentum=0.5),
    "sgd": lambda weights: optimizers.sgd(weights, momentum=0.5),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_an_optimiser_goes_on_as_if_it_had_never_stopped(name: str, memory_format: torch.memory_format) -> None:
    """Moments come contiguous from a file, and each must meet its own weight, however the weights lie in memory."""
    torch.manual_seed(0)
    whole = torch.nn.Conv2d(3, 5, 3).to(memory_format=memory_format)
    stopped = deepcopy(whole)
    optimizer = OPTIMIZERS[name](whole.parameters())
    _trained(whole, optimizer, 6)
    first = OPTIMIZERS[name](stopped.parameters())
    _trained(stopped, first, 3)
    saved = first.state_dict()
    arrays = {
        number: {key: value.numpy().copy(order="C") for key, value in values.items()}
        for number, values in saved["state"].items()
    }
    again = OPTIMIZERS[name](stopped.parameters())
    load_optimizer(again, {"groups": saved["param_groups"], "state": arrays}, "critic")
    _trained(stopped, again, 3)
    assert torch.equal(stopped.weight, whole.weight) and torch.equal(stopped.bias, whole.bias)


@pytest.mark.parametrize("length", [0, 10, hdf5.LONGEST, hdf5.LONGEST + 1, 3 * hdf5.LONGEST], ids=str)
def test_text_of_any_length_comes_back_and_stands_in_no_heap(length: int, tmp_path: Path) -> None:
    text = ("é" + "a" * length)[:length]
    with h5py.File(tmp_path / "text.h5", "w") as file:
        hdf5.write_string(file, "recipe", text)
    with h5py.File(tmp_path / "text.h5", "r") as file:
        assert hdf5.read_string(file, "recipe") == text
        assert all(h5py.check_vlen_dtype(file.attrs.get_id(name).dtype) is None for name in file.attrs)


def test_a_copy_does_not_change_with_the_state() -> None:
    state = make_state()
    for parameter in state.critic.parameters():
        parameter.grad = torch.ones_like(parameter)
    state.critic_optimizer.step()
    kept = held_by(state).copied()
    before = bytes(checkpoint.to_bytes(kept, recipe="", spec=SPEC, plugins={}))
    state.critic_optimizer.param_groups[0]["lr"] = 7.0
    state.critic_optimizer.step()
    state.step += 1
    state.restorations.append({"step": 1})
    assert bytes(checkpoint.to_bytes(kept, recipe="", spec=SPEC, plugins={})) == before
    assert bytes(checkpoint.to_bytes(held_by(state), recipe="", spec=SPEC, plugins={})) != before


def _saved_by_another_torch(path: Path, change: Callable[[dict], object]) -> None:
    """Rewrites the settings of the generator's optimiser in a checkpoint."""

    def rewrite(file: h5py.File) -> None:
        group = file["optimizers/generator"]
        groups = json.loads(hdf5.read_string(group, "groups"))
        change(groups[0])
        hdf5.write_string(group, "groups", json.dumps(groups))

    resealed(path, checkpoint.MAGIC, rewrite)


def test_settings_of_another_version_of_torch_are_filled_in_or_left_out_and_told(written: Path, capsys) -> None:
    """torch 2.4 knows no decoupled_weight_decay; a later one may know more than this."""
    _saved_by_another_torch(written, lambda group: (group.pop("decoupled_weight_decay", 0), group.update(later=True)))
    expected, restored = make_state(), make_state()
    go(expected, 3)
    checkpoint.restore(checkpoint.read_checkpoint(written), restored)
    assert_same(expected, restored)
    said = " ".join(capsys.readouterr().err.split())
    assert "later is unknown here, and left out" in said
    if "decoupled_weight_decay" in restored.generator_optimizer.defaults:
        assert "decoupled_weight_decay is False as today's default; later" in said


def test_nets_are_loaded_whatever_the_optimiser_is(written: Path, capsys) -> None:
    _saved_by_another_torch(written, lambda group: group.update(lr=[1, 2, 3]))
    state = make_state()
    with pytest.raises(FileError, match="settings of the generator's optimiser"):
        checkpoint.restore(checkpoint.read_checkpoint(written), state)
    checkpoint.restore(checkpoint.read_checkpoint(written), state, optimizers=False)
    expected = make_state()
    go(expected, 3)
    assert torch.equal(state.generator.layers[0].weight, expected.generator.layers[0].weight)
    assert capsys.readouterr().err == ""
