"""InfoGAN: equations 4 to 6, the prior of its codes, resume, mistakes, and the recipe with its bar."""

import math
from pathlib import Path

import pytest
import torch
from gantk_basics.nets.autoencoder import Autoencoder, UniformGenerator
from gantk_basics.nets.mlp import MlpCritic
from gantk_zoo.games.infogan import CodedGenerator, InfoGan
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Play
from tests.helpers.published import (
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


def test_infogan_equations_4_to_6() -> None:
    torch.manual_seed(0)
    loss = InfoGan(weight=2.0, continuous_weight=0.5)
    made = CodedGenerator(GREY, noise=3, categories=4, continuous=2, width=8)
    generator, critic, batch = scene_of(loss, made, MlpCritic(GREY, hidden=(8, 8)))

    def information(latent: Tensor | None, samples: Tensor) -> Tensor:
        """-λ L_I = -λ (E log Q(c|x) + H(c)), equation 5."""
        assert latent is not None
        category, continuous = [], []
        for code, sample in zip(latent, samples, strict=True):
            told = loss.with_critic(critic.features(sample[None]))[0]  # type: ignore[operator]
            shares = torch.exp(told[:4]) / torch.exp(told[:4]).sum()
            category.append(torch.log(shares[code[3:7].argmax()]))
            for number, mean in zip(code[7:], told[4:], strict=True):
                continuous.append(torch.distributions.Normal(mean, 1.0).log_prob(number))
        of_category = mean_of(category) + math.log(4)
        of_continuous = 2 * (mean_of(continuous) + math.log(2))
        return -2.0 * of_category - 0.5 * of_continuous

    play = play_of("critic", generator, critic, batch)
    fake = generator(play.latent).detach()
    plain = {
        "critic_real": -mean_of([torch.log(sigma(each)) for each in critic(batch.samples)]),
        "critic_fake": -mean_of([torch.log(1 - sigma(each)) for each in critic(fake)]),
        "information_critic": information(play.latent, fake),
    }
    assert_same(loss.critic_loss(play), plain, critic, loss.with_critic)

    play = play_of("generator", generator, critic, batch)
    fake = generator(play.latent)
    plain = {
        "generator": -mean_of([torch.log(sigma(each)) for each in critic(fake)]),
        "information_generator": information(play.latent, fake),
    }
    assert_same(loss.generator_loss(play), plain, generator)


def test_codes_have_the_distribution_of_the_paper() -> None:
    generator = CodedGenerator(GREY, noise=3, categories=4, continuous=2)
    drawn = generator.draw_latent(4000, torch.Generator().manual_seed(0))
    category, continuous = drawn[:, 3:7], drawn[:, 7:]
    assert bool((category.sum(1) == 1).all()) and set(category.unique().tolist()) == {0.0, 1.0}
    assert category.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.03)
    assert continuous.abs().max() <= 1 and continuous.var(0).tolist() == pytest.approx([1 / 3] * 2, abs=0.03)


def test_a_generator_without_codes_is_refused() -> None:
    with pytest.raises(DoesNotFit, match="zoo/coded"):
        InfoGan().prepare(UniformGenerator(GREY), MlpCritic(GREY), GREY)
    with pytest.raises(DoesNotFit, match="features"):
        InfoGan().prepare(CodedGenerator(GREY), Autoencoder(GREY), GREY)


def test_resumed_exactly(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_infogan", tmp_path)


@pytest.mark.long
def test_the_recipe_reaches_its_bar(tmp_path: Path) -> None:
    assert missed("zoo/digits_infogan", tmp_path / "run") == []


@pytest.mark.long
def test_a_generator_that_need_not_show_its_code_misses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = InfoGan.generator_loss

    def without(self: InfoGan, play: Play) -> dict[str, Tensor]:
        return {"generator": right(self, play)["generator"]}

    monkeypatch.setattr(InfoGan, "generator_loss", without)
    assert missed("zoo/digits_infogan", tmp_path / "run") != []


@pytest.mark.long
def test_codes_are_read_back() -> None:
    scene = Scene("zoo/digits_infogan")
    scene.train(600)
    generator, critic, loss = scene.state.generator, scene.state.critic, scene.state.loss
    assert generator is not None and critic is not None
    latent = generator.draw_latent(500, torch.Generator().manual_seed(0))  # type: ignore[operator]
    with torch.no_grad():
        told = loss.with_critic(critic.features(generator(latent)))  # type: ignore[operator]
    codes = latent[:, generator.latent_parts["category"]]  # type: ignore[index]
    assert (told[:, :10].argmax(1) == codes.argmax(1)).float().mean() > 0.7  # a tenth by chance
