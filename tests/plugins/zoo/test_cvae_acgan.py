"""The combination of cVAE and AC-GAN: which net gets which gradient, resume, mistakes, and its recipe at its bar."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.encoders.bigan import BiGan, JointCritic
from gantk_zoo.encoders.cvae_acgan import ConditionalVaeAcGan
from torch import Tensor, nn
from torch.distributions import Categorical, Normal, kl_divergence

import gantk
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch
from gantk.interfaces.play import Play
from gantk.randomness import Streams
from gantk.spec import DataSpec
from gantk.training.checkpoint import read_checkpoint

POINTS = DataSpec((3,), ("coordinate",), range=None, classes=("a", "b"))
LATENT, GAMMA, BETA, SIGMA = 2, 0.3, 1.5, 0.7
LABELS = torch.tensor([0, 1, 1, 0, 1, 0, 0])


class Scene:
    """A loss with nets in float64, and one update of each side."""

    def __init__(self, gamma: float = GAMMA):
        torch.manual_seed(0)
        encoder = MlpEncoder(POINTS, outputs=2 * LATENT, hidden=(6,))
        own: dict[str, Any] = {"beta": BETA, "sigma": SIGMA, "weight": 2.0, "generator_weight": 0.4}
        self.loss = ConditionalVaeAcGan(loss=Gan(), encoder=encoder, gamma=gamma, **own)
        generator = MlpGenerator(POINTS, latent=LATENT, hidden=(5,), activation="tanh", labels="embed")
        both, self.critic = self.loss.prepare(generator, MlpCritic(POINTS, hidden=(7, 4), activation="tanh"), POINTS)
        assert both is not None
        self.both: Any = both.double()
        self.both.log_sigma.fill_(log(SIGMA))  # which was rounded to float32
        self.critic.double()
        self.head: Any = self.loss.with_critic.double()
        self.real = torch.randn(7, 3, dtype=torch.float64)

    def play(self, side: Any) -> Play:
        streams = Streams(3, side, 0, 0, torch.device("cpu"))
        play = Play(side, self.both, self.critic, POINTS, lambda: Batch(self.real, LABELS), streams, batch=7)
        play.latent = torch.randn(7, LATENT, generator=torch.Generator().manual_seed(4)).double()
        return play

    def parts(self, side: str) -> dict[str, Tensor]:
        """The terms of both papers by torch.distributions, with a graph to all nets."""
        noise = self.play(side).normal(7, LATENT, purpose="posterior").double()
        told = self.both.told(torch.eye(2, dtype=torch.float64)[LABELS])
        mean, log_variance = (self.both.encoder(self.real) + told).split(LATENT, 1)
        posterior = Normal(mean, (log_variance / 2).exp())
        again = self.both.generator(mean + noise * posterior.stddev, labels=LABELS)
        prior = self.both.generator(self.play(side).latent, labels=LABELS)
        named = {
            name: Categorical(logits=self.head[-1](self.critic.features(x))).log_prob(LABELS).mean()
            for name, x in (("real", self.real), ("fake", prior))
        }
        true = {name: torch.sigmoid(self.critic(x)) for name, x in (("real", self.real), ("fake", prior))}
        return {
            "rec": -Normal(again, SIGMA).log_prob(self.real).sum(1).mean(),
            "kl": kl_divergence(posterior, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(1).mean(),
            "critic": -true["real"].log().mean() - (1 - true["fake"]).log().mean(),
            "critic_class": -named["real"] - named["fake"],
            "fool": -true["fake"].log().mean(),
            "asked": -named["fake"],
        }


def gradients(value: Tensor, net: nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(value, list(net.parameters()), retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, net.parameters(), strict=True)]


def assert_same(one: list[Tensor], other: list[Tensor]) -> None:
    assert all(bool(each.abs().max() > 1e-6) for each in other)
    for first, second in zip(one, other, strict=True):
        assert torch.allclose(first, second, rtol=1e-9, atol=1e-12)


def total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(tuple(each for each in terms.values() if each.requires_grad)).sum()


def test_each_net_gets_the_gradients_of_the_two_papers() -> None:
    scene = Scene()
    terms = scene.loss.generator_loss(scene.play("generator"))
    parts = scene.parts("generator")
    vae = GAMMA * (parts["rec"] + BETA * parts["kl"])
    assert terms["kl"].item() == pytest.approx(parts["kl"].item()) and not terms["kl"].requires_grad
    assert total(terms).item() == pytest.approx((vae + parts["fool"] + 0.4 * parts["asked"]).item())
    for net in (scene.both.encoder, scene.both.told):
        assert_same(gradients(total(terms), net), gradients(vae, net))
    of_decoder = gradients(GAMMA * parts["rec"] + parts["fool"] + 0.4 * parts["asked"], scene.both.generator)
    assert_same(gradients(total(terms), scene.both.generator), of_decoder)


def test_the_critic_and_its_head_get_those_of_ac_gan_alone() -> None:
    scene = Scene()
    found = total(scene.loss.critic_loss(scene.play("critic")))
    parts = scene.parts("critic")
    wanted = parts["critic"] + 2 * parts["critic_class"]
    assert found.item() == pytest.approx(wanted.item())
    for net in (scene.critic, scene.head):
        assert_same(gradients(found, net), gradients(wanted, net))
    assert not any(bool(each.any()) for each in gradients(found, scene.both))
    assert [name for name, _ in scene.loss.named_parameters()] == [
        name for name, _ in scene.loss.named_parameters() if name.startswith("with_critic.")
    ]


def test_gamma_0_is_ac_gan() -> None:
    scene = Scene(gamma=0.0)
    parts = scene.parts("generator")
    found = total(scene.loss.generator_loss(scene.play("generator")))
    assert_same(
        gradients(found, scene.both.generator), gradients(parts["fool"] + 0.4 * parts["asked"], scene.both.generator)
    )
    assert not any(bool(each.any()) for each in gradients(found, scene.both.encoder))


def test_stopped_and_resumed_is_the_run_that_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gantk.runs.start import resume

    monkeypatch.setattr(gantk.runs.final_evaluation, "write_report", lambda folder: None)  # most of the time
    small = {"train.steps": 4, "train.checkpoint_every": 2, "train.batch": 8, "evaluate": [], "machine.threads": 1}
    run = gantk.run("zoo/digits_combination", small, out=tmp_path / "run", quiet=True)
    whole = read_checkpoint(run.folder.checkpoint_path(4))
    resume(tmp_path / "run", older="step-2.h5")
    again = read_checkpoint(run.folder.checkpoint_path(4))
    assert whole.tensors.keys() == {"generator", "critic", "ema", "loss"}
    for group, arrays in whole.tensors.items():
        for key, values in arrays.items():
            assert values.tobytes() == again.tensors[group][key].tobytes(), (group, key)
    model = gantk.load(tmp_path / "run")
    real = model.real(5)
    assert tuple(model.render(model.encode(real), labels=real.labels).samples.shape) == (5, 1, 8, 8)
    error = model.evaluate("zoo/reconstruction")["reconstruction"]["error"]
    assert 0 < error.value < 2


def test_mistakes() -> None:
    loss = ConditionalVaeAcGan(loss=Gan(), encoder=MlpEncoder(POINTS, outputs=2 * LATENT))
    told, critic = MlpGenerator(POINTS, latent=LATENT, labels="embed"), MlpCritic(POINTS)
    plain = DataSpec((3,), ("coordinate",), range=None)
    joint = JointCritic(POINTS, latent=LATENT, width=4)
    wrapping = ConditionalVaeAcGan(
        loss=BiGan(encoder=MlpEncoder(POINTS, outputs=LATENT)), encoder=MlpEncoder(POINTS, outputs=2 * LATENT)
    )
    for chosen, generator, judge, spec, message in (
        (loss, told, None, POINTS, "without a critic take zoo/cvae"),
        (loss, None, critic, POINTS, "trains a generator and a critic"),
        (loss, MlpGenerator(POINTS, latent=5, labels="embed"), critic, POINTS, "cvae_acgan gives .* outputs: 10"),
        (loss, MlpGenerator(plain, latent=9), critic, plain, "needs data with classes"),
        (loss, told, joint, POINTS, "shows samples alone"),
        (wrapping, told, critic, POINTS, "zoo/joint|changes the generator"),
    ):
        with pytest.raises(DoesNotFit, match=message):
            chosen.prepare(generator, judge, spec)


BROKEN = {"no class terms": ["loss.weight=0", "loss.generator_weight=0"], "no VAE": ["loss.gamma=0"]}


@pytest.mark.long
@pytest.mark.parametrize("twin", [None, *BROKEN], ids=["recipe", *BROKEN])
def test_the_recipe_reaches_its_bars_and_its_twins_do_not(twin: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    own = [*BROKEN[twin], "train.steps=600"] if twin else []
    code = run_command_line(["run", "zoo/digits_combination", "machine.threads=1", *own, "--out", str(folder), "-q"])
    assert (folder / "evaluation.json").exists() and code == int(twin is not None)
