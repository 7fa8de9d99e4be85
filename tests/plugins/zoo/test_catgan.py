"""CatGAN beside its equations, resumed bit for bit; what categories mean; the recipe to its bar, and broken twins."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.games.catgan import CategoryCritic, CatGan, entropy, entropy_of_mean
from gantk_zoo.metrics.categories import Categories
from torch import Tensor

from gantk.errors import DoesNotFit
from gantk.interfaces import Play
from gantk.spec import DataSpec
from tests.helpers.published import assert_resumed_exactly, assert_same, mean_of, missed, play_of, scene_of

SPEC = DataSpec((1, 4, 4), ("channel", "y", "x"))
K = 3


def plain_entropy(chances: Tensor) -> Tensor:
    return -sum(p * p.log() for p in chances)  # type: ignore[return-value]


def test_terms_beside_the_equations_of_section_3() -> None:
    """Softmax and entropies written out, sample by sample: values and gradients of both sides."""
    torch.manual_seed(0)
    loss = CatGan(categories=K)
    nets = MlpGenerator(SPEC, latent=6, hidden=[7]), MlpCritic(SPEC, hidden=[7])
    generator, critic, batch = scene_of(loss, *nets, SPEC)
    known: Any = critic

    def chances(sample: Tensor) -> Tensor:
        powers = known.category_scores(sample[None])[0].exp()
        return powers / powers.sum()

    play = play_of("critic", generator, critic, batch, SPEC)
    real, fake = [chances(x) for x in play.real], [chances(x) for x in generator(play.latent).detach()]
    plain = {
        "even_real": -plain_entropy(sum(real) / len(real)),
        "sure_real": mean_of([plain_entropy(p) for p in real]),
        "unsure_fake": -mean_of([plain_entropy(p) for p in fake]),
    }
    assert_same(loss.critic_loss(play), plain, critic)
    play = play_of("generator", generator, critic, batch, SPEC)
    fake = [chances(x) for x in generator(play.latent)]
    plain = {
        "even_fake": -plain_entropy(sum(fake) / len(fake)),
        "sure_fake": mean_of([plain_entropy(p) for p in fake]),
    }
    assert_same(loss.generator_loss(play), plain, generator)


def test_entropies_in_closed_form() -> None:
    one_hot = torch.eye(4, dtype=torch.float64) * 1000
    assert torch.allclose(entropy(torch.zeros(2, 4)), torch.tensor(log(4.0)))
    assert entropy(one_hot).abs().max() < 1e-12
    assert float(entropy_of_mean(one_hot)) == pytest.approx(log(4))  # each category once
    assert float(entropy_of_mean(one_hot[:1].expand(5, 4))) == pytest.approx(0)


def test_the_score_is_how_sure_it_is() -> None:
    critic = CategoryCritic(MlpCritic(SPEC, hidden=[7]), SPEC, K)
    torch.nn.init.zeros_(critic.categories.weight)
    critic.categories.bias.data = torch.tensor([1000.0, 0, 0])
    samples = torch.randn(5, *SPEC.shape)
    assert critic(samples).shape == (5,) and critic(samples).abs().max() < 1e-6
    critic.categories.bias.data.zero_()
    assert torch.allclose(critic(samples), torch.full((5,), -log(K)))


def test_what_it_cannot_train_is_refused() -> None:
    towers, classes = DataSpec((2, 3), ("a", "b"), unit_axes=1), DataSpec((1, 4, 4), SPEC.axes, classes=("a", "b"))
    for critic, spec, message in (
        (MlpCritic(towers), towers, "have units"),
        (MlpCritic(classes, labels="projection"), classes, "labels: none"),
    ):
        with pytest.raises(DoesNotFit, match=message):
            CatGan().prepare(MlpGenerator(spec), critic, spec)


def test_the_name_of_a_category_is_its_most_frequent_training_class() -> None:
    known, named = torch.tensor([0, 0, 0, 2, 2]), torch.tensor([1, 1, 0, 0, 0])
    seen, true = torch.tensor([0, 0, 2, 2]), torch.tensor([1, 0, 0, 1])
    assert Categories._error(known, named, seen, true, 2) == 0.5


def test_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_catgan", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("broken", ["", "even_real", "sure_real"])
def test_the_recipe_reaches_its_bar_and_broken_twins_miss_it(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twins: a term of the critic is left out, so that it may use one category, or need not be sure of any."""
    if broken:
        own = CatGan.critic_loss

        def without(self: CatGan, play: Play) -> dict[str, Tensor]:
            return {name: value * (name != broken) for name, value in own(self, play).items()}

        monkeypatch.setattr(CatGan, "critic_loss", without)
    assert (missed("zoo/digits_catgan", tmp_path / "run") != []) == bool(broken)
