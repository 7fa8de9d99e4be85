"""Damaged checkpoints: recognised, named, never half loaded; and an older intact one is gone on from on request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from gantk.errors import FileError
from gantk.files import hdf5
from gantk.training import checkpoint
from gantk.training.checkpoint import MAGIC
from tests.helpers.damage import OTHER_FORMATS, cuts, flips, refused, resealed, run


def assert_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"step-20\.h5: "):
        checkpoint.read_checkpoint(path)


def test_any_flipped_byte_is_recognised(broken: Path) -> None:
    path = broken / "checkpoints" / "step-20.h5"
    for content in flips(path.read_bytes(), 600):
        assert_refused(path, content)


@pytest.mark.slow
def test_every_byte_of_the_seal_counts(broken: Path) -> None:
    path = broken / "checkpoints" / "step-20.h5"
    whole = path.read_bytes()
    for content in flips(whole[:512], 512):
        assert_refused(path, content + whole[512:])


def test_any_truncation_is_recognised(broken: Path) -> None:
    path = broken / "checkpoints" / "step-20.h5"
    for content in cuts(path.read_bytes(), 50):
        assert_refused(path, content)


@pytest.mark.parametrize("kind", OTHER_FORMATS)
def test_another_format_is_recognised(kind: str, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = broken / "checkpoints" / "step-20.h5"
    assert_refused(path, OTHER_FORMATS[kind])
    assert "step-20.h5" in refused(capsys, "sample", path, "-o", "x.h5")


def newer(file: h5py.File) -> None:
    file.attrs["format"] = 2


def without(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def without_attribute(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file.attrs[name]

    return change


def replaced(name: str, values: np.ndarray) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = values

    return change


def said(name: str, value: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if isinstance(value, str):
            hdf5.write_string(file, name, value)
        else:
            file.attrs[name] = value

    return change


def in_a_heap(file: h5py.File) -> None:
    """Text as HDF5 users often write it. Made on purpose, such a heap has kept libhdf5 busy for ever."""
    file.attrs["recipe"] = "seed: 1"


WEIGHT = "generator/layers.0.weight"
CHANGES = {
    "newer format": (newer, "has format 2, but this gantk reads 1: update gantk"),
    "no format": (without_attribute("format"), "'format' is missing"),
    "no step": (without_attribute("step"), "'step' is missing"),
    "step below 0": (said("step", -5), "'step' is not a whole number"),
    "step of text": (said("step", "five"), "'step' is not a whole number"),
    "no recipe": (without_attribute("recipe"), "'recipe' is missing"),
    "recipe of numbers": (said("recipe", 7), "'recipe' is not text"),
    "recipe in a heap": (in_a_heap, "'recipe' is not text"),
    "no spec": (without_attribute("spec"), "'spec' is missing"),
    "spec of another form": (said("spec", "[1, 2]"), "not a DataSpec"),
    "spec no JSON": (said("spec", "{"), "step-20.h5"),
    "best no mapping": (said("best", "7"), "'best'"),
    "plugins no mapping": (said("plugins", "[7]"), "plugins"),
    "deep JSON": (said("best", "[" * 50_000), "step-20.h5"),
    "no generator": (without("generator"), "layers.0.weight: missing in the file"),
    "no critic": (without("critic"), "weights do not fit this critic"),
    "no average": (without("ema"), "weights do not fit this ema"),
    "no weight": (without(WEIGHT), "layers.0.weight: missing in the file"),
    "no optimisers": (without("optimizers"), "no optimiser state"),
    "shape": (replaced(WEIGHT, np.zeros((16, 9), np.float32)), r"layers.0.weight: (16, 9) in the file, (16, 8) here"),
    "type": (replaced(WEIGHT, np.zeros((16, 8), np.float64)), "layers.0.weight: float64 in the file, float32 here"),
    "integers": (replaced(WEIGHT, np.zeros((16, 8), np.int32)), "layers.0.weight: int32 in the file"),
    "not finite": (replaced(WEIGHT, np.full((16, 8), np.nan, np.float32)), "not finite: generator.layers.0.weight"),
    "optimiser shape": (replaced("optimizers/generator/0/exp_avg", np.zeros(3, np.float32)), "(3,) in the file"),
    "optimiser parameter": (lambda file: file.create_group("optimizers/generator/99"), "no parameter number 99"),
    "optimiser settings": (
        lambda file: hdf5.write_string(file["optimizers/critic"], "groups", "[{}]"),
        "optimiser state in /optimizers/critic names no parameters",
    ),
    "unknown group": (lambda file: file.create_group("extra"), "holds extra, which this model does not have"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_on_purpose_is_named(name: str, broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = CHANGES[name]
    path = broken / "checkpoints" / "step-20.h5"
    resealed(path, MAGIC, change)
    if "optimiser" in name:  # sampling needs none
        message = refused(capsys, "resume", broken, "train.steps=21")
    else:
        message = refused(capsys, "sample", path, "-o", "x.h5")
        assert not Path("x.h5").exists()
    assert "step-20.h5" in message
    assert words in message


@pytest.mark.parametrize("command", ["evaluate", "view", "interpolate"])
def test_every_command_names_a_damaged_checkpoint(
    command: str, broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = broken / "checkpoints" / "step-20.h5"
    path.write_bytes(path.read_bytes()[:-1])
    assert "step-20.h5: damaged" in refused(capsys, command, broken)


def test_weights_of_another_architecture_are_not_taken(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = broken / "checkpoints" / "step-20.h5"
    text = (broken / "resolved.yaml").read_text()
    Path("other.yaml").write_text(text.replace("hidden: [16]", "hidden: [32]"))
    message = refused(capsys, "run", "other.yaml", f"train.start_from={path}", "--out", "other")
    assert "step-20.h5: the weights do not fit" in message
    assert not Path("other").exists()


def test_an_older_intact_checkpoint_is_named_and_gone_on_from(
    broken: Path, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in (15, 20):
        path = broken / "checkpoints" / f"step-{step}.h5"
        path.write_bytes(path.read_bytes()[:-1])
    message = refused(capsys, "resume", broken)
    assert "step-20.h5: damaged" in message
    assert "--from step-10.h5" in message
    assert run(["resume", str(broken), "--from", "step-10.h5"]) == 0
    one, other = (checkpoint.read_checkpoint(folder / "checkpoints" / "step-20.h5") for folder in (broken, made))
    assert one.step == other.step == 20
    for group, tensors in other.tensors.items():
        for name, values in tensors.items():
            assert np.array_equal(values, one.tensors[group][name]), name


def test_with_no_intact_checkpoint_none_is_promised(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (broken / "checkpoints").glob("*.h5"):
        path.write_bytes(b"")
    message = refused(capsys, "resume", broken)
    assert "step-20.h5: is empty" in message
    assert "is intact" not in message
