"""VAE and conditional VAE against their equations, probabilistic PCA, and themselves when stopped and resumed."""

from __future__ import annotations

import json
from math import exp, log, pi
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpGenerator
from gantk_zoo.encoders.vae import ConditionalVae, EncodedGenerator, LabelledDecoder, Vae
from gantk_zoo.metrics.elbo import Elbo, grid
from torch import Tensor

import gantk
import gantk.runs.final_evaluation
from gantk.cli import run_command_line
from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, MetricInput, call_encode, declares, takes_encoded_labels
from gantk.interfaces.play import Play
from gantk.randomness import Streams
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, train
from gantk.training.state import trainable_parameters

POINTS = DataSpec((5,), ("coordinate",), range=None)
GREY = DataSpec((1, 2, 3), ("channel", "y", "x"), range=(-1.0, 1.0), classes=("a", "b"))
LATENT = 2


def trained_by(loss: Vae, spec: DataSpec, latent: int = LATENT, hidden: tuple[int, ...] = (6,)) -> Any:
    """The prepared generator."""
    torch.manual_seed(0)
    generator, critic = loss.prepare(MlpGenerator(spec, latent=latent, hidden=hidden), None, spec)
    assert critic is None
    return generator


def play_of(generator: Any, spec: DataSpec, samples: Tensor, labels: Tensor | None = None) -> Play:
    streams = Streams(3, "generator", 0, 0, torch.device("cpu"))
    return Play(
        "generator", generator, None, spec, lambda: Batch(samples, labels), streams, batch=len(samples)
    )  # fmt: skip


def encoder(spec: DataSpec, hidden: tuple[int, ...] = (6,)) -> MlpEncoder:
    return MlpEncoder(spec, outputs=2 * LATENT, hidden=hidden)


def plain(coded: EncodedGenerator, play: Play, beta: float, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    """-E log p(x|z) and β KL, one sample, one pixel and one latent after another."""
    noise = play.normal(play.batch, LATENT, purpose="posterior").double()
    uniform = play.uniform(play.batch, *play.spec.shape, purpose="binarisation").double()
    explained = weighed = torch.zeros((), dtype=torch.float64)
    for number, x in enumerate(play.real):
        if coded.likelihood == "bernoulli":
            x = torch.where(uniform[number] < (x + 1) / 2, 1.0, -1.0).double()
        one = x[None]
        moments = coded.encoder(one)[0]
        decoder: Any = coded.generator
        given: dict[str, Any] = {}
        if labels is not None:
            assert coded.told is not None
            moments = moments + coded.told.weight[:, labels[number]]
            given["labels"] = labels[number : number + 1]
        z = torch.stack([moments[k] + noise[number, k] * (moments[LATENT + k] / 2).exp() for k in range(LATENT)])
        made = decoder(z[None], **given)[0]
        for value, mean in zip(x.flatten(), made.flatten(), strict=True):
            if coded.likelihood == "bernoulli":
                share = (mean + 1) / 2
                explained = explained - (torch.log(share) if value > 0 else torch.log(1 - share))
            else:
                sigma = coded.log_sigma.exp()
                explained = explained + torch.log(sigma * (2 * pi) ** 0.5) + ((value - mean) / sigma) ** 2 / 2
        for k in range(LATENT):  # Kingma & Welling 2014, appendix B
            variance = moments[LATENT + k].exp()
            weighed = weighed - beta / 2 * (1 + torch.log(variance) - moments[k] ** 2 - variance)
    return explained / len(play.real), weighed / len(play.real)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("conditional", [False, True])
def test_the_terms_are_those_of_the_paper(likelihood: Any, conditional: bool) -> None:
    kind = ConditionalVae if conditional else Vae
    loss = kind(encoder=encoder(GREY), likelihood=likelihood, beta=4.0)
    generator = trained_by(loss, GREY, LATENT + 2 * conditional).double()
    rng = torch.Generator().manual_seed(1)
    samples = torch.rand(4, *GREY.shape, generator=rng, dtype=torch.float64) * 2 - 1
    labels = torch.tensor([0, 1, 1, 0])
    terms = loss.generator_loss(play_of(generator, GREY, samples, labels))
    expected = plain(generator, play_of(generator, GREY, samples), 4.0, labels if conditional else None)
    weights = [each for each in generator.parameters() if each.requires_grad]
    for value, slow in zip((terms["reconstruction"], terms["weighted_kl"]), expected, strict=True):
        assert value.item() == pytest.approx(slow.item(), rel=2e-5)  # 1e-6 from the edges
        both = [torch.autograd.grad(each, weights, retain_graph=True, allow_unused=True) for each in (value, slow)]
        for one, other in zip(*both, strict=True):
            assert (one is None) == (other is None)
            assert one is None or torch.allclose(one, other, rtol=1e-4, atol=1e-6)
    assert terms["kl"].item() * 4 == pytest.approx(terms["weighted_kl"].item()) and not terms["kl"].requires_grad


def test_a_linear_gaussian_vae_is_probabilistic_pca() -> None:
    """Tipping & Bishop 1999, equations 4, 7 and 8: the largest log-likelihood that there is, and its noise."""
    rng = torch.Generator().manual_seed(2)
    size, count, latent = 5, 400, 2
    mixing = torch.randn(size, latent, generator=rng) * torch.tensor([2.0, 1.0])
    data = torch.randn(count, latent, generator=rng) @ mixing.T + 0.5 * torch.randn(count, size, generator=rng) + 1
    values = torch.linalg.eigvalsh(torch.cov(data.T.double(), correction=0)).flip(0)
    variance = values[latent:].mean()
    best = -(size * log(2 * pi) + values[:latent].log().sum() + (size - latent) * variance.log() + size) / 2

    loss = Vae(encoder=encoder(POINTS, hidden=()))
    generator = trained_by(loss, POINTS, hidden=())
    optimizer = torch.optim.Adam(trainable_parameters(generator, loss, "with_generator"), lr=0.05)
    state = State(generator, None, loss, None, optimizer, None)
    for _ in train(state, Resident(POINTS, data), TrainSettings(seed=0, steps=500, batch=count, schedule="cosine")):
        pass
    weight, bias = (each.detach().double() for each in generator.generator.layers[0].parameters())
    sigma = exp(float(generator.log_sigma.detach()))
    own = torch.distributions.MultivariateNormal(bias, weight @ weight.T + sigma**2 * torch.eye(size).double())
    reached = own.log_prob(data.double()).mean()
    assert best - 0.005 < reached <= best
    assert sigma == pytest.approx(float(variance.sqrt()), rel=0.02)
    metric = Elbo(looked_at=count, draws=100)
    inputs = MetricInput(None, Resident(POINTS, data), Resident(POINTS, data), rng=rng, nets={"generator": generator})  # type: ignore[arg-type]
    found = {name: each.value for name, each in metric.compute(inputs).items()}
    assert found["elbo"] == pytest.approx(float(best), abs=0.03)
    assert found["elbo"] <= found["bound"] + 0.01 and found["bound"] == pytest.approx(float(reached), abs=0.02)
    assert found["elbo"] == pytest.approx(-found["reconstruction"] - found["kl"]) and found["active_units"] == 2


def test_the_bounds_lie_below_the_likelihood_by_quadrature() -> None:
    """One latent, untrained: log p(x) by a fine grid of z; the importance bound is nearer to it than the ELBO."""
    spec = DataSpec((1, 2, 2), ("channel", "y", "x"), range=(0.0, 1.0))
    torch.manual_seed(3)
    loss = Vae(encoder=MlpEncoder(spec, outputs=2, hidden=(4,)), likelihood="bernoulli")
    generator: Any = loss.prepare(MlpGenerator(spec, latent=1, hidden=(4,), activation="tanh"), None, spec)[0]
    with torch.no_grad():
        for each in generator.generator.parameters():
            each.mul_(3)
    black = torch.randint(0, 2, (6, *spec.shape)).float()  # nothing is left to chance
    z = torch.linspace(-8, 8, 4001)
    with torch.no_grad():
        made = generator(z[:, None])
        explained = torch.stack([generator.log_likelihood(x.expand(4001, *x.shape), made) for x in black]).double()
    weight = (-(z.double() ** 2) / 2 - log(2 * pi) / 2).exp() * (16 / 4000)
    truth = (explained.exp() * weight).sum(1).log()
    found = Elbo(looked_at=6, draws=20000).bounds(generator, Resident(spec, black), torch.Generator().manual_seed(0))
    assert found.bound.mean().item() == pytest.approx(truth.mean().item(), abs=0.02)
    elbo = (found.log_likelihood - found.kl).mean()
    assert elbo < truth.mean() - 0.01


def test_grey_pixels_are_made_black_and_white_at_each_draw() -> None:
    loss = Vae(encoder=encoder(GREY), likelihood="bernoulli")
    generator = trained_by(loss, GREY)
    samples = torch.full((2000, *GREY.shape), -0.5)  # one quarter white
    uniform = torch.rand(samples.shape, generator=torch.Generator().manual_seed(0))
    seen = generator.observed(samples, uniform)
    assert set(seen.unique().tolist()) == {-1.0, 1.0}
    assert (seen > 0).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert torch.equal(generator.observed(samples, None), torch.full_like(samples, -1.0))


def test_a_plain_decoder_is_told_the_class_behind_its_latent() -> None:
    loss = ConditionalVae(encoder=encoder(GREY))
    generator = trained_by(loss, GREY, LATENT + 2)
    assert isinstance(generator.generator, LabelledDecoder) and generator.latent_shape == (LATENT,)
    assert declares(generator, "labels")
    z = torch.randn(3, LATENT)
    made = [generator(z, labels=torch.full((3,), each)) for each in (0, 1)]
    whole = torch.cat([z, torch.tensor([[0.0, 1.0]] * 3)], 1)
    assert torch.equal(made[1], generator.generator.generator(whole)) and not torch.equal(made[0], made[1])


def test_only_the_conditional_encoder_asks_for_classes() -> None:
    plain, told = (
        trained_by(Vae(encoder=encoder(GREY)), GREY),
        trained_by(ConditionalVae(encoder=encoder(GREY)), GREY, 4),
    )
    assert (takes_encoded_labels(plain), takes_encoded_labels(told)) == (False, True)
    samples, labels = torch.zeros(3, *GREY.shape), torch.tensor([0, 1, 1])
    assert torch.equal(call_encode(plain, samples, labels), plain.posterior(samples)[0])
    assert torch.equal(call_encode(told, samples, labels), told.posterior(samples, labels)[0])


SMALL = {"train.steps": 6, "train.checkpoint_every": 3, "train.batch": 8, "evaluate": [], "machine.threads": 1}


def test_stopped_and_resumed_is_the_run_that_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run of the harder one; the rule `resume` of the conformance kit does it for both losses."""
    from gantk.runs.start import resume
    from gantk.training.checkpoint import read_checkpoint

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gantk.runs.final_evaluation, "write_report", lambda folder: None)  # most of the time
    rising = {"from": 0.5, "to": 1.0, "over": 0.5}
    run = gantk.run("zoo/digits_cvae", SMALL | {"loss.beta": rising}, out="run", quiet=True)
    whole = read_checkpoint(run.folder.checkpoint_path(6))
    assert "critic" not in whole.tensors and whole.optimizers.keys() == {"generator"}
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    shares = [line["weighted_kl"] / line["kl"] for line in lines if "kl" in line]
    assert shares == pytest.approx([0.5, 2 / 3, 5 / 6, 1, 1, 1]), "warm-up of β over half of the run"
    resume(Path("run"), older="step-3.h5")
    again = read_checkpoint(run.folder.checkpoint_path(6))
    for group in ("generator", "ema"):
        for key, array in whole.tensors[group].items():
            assert array.tobytes() == again.tensors[group][key].tobytes(), key
    restored = gantk.load("run")
    real = restored.real(5)
    latents = restored.encode(real)
    assert tuple(latents.shape) == (5, *restored.generator.latent_shape)
    assert tuple(restored.render(latents, labels=real.labels).samples.shape) == (5, 1, 8, 8)


CRITICS = "{critic_optimizer: {use: basics/adam}}"


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["loss.encoder.outputs=15"], "write outputs: 16"),
        (["data.use=basics/ring", "loss.likelihood=bernoulli"], "take gaussian"),
        (["loss.use=zoo/cvae", "loss.encoder={use: basics/mlp, outputs: 16}"], "latent: 26"),
        (["loss.use=basics/gan"], "basics/gan trains a critic, and this recipe has none"),
        (["critic={use: basics/mlp}", f"play={CRITICS}"], "trains no critic: write critic: null"),
    ],
    ids=["outputs", "range", "short latent", "a loss with a critic", "a critic"],
)  # fmt: skip
def test_mistakes(overrides: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    play = [] if "play=" in overrides[-1] else ["play={generator_optimizer: {use: basics/adam}}"]
    assert run_command_line(["validate", "zoo/digits_vae", *play, *overrides]) == 1
    assert told in " ".join(capsys.readouterr().err.split())


def test_data_without_classes_have_no_conditional_vae() -> None:
    with pytest.raises(DoesNotFit, match="name none: choose zoo/vae"):
        trained_by(ConditionalVae(encoder=encoder(POINTS)), POINTS, 12)


def test_a_model_without_a_distribution_has_no_elbo() -> None:
    data = Resident(POINTS, torch.randn(8, 5))
    inputs = MetricInput(None, data, data, rng=torch.Generator(), nets={"generator": MlpGenerator(POINTS)})  # type: ignore[arg-type]
    with pytest.raises(DoesNotFit, match="zoo/vae or zoo/cvae"):
        Elbo().compute(inputs)


def test_pictures_are_reconstructions_and_the_plane_of_two_latents() -> None:
    """Kingma & Welling 2014, figure 4: the inverse distribution function of points that are even in the unit square."""
    even = torch.distributions.Normal(0.0, 1.0).cdf(grid(4)).reshape(4, 4, 2)
    assert torch.allclose(even[0, :, 0], torch.tensor([0.125, 0.375, 0.625, 0.875]), atol=1e-6)
    assert torch.allclose(even[:, 0, 1], torch.tensor([0.875, 0.625, 0.375, 0.125]), atol=1e-6)
    spec = DataSpec((1, 2, 3), ("channel", "y", "x"), range=(-1.0, 1.0), view="basics/images")
    data = Resident(spec, torch.rand(5, *spec.shape) * 2 - 1)
    for latent, names in ((2, {"reconstructions", "latents"}), (3, {"reconstructions"})):
        loss = Vae(encoder=MlpEncoder(spec, outputs=2 * latent, hidden=(4,)))
        generator = trained_by(loss, spec, latent)
        inputs = MetricInput(None, data, data, rng=torch.Generator(), nets={"generator": generator})  # type: ignore[arg-type]
        drawn = Elbo().pictures(inputs)
        assert drawn.keys() == names and all(min(picture.size) > 40 for picture in drawn.values())


# ---- recipes at their bars


def reached(name: str, folder: Path, *overrides: str) -> bool:
    """Trains a recipe; whether it reached its bars."""
    code = run_command_line(["run", name, "machine.threads=1", *overrides, "--out", str(folder / "run"), "-q"])
    assert (folder / "run" / "evaluation.json").exists()
    return code == 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["zoo/digits_vae", "zoo/digits_cvae"])
def test_the_recipe_reaches_its_bar(name: str, tmp_path: Path) -> None:
    assert reached(name, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "broken"), [("zoo/digits_vae", "beta"), ("zoo/digits_vae", "drawn"), ("zoo/digits_cvae", "told")]
)
def test_a_broken_twin_misses_it(name: str, broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the divergence; without the draw of z; a decoder that is told another class than the encoder."""
    if broken == "drawn":
        monkeypatch.setattr(Play, "normal", lambda self, *shape, purpose: torch.zeros(shape))
    if broken == "told":
        own = LabelledDecoder.forward
        monkeypatch.setattr(LabelledDecoder, "forward", lambda self, z, labels: own(self, z, labels.roll(1)))
    assert not reached(name, tmp_path, *(["loss.beta=0"] if broken == "beta" else []))
