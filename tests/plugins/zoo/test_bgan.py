"""b-GAN: the ratio that a score stands for, the two objectives of the paper, and the recipe with its bar.

That a resumed run is the one that never stopped: rule `resume` of test_conformance.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from gantk_basics.nets.mlp import MlpGenerator
from gantk_zoo.divergences.bgan import F_OF_RATIO, BGan
from gantk_zoo.divergences.fgan import DIVERGENCES
from torch import Tensor

from gantk.interfaces import Play
from gantk.recipe.recipe import recipe_from_text
from gantk.spec import DataSpec
from tests.helpers.basics_toys import critic_of, make_play
from tests.helpers.published import assert_same, missed, scene_of

LINE = DataSpec((1,), ("coordinate",), range=None)
RATIOS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda v: (v - 1).exp(),
    "reverse_kl": torch.exp,
    "pearson": lambda v: 1 + v / 2,
    "neyman": lambda v: (v / 2).exp(),
    "squared_hellinger": lambda v: (2 * v).exp(),
    "jensen_shannon": torch.exp,
    "gan": torch.exp,
}
"""r of a score, by hand from f'(r) = g_f(v); the next test holds them to it."""


@pytest.mark.parametrize("name", F_OF_RATIO)
def test_f_of_the_ratio_that_a_score_stands_for(name: str) -> None:
    of, scores = DIVERGENCES[name], torch.linspace(-1.9, 8, 400, dtype=torch.float64)
    ratio = RATIOS[name](scores)
    assert bool((ratio > 0).all())
    torch.testing.assert_close(of.slope(ratio), of.activation(scores), rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(F_OF_RATIO[name](scores), of.f(ratio), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", F_OF_RATIO)
def test_terms_beside_the_equations(name: str) -> None:
    """Uehara et al. 2016, algorithm 1: E_Q[f'(r) r - f(r)] - E_P f'(r), and E_Q f(r); values and gradients."""
    torch.manual_seed(0)
    loss, of = BGan(divergence=name), DIVERGENCES[name]  # type: ignore[arg-type]
    generator, critic, batch = scene_of(loss, MlpGenerator(LINE, latent=5, hidden=(8,)), critic_of(LINE), LINE)
    size = len(batch.samples)
    play = make_play(critic, LINE, side="critic", generator=generator, real=batch.samples, batch=size)
    real, fake = (RATIOS[name](critic(each)) for each in (batch.samples, generator(play.latent).detach()))
    told, conjugate = of.slope(real).mean(), (of.slope(fake) * fake - of.f(fake)).mean()
    plain = {"critic_real": -told, "critic_fake": conjugate, "divergence": (told - conjugate).detach()}
    assert_same(loss.critic_loss(play), plain, critic)
    play = make_play(critic, LINE, side="generator", generator=generator, real=batch.samples, batch=size)
    plain = {"generator": of.f(RATIOS[name](critic(generator(play.latent)))).mean()}
    assert_same(loss.generator_loss(play), plain, generator)


def test_only_the_reverse_kl_has_the_gradient_of_the_divergence_itself() -> None:
    """∂/∂q ∫ q f(p/q) = f(r) - r f'(r), as `minimax` of f-GAN has it: the same but for a constant, or another one."""
    scores = torch.linspace(-2, 2, 9, dtype=torch.float64)
    for name, of_ratio in F_OF_RATIO.items():
        apart = of_ratio(scores) + DIVERGENCES[name].conjugate_of_scores(scores)
        assert bool(apart.std() < 1e-12) == (name == "reverse_kl"), name


def test_total_variation_has_no_ratio() -> None:
    text = "data: {use: basics/ring}\ngenerator: {use: basics/mlp}\ncritic: {use: basics/mlp}\ntrain: {steps: 1}\n"
    with pytest.raises(Exception, match="squared_hellinger"):
        recipe_from_text(text + "loss: {use: zoo/bgan, divergence: total_variation}\n")


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True])
def test_the_recipe_reaches_its_bar_and_a_broken_twin_misses_it(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the generator raises the divergence."""
    if broken:
        own = BGan.generator_loss

        def turned(self: BGan, play: Play) -> dict[str, Tensor]:
            return {name: -value for name, value in own(self, play).items()}

        monkeypatch.setattr(BGan, "generator_loss", turned)
    assert (missed("zoo/mixture_bgan", tmp_path / "run") != []) == broken
