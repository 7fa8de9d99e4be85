"""BiGAN: equation 3, the encoder beside the generator, resume, mistakes, and the recipe with its bar."""

from pathlib import Path

import pytest
import torch
from gantk_basics.nets.autoencoder import Autoencoder, UniformGenerator
from gantk_basics.nets.encoders import MlpEncoder
from gantk_zoo.encoders.bigan import Bidirectional, BiGan, JointCritic
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Play
from tests.helpers.published import (
    BATCH,
    GREY,
    Scene,
    assert_resumed_exactly,
    assert_same,
    mean_of,
    missed,
    play_of,
    scene_of,
    sigma,
)


def test_bigan_equation_3() -> None:
    torch.manual_seed(0)
    loss = BiGan(encoder=MlpEncoder(GREY, outputs=3, hidden=(8,)))
    made = UniformGenerator(GREY, latent=3, width=8)
    both, critic, batch = scene_of(loss, made, JointCritic(GREY, latent=3, width=8))
    assert isinstance(both, Bidirectional)
    x = batch.samples

    play = play_of("critic", both, critic, batch)
    z = play.latent
    assert z is not None
    coded, fake = both.encoder(x).detach(), both.generator(z).detach()
    plain = {
        "critic_real": -mean_of([torch.log(sigma(critic(x[i : i + 1], coded[i : i + 1])[0])) for i in range(BATCH)]),
        "critic_fake": -mean_of([torch.log(1 - sigma(critic(fake[i : i + 1], z[i : i + 1])[0])) for i in range(BATCH)]),
    }
    assert_same(loss.critic_loss(play), plain, critic)

    play = play_of("generator", both, critic, batch)
    coded, fake = both.encoder(x), both.generator(z)
    plain = {
        "encoder": -mean_of([torch.log(1 - sigma(each)) for each in critic(x, coded)]),
        "generator": -mean_of([torch.log(sigma(each)) for each in critic(fake, z)]),
    }
    assert_same(loss.generator_loss(play), plain, both)


@pytest.mark.parametrize(
    ("encoder", "critic", "told"),
    [
        (MlpEncoder(GREY), Autoencoder(GREY), "zoo/joint"),
        (MlpEncoder(GREY, outputs=3), JointCritic(GREY), "as many outputs"),
        (MlpEncoder(GREY), JointCritic(GREY, latent=3), "another length"),
    ],
    ids=["no latent", "encoder", "critic"],
)
def test_what_does_not_fit_is_refused(encoder: nn.Module, critic: nn.Module, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        BiGan(encoder=encoder).prepare(UniformGenerator(GREY), critic, GREY)


def test_the_average_has_the_encoder_too() -> None:
    scene = Scene("zoo/digits_bigan", "train.batch=8", whole=3)
    scene.train(3)
    averaged = scene.state.ema
    assert isinstance(averaged, Bidirectional)
    assert averaged.encode(torch.zeros(2, 1, 8, 8)).shape == (2, 16)
    one, other = (dict(net.named_parameters()) for net in (averaged, scene.state.generator))  # type: ignore[union-attr]
    name = next(each for each in one if each.startswith("encoder"))
    assert not torch.equal(one[name], other[name])


def test_resumed_exactly(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_bigan", tmp_path)


@pytest.mark.long
def test_the_recipe_reaches_its_bar(tmp_path: Path) -> None:
    assert missed("zoo/digits_bigan", tmp_path / "run") == []


@pytest.mark.long
def test_an_encoder_that_is_not_trained_misses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = BiGan.generator_loss

    def without(self: BiGan, play: Play) -> dict[str, Tensor]:
        terms = right(self, play)
        return terms | {"encoder": terms["encoder"].detach()}

    monkeypatch.setattr(BiGan, "generator_loss", without)
    assert missed("zoo/digits_bigan", tmp_path / "run") != []
