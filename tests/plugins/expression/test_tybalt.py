"""Tybalt against its equations, a quadrature and torch's distributions; its latents; itself stopped and resumed."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpGenerator
from gantk_expression.losses.tybalt import Tybalt, cross_entropy
from gantk_expression.nets.encoded import EncodedDecoder
from gantk_expression.nets.gaussians import divergence, drawn, log_density
from gantk_expression.nets.tybalt import TybaltDecoder, TybaltEncoder
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch
from gantk.interfaces.play import Play
from gantk.latents.first_layer import first_layer
from gantk.randomness import Streams
from gantk.spec import DataSpec
from tests.helpers.published import Scene, assert_same

GENES, LATENT = 6, 3
UNIT = DataSpec((GENES,), ("gene",), range=(0.0, 1.0))


def built(spec: DataSpec = UNIT, **options: Any) -> tuple[Tybalt, EncodedDecoder]:
    torch.manual_seed(0)
    loss = Tybalt(encoder=TybaltEncoder(spec, latent=LATENT), **options)
    model, critic = loss.prepare(TybaltDecoder(spec, latent=LATENT), None, spec)
    assert critic is None and isinstance(model, EncodedDecoder)
    return loss, model


def play_of(model: EncodedDecoder, samples: Tensor, spec: DataSpec = UNIT) -> Play:
    streams = Streams(3, "generator", 0, 0, torch.device("cpu"))
    return Play("generator", model, None, spec, lambda: Batch(samples), streams, batch=len(samples))


def shares(count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, GENES, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_the_terms_are_those_of_the_paper(low: float) -> None:
    """One sample, one gene and one latent after another, in float64; of another range, by the share of it."""
    spec = DataSpec((GENES,), ("gene",), range=(low, 1.0))
    loss, model = built(spec, beta=0.7)
    model.double().train()
    samples = shares(5) * (1 - low) + low
    play = play_of(model, samples, spec)
    terms = dict(loss.generator_loss(play))
    encoder, decoder = model.encoder, model.generator
    assert isinstance(encoder, TybaltEncoder) and isinstance(decoder, TybaltDecoder)

    def head(layer: torch.nn.Linear, norm: torch.nn.BatchNorm1d) -> Tensor:  # dense, normalised with ε .001, ReLU
        raw = torch.stack([(layer.weight * sample).sum(1) + layer.bias for sample in samples])
        middle = raw.mean(0)
        spread = ((raw - middle) ** 2).mean(0)
        return (norm.weight * (raw - middle) / (spread + 1e-3) ** 0.5 + norm.bias).clamp(min=0)

    mean, log_variance = head(encoder.mean, encoder.mean_norm), head(encoder.log_variance, encoder.log_variance_norm)
    noise = play.normal(5, LATENT, purpose="posterior").double()
    explained = weighed = torch.zeros((), dtype=torch.float64)
    for row in range(5):
        z = mean[row] + noise[row] * (log_variance[row] / 2).exp()
        for gene in range(GENES):
            made = 1 / (1 + (-(decoder.layer.weight[gene] * z).sum() - decoder.layer.bias[gene]).exp())
            share = (samples[row, gene] - low) / (1 - low)
            explained = explained - share * made.log() - (1 - share) * (1 - made).log()
        for k in range(LATENT):
            weighed = weighed - 0.5 * (1 + log_variance[row, k] - mean[row, k] ** 2 - log_variance[row, k].exp())
    kl = terms.pop("kl")
    assert kl.item() == pytest.approx(weighed.item() / 5) and not kl.requires_grad
    assert_same(terms, {"reconstruction": explained / 5, "weighted_kl": 0.7 * weighed / 5}, model)


def test_divergences_and_densities_are_those_of_torch() -> None:
    rng = torch.Generator().manual_seed(2)
    q, p = (torch.randn(2, 4, 3, generator=rng, dtype=torch.float64) for _ in range(2))
    one, other = (Independent(Normal(each[0], (each[1] / 2).exp()), 1) for each in (q, p))
    standard = Independent(Normal(torch.zeros_like(q[0]), torch.ones_like(q[0])), 1)
    torch.testing.assert_close(divergence(*q, *p), kl_divergence(one, other))
    torch.testing.assert_close(divergence(*q), kl_divergence(one, standard))
    x = torch.randn(4, 3, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(log_density(x, *q), one.log_prob(x))


def test_the_cross_entropy_is_the_entropy_at_best() -> None:
    """It is a distance and no likelihood: at y = x it is Σ H(x), above it elsewhere, and finite at 0 and 1."""
    x = shares(4)
    entropy = -(x * x.log() + (1 - x) * (1 - x).log()).sum(1)
    torch.testing.assert_close(cross_entropy(x, x), entropy)
    assert bool((cross_entropy(x, shares(4, 9)) > entropy).all())
    ends = torch.tensor([[0.0, 1.0]])
    assert torch.isfinite(cross_entropy(ends, 1 - ends)).all() and cross_entropy(ends, ends) < 1e-5


def test_the_expected_cross_entropy_is_that_of_a_quadrature() -> None:
    """A linear encoder and one latent: E_q over Gauss-Hermite nodes, against the mean over 20,000 draws."""
    spec = DataSpec((3,), ("gene",), range=(0.0, 1.0))
    torch.manual_seed(4)
    loss = Tybalt(encoder=MlpEncoder(spec, outputs=2, hidden=()))
    model, _ = loss.prepare(TybaltDecoder(spec, latent=1), None, spec)
    assert isinstance(model, EncodedDecoder)
    model.double()
    x = torch.tensor([[0.2, 0.9, 0.4]], dtype=torch.float64)
    with torch.no_grad():
        found = loss.generator_loss(play_of(model, x.expand(20_000, 3), spec))
        mean, log_variance = model.posterior(x)
        nodes, weights = (torch.tensor(each) for each in np.polynomial.hermite_e.hermegauss(40))
        made = model(mean + nodes[:, None] * (log_variance / 2).exp())
        exact = (weights * cross_entropy(x.expand(40, 3), made)).sum() / weights.sum()
    assert found["reconstruction"].item() == pytest.approx(exact.item(), abs=0.01)


def test_no_posterior_is_narrower_than_the_prior() -> None:
    _, model = built()
    mean, log_variance = model.posterior(shares(50).float())
    assert bool((mean >= 0).all()) and bool((log_variance >= 0).all())
    assert bool((mean == 0).any()) and bool((mean > 0).any())


def test_latents_come_from_the_posteriors_of_the_samples_seen_last() -> None:
    loss, model = built(kept=8)
    rng = torch.Generator().manual_seed(0)
    assert torch.equal(model.draw_latent(4, rng), torch.randn(4, LATENT, generator=torch.Generator().manual_seed(0)))
    for start in (0.0, 10.0, 20.0):  # three batches of 5, of which the last 8 samples remain
        model.keep(start + torch.arange(15.0).reshape(5, LATENT), torch.full((5, LATENT), -20.0))
    mean, log_variance = model.kept_posteriors()
    assert sorted(mean[:, 0].tolist()) == [16.0, 19.0, 20.0, 22.0, 23.0, 26.0, 29.0, 32.0]
    assert bool((log_variance == -20).all())
    drawn_ones = model.draw_latent(400, rng)
    distance = torch.cdist(drawn_ones, mean).min(1)
    assert float(distance.values.max()) < 0.1 and len(distance.indices.unique()) == 8
    prior = model.draw_from("prior", 4000, rng)
    assert float(prior.mean().abs()) < 0.05 and float(prior.std()) == pytest.approx(1, abs=0.03)
    loss.generator_loss(play_of(model, shares(20).float()))  # more than are kept
    assert int(model.seen) == 15 + 8 and len(model.kept_posteriors()[0]) == 8


def test_a_draw_has_the_mean_and_the_variance() -> None:
    noise = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
    made = drawn(torch.tensor([[2.0]]), torch.tensor([[log(9.0)]]), noise)
    assert float(made.mean()) == pytest.approx(2, abs=0.05) and float(made.std()) == pytest.approx(3, abs=0.05)


def test_the_weights_of_the_decoder_are_those_that_take_the_latent() -> None:
    _, model = built()
    assert isinstance(model.generator, TybaltDecoder)
    ((_, weights),) = first_layer(model).values()
    # what each latent adds to each gene, before the sigmoid
    torch.testing.assert_close(weights.float(), model.generator.layer.weight.detach())


@pytest.mark.parametrize(
    ("decoder", "encoder", "spec", "told"),
    [
        (TybaltDecoder, None, DataSpec((GENES,), ("gene",), range=None), r"transform: \[unit\]"),
        (MlpGenerator, TybaltEncoder, DataSpec((GENES,), ("gene",), range=None), r"data.transform: \[unit\]"),
        (TybaltDecoder, MlpEncoder, UNIT, "write outputs: 6"),
    ],
    ids=["decoder without a range", "loss without a range", "an encoder with other outputs"],
)
def test_mistakes(decoder: Any, encoder: Any, spec: DataSpec, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        made = decoder(spec, latent=LATENT)
        net = encoder(spec) if encoder is MlpEncoder else encoder(spec, latent=LATENT)
        Tybalt(encoder=net).prepare(made, None, spec)


def test_beta_acts_from_the_second_epoch_and_stops_at_1() -> None:
    """κ = 1 as a schedule: the weight is 0 in the first epoch (of three batches), and 1 ever after."""
    warm_up = "loss.beta={points: [[60, 0], [60, 1]], shape: piecewise, by: samples}"
    small = ["data.genes=40", "data.samples=60", "data.held_out=30", "generator.latent=4", "loss.encoder.latent=4"]
    terms = Scene("tybalt_simulated", *small, "train.batch=20", warm_up, whole=9).train(9)
    shares = [each["weighted_kl"] / each["kl"] for each in terms]
    assert shares == pytest.approx([0, 0, 0, 1, 1, 1, 1, 1, 1])
