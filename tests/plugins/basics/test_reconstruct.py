"""`gantk reconstruct` on other data than cells: digits and points, by search and by an encoder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.data.ring import Ring
from gantk_basics.nets.mlp import MlpGenerator
from gantk_basics.reconstruction.search import Search, encoded, reconstruct
from gantk_basics.reconstruction.targets import Targets, nearest_training, targets
from PIL import Image
from torch import Tensor, nn

import gantk
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.files.latents import Latents
from gantk.interfaces import GeneratorWrapper

QUICK = {"train.steps": 2, "train.batch": 4, "evaluate": [], "train.sample_every": None, "train.samples": 2}


class Linear(nn.Module):
    """Pictures of 64 pixels and latents of 64 numbers, each the other's double."""

    latent_shape = (64,)

    def forward(self, latent: Tensor) -> Tensor:
        return 0.5 * latent.reshape(-1, 1, 8, 8)

    def encode(self, samples: Tensor) -> Tensor:
        return 2 * samples.flatten(1)


def test_an_encoder_gives_what_the_generator_needs() -> None:
    data = Digits("test")
    wanted = targets(data, 2)
    assert wanted.group.bincount().tolist() == [2] * 10
    for net in (Linear(), GeneratorWrapper(Linear(), lambda samples: samples)):
        found = encoded(net, data.spec, wanted)
        torch.testing.assert_close(found.images, wanted.images)
        torch.testing.assert_close(found.latents, 2 * wanted.images.flatten(1))
        assert found.error.max() < 1e-6
    with pytest.raises(DoesNotFit, match="--by search"):
        encoded(nn.Identity(), data.spec, wanted)
    with pytest.raises(DoesNotFit, match="--by search"):
        encoded(Linear(), data.spec, Targets(wanted.images, wanted.group, wanted.names, True, {}))


def test_a_class_that_training_never_saw_gets_the_nearest_of_any_class() -> None:
    train, test = Digits("train", leave_out=["3"]), Digits("test", leave_out=["3"])
    wanted = targets(test, 2)
    near = nearest_training(wanted, train)
    everything = train.batch(torch.arange(len(train)), None)
    for image, group, found in zip(wanted.images, wanted.group, near, strict=True):
        others = everything.samples if group == 3 else everything.samples[everything.labels == group]
        assert torch.equal(found, others[(others - image).square().flatten(1).sum(1).argmin()])


def test_digits_are_reconstructed_and_their_latents_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = gantk.run("digits_dcgan", QUICK | {"generator.width": 4, "critic.width": 4}, out="digits", quiet=True)
    words = ["reconstruct", "digits", "-n", "2", "--iterations", "3", "--starts", "1", "--latents", "latents.h5"]
    assert run_command_line([*words, "--json", "-q"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["classes"]) == [*"0123456789", "all"]
    assert document["classes"]["all"]["images"] == 20
    with Image.open("reconstructions.png") as picture:
        assert picture.height > 10 * 48
    kept = Latents.read(Path("latents.h5"))
    assert kept.facts["class"].bincount().tolist() == [2] * 10
    assert kept.attributes["names"] == {"class": list("0123456789")}
    summed = [
        "interpolate",
        "digits",
        "--through",
        "latents.h5",
        "--arithmetic",
        "mean(class=7) - mean(class=1) + row=0",
    ]
    assert run_command_line([*summed, "-o", "sum.h5", "-q"]) == 0
    expected = kept.values[kept.facts["class"] == 7].mean(0) - kept.values[kept.facts["class"] == 1].mean(0)
    kept_sum = gantk.read("sum.h5")
    assert kept_sum.names is not None and kept_sum.names[-1] == "= the sum"
    torch.testing.assert_close(kept_sum.samples[-1:], run.model.render((expected + kept.values[0])[None]).samples)


def test_points_are_reconstructed() -> None:
    data = Ring("test", samples=60)
    torch.manual_seed(0)
    net = MlpGenerator(data.spec, latent=2, hidden=[4])
    wanted = targets(data, 3)
    found = [reconstruct(net, data.spec, wanted, Search(False, steps, 0.5, 2)) for steps in (1, 30)]
    assert (found[1].error <= found[0].error + 1e-6).all() and found[1].error.mean() < found[0].error.mean()
