"""Autoencoder: its equation and principal components; and classifiers that start from an encoder.

That a resumed run is the one that never stopped: rule `resume` of test_conformance.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpGenerator
from gantk_zoo.encoders.autoencoder import Autoencoder
from gantk_zoo.encoders.bigan import Bidirectional
from gantk_zoo.metrics.features import LinearProbe
from gantk_zoo.metrics.fine_tuning import accuracy, with_new_weights
from torch import Tensor, nn

from gantk.cli import run_command_line
from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, MetricInput
from gantk.interfaces.play import Play
from gantk.randomness import Streams
from gantk.spec import DataSpec
from gantk.training import State, TrainSettings, train
from gantk.training.state import trainable_parameters

POINTS = DataSpec((5,), ("coordinate",), range=None, classes=("a", "b"))
LATENT = 2


def trained_by(hidden: tuple[int, ...] = (6,), outputs: int = LATENT) -> tuple[Autoencoder, Any]:
    torch.manual_seed(0)
    loss = Autoencoder(encoder=MlpEncoder(POINTS, outputs=outputs, hidden=hidden))
    generator, critic = loss.prepare(MlpGenerator(POINTS, latent=LATENT, hidden=hidden), None, POINTS)
    assert critic is None and not [*loss.parameters()], "the encoder is a submodule of the generator alone"
    return loss, generator


def test_the_term_is_the_squared_error_summed_over_a_sample() -> None:
    loss, generator = trained_by()
    generator.double()
    samples = torch.randn(4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    streams = Streams(3, "generator", 0, 0, torch.device("cpu"))
    play = Play("generator", generator, None, POINTS, lambda: Batch(samples), streams, batch=4)
    (term,) = loss.generator_loss(play).values()
    slow = torch.zeros((), dtype=torch.float64)
    for x in samples:
        made = generator.generator(generator.encoder(x[None]))[0]
        for a, b in zip(x, made, strict=True):
            slow = slow + (a - b) ** 2 / 4
    weights = [*generator.parameters()]
    assert term.item() == pytest.approx(slow.item(), rel=1e-12)
    for one, other in zip(torch.autograd.grad(term, weights), torch.autograd.grad(slow, weights), strict=True):
        assert torch.allclose(one, other, rtol=1e-10) and one.abs().max() > 0


def test_a_linear_one_leaves_the_error_of_principal_components() -> None:
    """Baldi & Hornik 1989: the sum of the variances beyond the largest ones, and no linear map leaves less."""
    rng = torch.Generator().manual_seed(2)
    data = torch.randn(300, 5, generator=rng) @ torch.diag(torch.tensor([3.0, 2.0, 0.7, 0.5, 0.3])) + 1
    values = torch.linalg.eigvalsh(torch.cov(data.T.double(), correction=0))
    best = values[:-LATENT].sum().item()
    loss, generator = trained_by(hidden=())
    optimizer = torch.optim.Adam(trainable_parameters(generator, loss, "with_generator"), lr=0.05)
    state = State(generator, None, loss, None, optimizer, None)
    for _ in train(state, Resident(POINTS, data), TrainSettings(seed=0, steps=150, batch=300, schedule="cosine")):
        pass
    with torch.no_grad():
        reached = (generator(generator.encode(data)) - data).double().square().sum(1).mean().item()
    assert best - 1e-4 < reached < best * 1.01


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["loss.encoder.outputs=16"], "write outputs: 8"),
        (["critic={use: basics/mlp}", "play={critic_optimizer: {use: basics/adam}}"], "trains no critic: write critic"),
        (["generator.labels=concat"], "told neither class nor condition"),
    ],
    ids=["outputs", "a critic", "labels"],
)
def test_mistakes(overrides: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["validate", "zoo/digits_autoencoder", *overrides]) == 1
    assert told in " ".join(capsys.readouterr().err.split())


# ---- classifiers that start from an encoder


class Product(nn.Module):
    """Features from which the class is read at once: the product of the first two numbers, as a net computes it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 4), nn.ReLU())
        with torch.no_grad():  # |a + b| - |a - b| has the sign of a b
            self.layers[0].weight.zero_()
            self.layers[0].weight[:, :2] = torch.tensor([[4.0, 4], [-4, -4], [4, -4], [-4, 4]])
            self.layers[0].bias.zero_()


def features(net: Any, samples: Tensor) -> Tensor:
    return net.layers(samples)


def labelled(count: int, seed: int) -> tuple[Tensor, Tensor]:
    samples = torch.randn(count, 5, generator=torch.Generator().manual_seed(seed))
    return samples, (samples[:, 0] * samples[:, 1] > 0).long()


def test_a_classifier_that_starts_from_what_is_known_needs_fewer_labels() -> None:
    net = Product()
    before = {name: each.clone() for name, each in net.state_dict().items()}
    known, asked = labelled(30, 0), labelled(400, 1)
    own, new = (accuracy(net, features, known, asked, classes=2, updates=200, new=new, seed=3) for new in (False, True))
    assert own > 0.8 > new + 0.1
    assert own == accuracy(net, features, known, asked, classes=2, updates=200, new=False, seed=3)
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items()), "a copy is trained"


def test_new_weights_are_new_and_what_has_none_is_refused() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    nn.init.constant_(net[1].running_mean, 5.0)
    made: Any = with_new_weights(net)
    assert not torch.equal(made[0].weight, net[0].weight) and made[1].running_mean.abs().max() == 0
    net.own = nn.Parameter(torch.zeros(2))
    with pytest.raises(DoesNotFit, match="write fine_tuning: 0"):
        with_new_weights(net)


def test_the_metric_has_the_classifier_where_it_is_asked_for() -> None:
    class Known(Bidirectional):
        """Its encoder is `Product`."""

        def __init__(self) -> None:
            super().__init__(MlpGenerator(POINTS, latent=4), Product().layers)

    data = [Resident(POINTS, samples, labels=labels) for samples, labels in (labelled(200, 0), labelled(200, 1))]
    found = {}
    for updates in (0, 200):
        inputs = MetricInput(None, *data, rng=torch.Generator().manual_seed(2), nets={"generator": Known()})  # type: ignore[arg-type]
        found[updates] = LinearProbe(labels=(30,), draws=2, fine_tuning=updates).compute(inputs)
    assert [*found[0]] == ["features_30", "pca_30"] and [*found[200]] == [*found[0], "classifier_30"]
    assert found[200]["features_30"] == found[0]["features_30"]
    value = found[200]["classifier_30"]
    assert value.value > 0.75 > value.reference + 0.1 and value.low < value.value < value.high


# ---- the recipe at its bar


@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True])
def test_the_recipe_reaches_its_bar_and_a_broken_twin_misses_it(
    broken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin decodes the codes of other samples of the batch."""
    if broken:
        own = Play.generate
        monkeypatch.setattr(Play, "generate", lambda self, latent, **given: own(self, latent.roll(1, 0), **given))
    folder = tmp_path / "run"
    code = run_command_line(["run", "zoo/digits_autoencoder", "machine.threads=1", "--out", str(folder), "-q"])
    assert (folder / "evaluation.json").exists() and (code == 0) != broken
