"""Semi-supervised classes beside the equations, resumed bit for bit; the recipe to its bar, and a broken twin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.losses.gan import Gan
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.conditional.semi_supervised import SemiSupervised
from torch import Tensor

from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import Batch
from gantk.spec import DataSpec
from tests.helpers.published import BATCH, assert_resumed_exactly, assert_same, mean_of, missed, play_of, scene_of

SPEC = DataSpec((1, 4, 4), ("channel", "y", "x"), classes=("a", "b", "c"))
LABELS = torch.tensor([2, 0, 1, 0, 2])


@pytest.mark.parametrize("told", [None, [1, 0, 0, 1, 1], [0, 0, 0, 0, 0]], ids=["all", "some", "none"])
def test_terms_beside_the_equations_of_section_5(told: list[int] | None) -> None:
    """A softmax over K + 1 classes written out, whose last one is fake and has 0: values and gradients."""
    torch.manual_seed(0)
    loss = SemiSupervised(loss=Gan(), weight=0.5)
    nets = MlpGenerator(SPEC, latent=6, hidden=[7]), MlpCritic(SPEC, hidden=[7])
    generator, critic, batch = scene_of(loss, *nets, SPEC)
    truth = {} if told is None else {"labelled": torch.tensor(told).bool()}
    play = play_of("critic", generator, critic, Batch(batch.samples, LABELS, truth=truth), SPEC)
    known: Any = critic

    def chances(sample: Tensor) -> Tensor:
        powers = torch.cat([known.class_scores(sample[None])[0], torch.zeros(1, dtype=torch.float64)]).exp()
        return powers / powers.sum()

    fakes = generator(play.latent).detach()
    named = [
        -(chances(x)[c] / chances(x)[:3].sum()).log()
        for x, c, use in zip(play.real, LABELS, told or [1] * BATCH, strict=True)
        if use
    ]
    plain = {
        "critic_real": mean_of([-(1 - chances(x)[3]).log() for x in play.real]),
        "critic_fake": mean_of([-chances(x)[3].log() for x in fakes]),
        "classes": 0.5 * mean_of(named) if named else torch.zeros((), dtype=torch.float64),
    }
    assert_same(loss.critic_loss(play), plain, critic)
    play = play_of("generator", generator, critic, batch, SPEC)
    plain = {"generator": mean_of([-(1 - chances(x)[3]).log() for x in generator(play.latent)])}
    assert_same(loss.generator_loss(play), plain, generator)


def test_what_it_cannot_train_is_refused() -> None:
    plain, towers = DataSpec((1, 4, 4), SPEC.axes), DataSpec((2, 3), ("a", "b"), unit_axes=1, classes=("a", "b"))
    for critic, spec, message in (
        (MlpCritic(plain), plain, "needs data with classes"),
        (MlpCritic(towers), towers, "have units"),
        (MlpCritic(SPEC, labels="projection"), SPEC, "labels: none"),
    ):
        with pytest.raises(DoesNotFit, match=message):
            SemiSupervised(loss=Gan()).prepare(MlpGenerator(spec), critic, spec)


def test_as_many_labels_of_each_class_are_told() -> None:
    digits = Digits("train", labelled=53)
    told = digits.truth["labelled"]
    assert digits.labels is not None and set(digits.labels[told].bincount().tolist()) == {5, 6} and told.sum() == 53
    assert bool((digits.batch(torch.arange(9), None).truth["labelled"] == told[:9]).all())
    fewer = Digits("train", labelled=20).truth["labelled"]
    assert bool((told | ~fewer).all()), "more are those and others"
    assert not Digits("test", labelled=20).truth and not Digits("train").truth
    for wrong in (9, 5000):
        with pytest.raises(DataError, match=r"data.labelled is .*give a number from 10 to 12"):
            Digits("train", labelled=wrong)


def test_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    assert_resumed_exactly("zoo/digits_semi_supervised", tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("overrides", [[], ["loss.loss.weight=0"]], ids=["the recipe", "never told a label"])
def test_the_recipe_reaches_its_bar_and_a_broken_twin_misses_it(overrides: list[str], tmp_path: Path) -> None:
    assert (missed("zoo/digits_semi_supervised", tmp_path / "run", overrides) != []) == bool(overrides)
