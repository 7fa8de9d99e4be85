"""Feature matching against the equation of its paper, one feature after another.

That a resumed run is the one that never stopped: rule `resume` of test_declarations.py.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gantk_basics.losses.feature_matching import FeatureMatching
from gantk_basics.losses.gan import Gan, Hinge

from gantk.cli import run_command_line
from gantk.spec import DataSpec
from tests.helpers.basics_toys import BATCH, POINTS, TOWERS, critic_of, make_play


@pytest.mark.parametrize("spec", [POINTS, TOWERS], ids=["one unit", "four units"])
def test_the_generators_term_is_the_squared_distance_of_mean_features(spec: DataSpec) -> None:
    """Salimans et al. 2016, section 3.1: values and gradients, of each unit its own features."""
    critic: Any = critic_of(spec)
    play = make_play(critic, spec, side="generator")
    (term,) = FeatureMatching(loss=Gan()).generator_loss(play).values()
    assert play.generator is not None
    slow = torch.zeros((), dtype=torch.float64)
    real, fake = (critic.features(each).reshape(BATCH, spec.unit_count, -1) for each in (play.real, play.fake))
    for unit in range(spec.unit_count):
        for feature in range(real.shape[2]):
            mean = sum(real[number, unit, feature] for number in range(BATCH)) / BATCH
            slow = slow + (mean - sum(fake[number, unit, feature] for number in range(BATCH)) / BATCH) ** 2
    assert term.item() == pytest.approx(slow.item(), rel=1e-12) and term > 0
    weights = [*play.generator.parameters()]
    gradients = (torch.autograd.grad(each, weights, retain_graph=True) for each in (term, slow))
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-10) and one.abs().max() > 0


def test_fakes_that_are_the_real_samples_leave_nothing() -> None:
    play = make_play(critic_of(), side="generator")
    play.fake = play.real.flip(0).clone().requires_grad_()  # in any order
    (term,) = FeatureMatching(loss=Gan()).generator_loss(play).values()
    assert term.item() == pytest.approx(0, abs=1e-25)


def test_the_critic_plays_the_wrapped_loss() -> None:
    for inner in (Gan(), Hinge()):
        own, wrapped = (loss.critic_loss(make_play(critic_of())) for loss in (inner, FeatureMatching(loss=inner)))
        assert own.keys() == wrapped.keys() and all(torch.equal(own[name], wrapped[name]) for name in own)
        assert FeatureMatching(loss=inner).indifferent() == inner.indifferent()
    assert FeatureMatching(loss=Gan()).cross_sample, "a mean of a batch"


BIGAN = "{use: zoo/bigan, encoder: {use: basics/mlp, outputs: 16}}"


@pytest.mark.parametrize(
    ("recipe", "overrides", "told"),
    [
        ("zoo/digits_bigan", [f"loss.loss={BIGAN}"], "layers of its own for them"),
        ("zoo/digits_infogan", ["loss.loss={use: zoo/infogan}"], "layers of its own for them"),
        ("ring_gan", ["critic=null"], "trains a critic, and this recipe has none"),
        ("zoo/digits_cgan", [], "labels"),
    ],
    ids=["an encoder", "layers", "no critic", "a critic that is told the class"],
)
def test_mistakes(recipe: str, overrides: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["validate", recipe, "loss.use=basics/feature_matching", "loss.loss={use: basics/gan}", *overrides]
    assert run_command_line(line) == 1
    assert told in " ".join(capsys.readouterr().err.split())
