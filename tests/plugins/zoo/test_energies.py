"""BEGAN and EBGAN, whose critic is an autoencoder: equations, resume, mistakes, and the recipes with their bars."""

from pathlib import Path

import pytest
import torch
from gantk_basics.nets.autoencoder import Autoencoder, UniformGenerator
from gantk_basics.nets.mlp import MlpCritic
from gantk_zoo.divergences.began import Began
from gantk_zoo.divergences.ebgan import Ebgan, pulling_away
from torch import Tensor

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
)


def test_began_section_3() -> None:
    torch.manual_seed(0)
    loss = Began(diversity=0.7, balance_rate=0.4)
    generator, critic, batch = scene_of(
        loss, UniformGenerator(GREY, latent=3, width=8), Autoencoder(GREY, codes=3, width=8)
    )
    loss.k.fill_(0.3)

    def error(samples: Tensor) -> Tensor:  # L, equation 1
        return mean_of([(v - critic.reconstruct(v[None])[0]).abs().sum() / 64 for v in samples])  # type: ignore[operator]

    play = play_of("critic", generator, critic, batch)
    real = error(batch.samples)
    plain = {"critic_real": real, "critic_fake": -0.3 * error(generator(play.latent).detach())}
    assert_same(loss.critic_loss(play), plain, critic)

    play = play_of("generator", generator, critic, batch)
    fake = error(generator(play.latent))
    measure = (real + (0.7 * real - fake).abs()).detach()
    plain = {"generator": fake, "convergence": measure, "balance": torch.tensor(0.3, dtype=torch.float64)}
    terms = loss.generator_loss(play)
    assert_same(terms, plain, generator)
    assert not terms["convergence"].requires_grad and not terms["balance"].requires_grad

    loss.after_step(play)
    moved = 0.3 + 0.4 * (0.7 * real - fake).item()
    assert loss.k.item() == pytest.approx(min(max(moved, 0), 1))
    for k, real_error, fake_error, expected in ((0.99, 2.0, 0.0, 1.0), (0.01, 0.0, 2.0, 0.0)):  # stays within [0, 1]
        loss.k.fill_(k)
        loss._real, loss._fake = torch.tensor(real_error), torch.tensor(fake_error)
        loss.after_step(play)
        assert loss.k.item() == expected
    assert "k" in loss.state_dict()


def test_began_balance_moves_as_the_paper_says() -> None:
    terms = Scene("zoo/digits_began", "loss.balance_rate=0.01", "loss.diversity=0.5", "train.batch=16").train(12)
    k = [each["balance"] for each in terms]
    assert k[0] == 0 and 0 < max(k) <= 1
    for one, following in zip(terms, k[1:], strict=False):
        moved = one["balance"] + 0.01 * (0.5 * one["critic_real"] - one["generator"])
        assert following == pytest.approx(min(max(moved, 0), 1), abs=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.1])
def test_ebgan_equations_1_and_2_and_the_pulling_away_term(weight: float) -> None:
    torch.manual_seed(0)
    nets = UniformGenerator(GREY, latent=3, width=8), Autoencoder(GREY, codes=3, width=8, error="squared")
    loss = Ebgan(pulling_away=weight)
    generator, critic, batch = scene_of(loss, *nets)

    def energy(v: Tensor) -> Tensor:
        return ((v - critic.reconstruct(v[None])[0]) ** 2).sum() / 64  # type: ignore[operator]

    play = play_of("critic", generator, critic, batch)
    fakes = [energy(v) for v in generator(play.latent).detach()]
    loss.margin = float(torch.stack(fakes).detach().sort().values[1:3].mean())  # both of its sides are seen
    beyond = [max(loss.margin - each, torch.zeros_like(each)) for each in fakes]
    plain = {"critic_real": mean_of([energy(v) for v in batch.samples]), "critic_fake": mean_of(beyond)}
    assert_same(loss.critic_loss(play), plain, critic)

    play = play_of("generator", generator, critic, batch)
    made = generator(play.latent)
    plain = {"generator": mean_of([energy(v) for v in made])}
    if weight:
        codes = critic.encode(made)  # type: ignore[operator]
        pairs = [
            ((codes[i] @ codes[j]) / (codes[i].norm() * codes[j].norm())) ** 2
            for i in range(BATCH)
            for j in range(BATCH)
            if i != j
        ]
        plain["pulling_away"] = 0.1 * mean_of(pairs)
    assert_same(loss.generator_loss(play), plain, generator)


def test_codes_at_right_angles_are_apart_and_those_on_one_line_are_not() -> None:
    assert float(pulling_away(torch.eye(4))) == pytest.approx(0)
    assert float(pulling_away(torch.tensor([[1.0, 2.0], [-2.0, -4.0], [3.0, 6.0]]))) == pytest.approx(1)
    assert float(pulling_away(torch.ones(1, 3))) == 0


def test_fakes_beyond_the_margin_teach_the_critic_nothing() -> None:
    loss = Ebgan(margin=1e-4)
    generator, critic, batch = scene_of(loss, UniformGenerator(GREY, width=8), Autoencoder(GREY, width=8))
    term = loss.critic_loss(play_of("critic", generator, critic, batch))["critic_fake"]
    slopes = torch.autograd.grad(term, list(critic.parameters()))
    assert term.item() == 0 and not any(bool(each.any()) for each in slopes)


@pytest.mark.parametrize("loss", [Began, Ebgan])
def test_a_critic_that_reconstructs_nothing_is_refused(loss: type) -> None:
    with pytest.raises(DoesNotFit, match="basics/autoencoder"):
        loss().prepare(UniformGenerator(GREY), MlpCritic(GREY), GREY)


def test_a_critic_without_codes_is_refused_where_they_are_needed() -> None:
    class Blurred(MlpCritic):
        def reconstruct(self, samples: Tensor) -> Tensor:
            return samples * 0

    with pytest.raises(DoesNotFit, match="pulling_away=0"):
        Ebgan().prepare(UniformGenerator(GREY), Blurred(GREY), GREY)
    Ebgan(pulling_away=0).prepare(UniformGenerator(GREY), Blurred(GREY), GREY)


def test_resumed_exactly(tmp_path: Path) -> None:
    written = assert_resumed_exactly("zoo/digits_began", tmp_path)
    assert written.tensors["loss"]["k"] != 0
    assert_resumed_exactly("zoo/digits_ebgan", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["began", "ebgan"])
def test_recipes_reach_their_bars(recipe: str, tmp_path: Path) -> None:
    assert missed(f"zoo/digits_{recipe}", tmp_path / "run") == []


@pytest.mark.long
def test_a_balance_that_moves_the_wrong_way_misses_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Began.after_step

    def turned(self: Began, play: Play) -> None:
        self.balance_rate = -abs(self.balance_rate)
        right(self, play)

    monkeypatch.setattr(Began, "after_step", turned)
    assert missed("zoo/digits_began", tmp_path / "run") != []


@pytest.mark.long
def test_a_margin_that_is_left_out_misses_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(self: Ebgan, play: Play) -> dict[str, Tensor]:
        real, fake = play.scores()
        return {"critic_real": play.mean(-real), "critic_fake": 0 * play.mean(fake)}

    monkeypatch.setattr(Ebgan, "critic_loss", without)
    assert missed("zoo/digits_ebgan", tmp_path / "run") != []
