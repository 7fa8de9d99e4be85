"""VAE-GAN: which net gets which gradient (Larsen et al. 2016, algorithm 1), and its recipe at its bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.encoders.vaegan import VaeGan
from torch import Tensor, nn

from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch
from gantk.interfaces.play import Play
from gantk.randomness import Streams
from gantk.spec import DataSpec

POINTS = DataSpec((3,), ("coordinate",), range=None)
LATENT, GAMMA = 2, 0.3


class Scene:
    """A loss with nets in float64, and one update of each side."""

    def __init__(self, **options: Any):
        torch.manual_seed(0)
        encoder = MlpEncoder(POINTS, outputs=2 * LATENT, hidden=(6,))
        self.loss = VaeGan(encoder=encoder, gamma=GAMMA, **options)
        generator = MlpGenerator(POINTS, latent=LATENT, hidden=(5,), activation="tanh")
        critic = MlpCritic(POINTS, hidden=(7, 4), activation="tanh")
        made, self.critic = self.loss.prepare(generator, critic, POINTS)
        assert made is not None
        self.both: Any = made.double()
        self.critic.double()
        self.real = torch.randn(9, 3, dtype=torch.float64)

    def play(self, side: Any) -> Play:
        streams = Streams(3, side, 0, 0, torch.device("cpu"))
        play = Play(side, self.both, self.critic, POINTS, lambda: Batch(self.real), streams, batch=9)
        play.latent = torch.randn(9, LATENT, generator=torch.Generator().manual_seed(4)).double()
        return play

    def parts(self, side: str) -> dict[str, Tensor]:
        """L_prior, L_rec and L_GAN as the paper writes them, with a graph to all three nets."""
        noise = self.play(side).normal(9, LATENT, purpose="posterior").double()
        mean, log_variance = self.both.encoder(self.real).split(LATENT, 1)
        variance = log_variance.exp()
        again = self.both.generator(mean + noise * variance.sqrt())
        prior = self.both.generator(self.play(side).latent)
        features = self.critic.layers[:3] if self.loss.layer else self.critic.layers
        gaussian = torch.distributions.Normal(features(again), 1.0)
        constant = torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(0.0)).double()
        rec = -(gaussian.log_prob(features(self.real)) - constant).sum(1).mean()
        score = [torch.sigmoid(self.critic(x)) for x in (self.real, again, prior)]
        return {
            "prior": (-0.5 * (1 + log_variance - mean**2 - variance)).sum(1).mean(),
            "rec": rec,
            "gan": -(score[0].log() + (1 - score[1]).log() + (1 - score[2]).log()).mean(),
            "fool": -(score[1].log() + score[2].log()).mean(),
        }


def gradients(value: Tensor, net: nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(value, list(net.parameters()), retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, net.parameters(), strict=True)]


def assert_same(one: list[Tensor], other: list[Tensor]) -> None:
    assert any(bool(each.abs().max() > 1e-6) for each in other)
    for first, second in zip(one, other, strict=True):
        assert torch.allclose(first, second, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"minimax": True}, {"layer": "layers.2"}], ids=["usual", "minimax", "layer"])
def test_each_net_gets_the_gradients_of_algorithm_1(options: dict[str, Any]) -> None:
    scene = Scene(**options)
    total = torch.stack(tuple(scene.loss.generator_loss(scene.play("generator")).values())).sum()
    parts = scene.parts("generator")
    adversarial = -parts["gan"] if options.get("minimax") else parts["fool"]
    assert_same(gradients(total, scene.both.encoder), gradients(parts["prior"] + parts["rec"], scene.both.encoder))
    of_decoder = gradients(GAMMA * parts["rec"] + adversarial, scene.both.generator)
    assert_same(gradients(total, scene.both.generator), of_decoder)
    critic = torch.stack(tuple(scene.loss.critic_loss(scene.play("critic")).values())).sum()
    gan = scene.parts("critic")["gan"]
    assert critic.item() == pytest.approx(gan.item())
    assert_same(gradients(critic, scene.critic), gradients(gan, scene.critic))
    assert all(not each.any() for net in (scene.both,) for each in gradients(critic, net))


def test_nets_are_left_as_they_were_found() -> None:
    scene = Scene()
    scene.loss.generator_loss(scene.play("generator"))
    assert all(each.requires_grad for each in scene.both.parameters() if each is not scene.both.log_sigma)


def test_mistakes() -> None:
    encoder = MlpEncoder(POINTS, outputs=2 * LATENT)
    generator = MlpGenerator(POINTS, latent=LATENT)
    with pytest.raises(DoesNotFit, match=r"no layer 'layer\.2'.*did you mean 'layers\.2'"):
        VaeGan(encoder=encoder, layer="layer.2").prepare(generator, MlpCritic(POINTS), POINTS)
    with pytest.raises(DoesNotFit, match="name its layer"):
        VaeGan(encoder=encoder).prepare(generator, nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), POINTS)
    with pytest.raises(DoesNotFit, match=r"the encoder of zoo/vaegan .* write outputs: 4"):
        VaeGan(encoder=MlpEncoder(POINTS, outputs=5)).prepare(generator, MlpCritic(POINTS), POINTS)


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True], ids=["recipe", "broken twin"])
def test_the_recipe_reaches_its_bar_and_its_twin_without_l_rec_does_not(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if broken:
        monkeypatch.setattr(VaeGan, "_distance", staticmethod(lambda wanted, found: 0 * found.sum()))
    folder = tmp_path / "run"
    code = run_command_line(["run", "zoo/digits_vaegan", "machine.threads=1", "--out", str(folder), "-q"])
    assert (folder / "evaluation.json").exists() and code == int(broken)
