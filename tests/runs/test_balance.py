"""Class-balanced batches in a run: a class of 1 % is seen, stopped runs go on bit for bit, and mistakes say so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import gantk
from gantk.api.model import Model
from gantk.class_counts import all_labels
from gantk.cli import run_command_line
from gantk.data import Resident, Wrapped
from gantk.errors import DoesNotFit
from gantk.spec import DataSpec
from gantk.training import TrainSettings, train
from tests.helpers import training as small

RARE = {
    "data": {"use": "basics/digits", "only": ["0", "1"], "share_of": {"1": 0.01}},
    "generator": {"use": "basics/mlp", "latent": 4, "hidden": [8]},
    "critic": {"use": "basics/mlp", "hidden": [8]},
    "loss": {"use": "basics/gan"},
    "train": {"steps": 6, "batch": 8, "balance": "classes", "checkpoint_every": 3},
}


class Labelled(small.PlainLoss):
    """Remembers the labels of real samples, which are those of the fakes as well."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[torch.Tensor] = []

    def critic_loss(self, play):
        self.labels.append(play.labels)
        return super().critic_loss(play)

    def generator_loss(self, play):
        self.labels.append(play.labels)
        return super().generator_loss(play)

    def critic_steps(self, step: int, usual: int) -> int:
        return usual


def test_a_class_of_one_percent_is_half_of_every_batch_of_either_side() -> None:
    spec = DataSpec(shape=(3,), axes=("coordinate",), range=None, classes=("often", "rare"))
    labels = (torch.arange(700) >= 693).long()
    data = Resident(spec, torch.randn(700, 3), labels=labels)
    seen = {}
    for balance in ("none", "classes"):
        state = small.make_state()
        state.loss = loss = Labelled()
        list(train(state, data, TrainSettings(seed=1, steps=10, batch=8, balance=balance)))
        seen[balance] = torch.stack(loss.labels).sum(1)
    assert len(seen["classes"]) == 20 and set(seen["classes"].tolist()) == {4}
    assert seen["none"].sum() < 10


def test_a_balanced_run_that_stopped_goes_on_bit_for_bit_and_says_once_that_batches_repeat(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = gantk.run(RARE, out="whole", quiet=True)
    assert capsys.readouterr().err.count("more than once") == 1
    gantk.run(RARE, {"train.steps": 3}, out="stopped", quiet=True)
    gantk.resume("stopped", {"train.steps": 6}, quiet=True)
    assert capsys.readouterr().err.count("more than once") == 1
    small.assert_same(*(Model(path, "cpu", optimizers=True).state for path in (whole.path, "stopped")))


def test_what_batches_repeat_is_said(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gantk.run(RARE, {"train.batch": 200, "train.balance": "none", "train.steps": 1}, out="a", quiet=True)
    assert "train.batch is 200, but there are 126 training samples" in capsys.readouterr().err
    gantk.run(RARE, {"train.steps": 1}, out="b", quiet=True)
    assert "up to 4 samples of each class, and there are fewer (1 of 1)" in capsys.readouterr().err
    gantk.run(RARE, {"train.balance": "none", "train.steps": 1}, out="c", quiet=True)
    assert "more than once" not in capsys.readouterr().err


def test_data_without_classes_cannot_be_balanced(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["validate", "toy_motif", "train.balance=classes"]) == 1
    assert "train.balance is classes, but motif/strings names no classes" in capsys.readouterr().err
    assert run_command_line(["validate", str(tiny), "train.balance=classes"]) == 0  # the modes of the ring are classes


def test_labels_are_those_of_a_data_set_or_read_from_its_samples() -> None:
    class Items(torch.utils.data.Dataset):
        spec = DataSpec(shape=(3,), axes=("coordinate",), range=None, classes=("a", "b"))

        def __init__(self, labelled: bool):
            self.labelled = labelled

        def __len__(self) -> int:
            return 1500

        def __getitem__(self, index: int):
            return (torch.zeros(3), index % 2) if self.labelled else torch.zeros(3)

    assert torch.equal(all_labels(Wrapped(Items(True))), torch.arange(1500) % 2)
    with pytest.raises(DoesNotFit, match="their samples have no labels"):
        all_labels(Wrapped(Items(False)))
