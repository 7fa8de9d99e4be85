"""BS-GAN: terms beside the equation, the samples that it moves back, and the recipe with its bar."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_basics.nets.mlp import MlpGenerator
from gantk_zoo.divergences.bsgan import BsGan
from torch import Tensor

from gantk.interfaces import Play
from gantk.spec import DataSpec
from tests.helpers.basics_toys import critic_of, make_play
from tests.helpers.published import assert_resumed_exactly, assert_same, mean_of, missed, scene_of, sigma

LINE = DataSpec((1,), ("coordinate",), range=None)


def test_terms_beside_the_equation() -> None:
    """½ E (log D - log(1 - D))² with D = σ(score), sample by sample; and the critic plays the GAN loss."""
    torch.manual_seed(0)
    loss = BsGan()
    generator, critic, batch = scene_of(loss, MlpGenerator(LINE, latent=5, hidden=(8,)), critic_of(LINE), LINE)
    play = make_play(critic, LINE, side="generator", generator=generator, real=batch.samples, batch=5)
    chances = [sigma(critic(x[None]))[0] for x in generator(play.latent)]
    plain = {"generator": mean_of([(d.log() - (1 - d).log()) ** 2 / 2 for d in chances])}
    assert_same(loss.generator_loss(play), plain, generator)
    play = make_play(critic, LINE, side="critic", generator=generator, real=batch.samples, batch=5)
    real, fake = sigma(critic(play.real)), sigma(critic(generator(play.latent).detach()))
    plain = {"critic_real": -real.log().mean(), "critic_fake": -(1 - fake).log().mean()}
    assert_same(loss.critic_loss(play), plain, critic)


def test_a_sample_that_passes_too_well_is_moved_back() -> None:
    """The gradient to a sample is score · ∇ score: towards lower scores where the score is above 0, and none on it."""
    play = make_play(critic_of(LINE), LINE, side="generator", batch=3)
    play.fake = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    play.__dict__["score"] = lambda samples: samples[:, 0] + torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    (term,) = BsGan().generator_loss(play).values()
    (moved,) = torch.autograd.grad(term, play.fake)
    torch.testing.assert_close(moved[:, 0] * 3, torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64))


def test_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_bsgan", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True])
def test_the_recipe_reaches_its_bar_and_a_broken_twin_misses_it(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the generator moves away from the boundary."""
    if broken:
        own = BsGan.generator_loss

        def turned(self: BsGan, play: Play) -> dict[str, Tensor]:
            return {name: -value for name, value in own(self, play).items()}

        monkeypatch.setattr(BsGan, "generator_loss", turned)
    assert (missed("zoo/digits_bsgan", tmp_path / "run") != []) == broken
