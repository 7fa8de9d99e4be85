"""IcGAN: the encoder's term beside the equation, who gets which gradient, resumed bit for bit; bar and broken twin."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.conditional.icgan import IcGan
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Play
from gantk.spec import DataSpec
from tests.helpers.published import BATCH, assert_resumed_exactly, assert_same, missed, play_of, scene_of

SPEC = DataSpec((1, 4, 4), ("channel", "y", "x"), classes=("a", "b", "c"))
LABELS = torch.tensor([2, 0, 1, 0, 2])


def icgan(outputs: int = 6) -> IcGan:
    return IcGan(loss=Gan(), encoder=MlpEncoder(SPEC, outputs=outputs, hidden=[7]))


def test_the_encoder_finds_latents_again_and_the_generator_feels_nothing_of_it() -> None:
    torch.manual_seed(0)
    loss = icgan()
    nets = MlpGenerator(SPEC, latent=6, hidden=[7], labels="concat"), MlpCritic(SPEC, hidden=[7], labels="concat")
    generator, critic, batch = scene_of(loss, *nets, SPEC)
    play = play_of("generator", generator, critic, Batch(batch.samples, LABELS), SPEC)
    fake = generator(play.latent, labels=LABELS)
    latent = play.latent
    assert latent is not None
    apart = torch.zeros((), dtype=torch.float64)
    for x, z in zip(generator.encode(fake.detach()), latent, strict=True):  # type: ignore[operator]
        apart = apart + sum(((x[i] - z[i]) ** 2 for i in range(6)), torch.zeros(())) / 6 / BATCH
    passes = (1 + torch.exp(-critic(fake, labels=LABELS))).log().mean()
    assert_same(loss.generator_loss(play), {"generator": passes, "encoder": apart}, generator)
    own = list(generator.generator.parameters())  # type: ignore[union-attr]
    play = play_of("generator", generator, critic, Batch(batch.samples, LABELS), SPEC)
    found = torch.autograd.grad(loss.generator_loss(play)["encoder"], own, allow_unused=True)
    assert all(each is None for each in found)


def test_what_it_cannot_train_is_refused() -> None:
    critic = MlpCritic(SPEC)
    told = MlpGenerator(SPEC, latent=6, labels="concat")
    for loss, generator, message in (
        (icgan(), MlpGenerator(SPEC, latent=6), "labels: concat"),
        (icgan(5), told, "as many outputs"),
        (IcGan(loss=icgan(), encoder=MlpEncoder(SPEC, outputs=6)), told, "wrap another"),
    ):
        with pytest.raises(DoesNotFit, match=message):
            loss.prepare(generator, critic, SPEC)


def test_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_icgan", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True])
def test_the_recipe_reaches_its_bar_and_a_broken_twin_misses_it(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the encoder is told nothing."""
    if broken:
        own = IcGan.generator_loss

        def without(self: IcGan, play: Play) -> dict[str, Tensor]:
            return {name: value for name, value in own(self, play).items() if name != "encoder"}

        monkeypatch.setattr(IcGan, "generator_loss", without)
    assert (missed("zoo/digits_icgan", tmp_path / "run") != []) == broken
