"""Instance noise: what the wrapped loss sees, by which streams, that it fades, and that a resumed run is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.instance_noise import InstanceNoise
from gantk_basics.nets.mlp import MlpGenerator

from tests.helpers.basics_toys import POINTS, critic_of, make_play
from tests.helpers.published import Scene, assert_resumed_exactly, assert_same

NOISY = "loss={use: basics/instance_noise, sigma: {from: 0.5, to: 0, over: 0.5}, loss: {use: basics/gan}}"


@pytest.mark.parametrize("side", ["critic", "generator"])
def test_the_wrapped_loss_sees_samples_plus_sigma_times_normal_numbers(side: str) -> None:
    """Values, and gradients to the side that is trained; the play itself is left as it was."""
    critic, generator = critic_of(), MlpGenerator(POINTS, latent=5, hidden=(8,)).double()
    play = make_play(critic, side=side, generator=generator)
    drawn = [play.normal(*play.real.shape, purpose=f"instance noise, {each}") for each in ("real", "fake")]
    assert drawn[0].std() > 0.5 and not torch.equal(*drawn)
    plain = make_play(critic, side=side, generator=generator)
    plain.__dict__["data"] = type(plain.data)(plain.real + 0.3 * drawn[0].to(plain.real))
    plain.fake = plain.fake + 0.3 * drawn[1].to(plain.real)
    before, loss = play.real.clone(), InstanceNoise(loss=Gan(), sigma=0.3)
    found, right = (getattr(each, f"{side}_loss") for each in (loss, Gan()))
    assert_same(found(play), right(plain), critic if side == "critic" else generator)
    assert torch.equal(play.real, before)


def test_without_noise_it_is_the_wrapped_loss() -> None:
    play = make_play(critic_of())
    found, alone = (each.critic_loss(play) for each in (InstanceNoise(loss=Gan(), sigma=0), Gan()))
    assert_same(found, alone, play.critic)
    assert InstanceNoise(loss=Gan(), sigma=1).indifferent() == Gan().indifferent()


def test_it_fades_as_scheduled() -> None:
    scene, seen = Scene("ring_gan", NOISY, "train.batch=8", "loss.loss.r1=0", whole=8), []
    loss = scene.state.loss
    assert isinstance(loss, InstanceNoise)
    for step in range(1, 7):
        scene.train(step)
        seen.append(float(loss.sigma))
    assert seen == pytest.approx([0.5, 0.375, 0.25, 0.125, 0, 0])


def test_resumed_is_the_run_that_never_stopped(tmp_path: Path) -> None:
    assert_resumed_exactly("ring_gan", tmp_path, NOISY)
