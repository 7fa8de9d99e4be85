"""PertVAE and Dr.VAE against their equations pair by pair, against linear Gaussian closed forms, and their mistakes."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any

import pytest
import torch
from gantk_basics.nets.encoders import MlpEncoder
from gantk_basics.nets.mlp import MlpGenerator
from gantk_expression.losses.pertvae import DrVae, PertVae
from gantk_expression.nets.gaussians import divergence, log_density
from gantk_expression.nets.perturbed import PerturbedDecoder, RespondingDecoder
from gantk_expression.nets.transition import Transition
from gantk_expression.perturbation import UNLABELLED, PairLayout, condition_columns
from torch import Tensor
from torch.distributions import MultivariateNormal

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, declares
from gantk.interfaces.play import Play
from gantk.randomness import Streams
from gantk.spec import DataSpec
from tests.helpers.published import assert_same

GENES, LATENT, PAIRS = 5, 2, 6
DRUGS = ("aspirin", "taxol", "new")
NAMES = tuple(f"G{number}" for number in range(GENES))
SPEC = DataSpec(
    (GENES,),
    ("gene",),
    range=None,
    names={"gene": NAMES},
    classes=("resistant", "sensitive", UNLABELLED),
    condition_shape=(GENES + 2,),
    attributes={"condition": condition_columns(NAMES, DRUGS), "descriptors": [[1, 0, 0], [0, 1, 0], [1, 1, 0]]},
)


def built(kind: type[PertVae] = PertVae, spec: DataSpec = SPEC, hidden: Any = (7,), **options: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    loss = kind(encoder=MlpEncoder(spec, outputs=2 * LATENT, hidden=hidden), **options)
    model, critic = loss.prepare(MlpGenerator(spec, latent=LATENT, hidden=hidden, activation="elu"), None, spec)
    assert critic is None and isinstance(model, PerturbedDecoder)
    return loss, model.double()


def pairs(count: int = PAIRS) -> tuple[Tensor, Tensor, Tensor]:
    """Treated profiles, conditions and responses, one pair in three of which has none."""
    rng = torch.Generator().manual_seed(1)
    treated, control = torch.randn(2, count, GENES, generator=rng, dtype=torch.float64)
    number = torch.arange(count)
    extra = torch.stack([number % 2, number / 3 - 1], 1)
    return treated, torch.cat([control, extra], 1), number % 3


def play_of(model: Any, treated: Tensor, condition: Tensor, labels: Tensor | None = None) -> Play:
    streams = Streams(3, "generator", 0, 0, torch.device("cpu"))
    batch = Batch(treated, labels, condition)
    return Play("generator", model, None, SPEC, lambda: batch, streams, batch=len(treated))


def noise_of(play: Play, purpose: str) -> Tensor:
    return play.normal(play.batch, LATENT, purpose=purpose).double()


def shaken(model: Any) -> None:
    """Weights that are near 0 at first become ordinary ones, so that nothing is too small to be seen."""
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())).double()


def gaussian_kl(q: Any, p: Any) -> Tensor:
    """KL, one latent after another."""
    total = torch.zeros((), dtype=torch.float64)
    for mean, log_variance, other, other_log_variance in zip(*q, *p, strict=True):
        ratio = (log_variance - other_log_variance).exp()
        total = total + 0.5 * (ratio + (mean - other) ** 2 / other_log_variance.exp() - 1 - torch.log(ratio))
    return total


def at_least(value: Tensor, nats: float) -> Tensor:
    return value if value > nats else torch.zeros_like(value) + nats


STANDARD = (torch.zeros(LATENT).double(), torch.zeros(LATENT).double())


class OnePair:
    """The pieces of one pair, computed without the model's own methods.

    Args:
        model: prepared.
        play: the update.
        row: which pair.
    """

    def __init__(self, model: Any, play: Play, row: int):
        assert play.condition is not None
        self.model = model
        condition = play.condition[row]
        control, self.log_dose, self.drug = condition[:GENES], condition[-1], int(condition[-2])

        def coded(profile: Tensor) -> tuple[Tensor, Tensor]:
            found = model.encoder(profile[None])[0]
            return found[:LATENT], found[LATENT:] - 2

        self.q1, self.q2 = coded(control), coded(play.real[row])
        noise = {name: noise_of(play, name)[row] for name in ("control", "treated", "transition", "cause")}
        self.noise = noise
        self.z1 = self.q1[0] + (self.q1[1] / 2).exp() * noise["control"]
        z2 = self.q2[0] + (self.q2[1] / 2).exp() * noise["treated"]
        self.p2 = self.moved()
        self.predicted = self.p2[0] + (self.p2[1] / 2).exp() * noise["transition"]
        self.control = self.cost(control, self.z1)
        self.treated = self.cost(play.real[row], z2)
        self.prediction = self.cost(play.real[row], self.predicted)

    def moved(self) -> tuple[Tensor, Tensor]:
        """p(z₂|z₁)."""
        step = self.model.transition
        weight, bias = step.weight, step.bias
        if step.given != "nothing":
            read = step.vector.weight[self.drug] if step.given == "drug" else step.vector(step.targets[self.drug])
            inner = torch.nn.functional.elu(read + step.dose(self.log_dose[None]))
            hidden = torch.nn.functional.elu(step.hidden(inner))
            bias = bias + step.shifts @ hidden
            for share, matrix in zip(step.shares(hidden), step.matrices, strict=True):
                weight = weight + share * matrix
        line = step.log_variance
        return self.z1 + weight @ self.z1 + bias, line.weight @ self.z1 + line.bias - 2

    def cost(self, profile: Tensor, latent: Tensor) -> Tensor:
        """-log p(x|z), one gene after another."""
        made = self.model.generator(latent[None])[0]
        total = torch.zeros((), dtype=torch.float64)
        for value, mean, log_variance in zip(profile, made, self.model.log_variance_of_genes, strict=True):
            density = torch.distributions.Normal(mean, (log_variance / 2).exp())
            total = total - density.log_prob(value)
        return total


@pytest.mark.parametrize("given", ["nothing", "drug", "targets"])
@pytest.mark.parametrize("free", [0.0, 2.0])
def test_the_terms_of_pertvae_are_those_of_its_equation(given: Any, free: float) -> None:
    loss, model = built(given=given, free_nats=free)
    shaken(model)
    treated, condition, _ = pairs()
    play = play_of(model, treated, condition)
    ones = [OnePair(model, play, row) for row in range(PAIRS)]
    plain = {
        "reconstruction_control": sum(each.control for each in ones) / PAIRS,
        "reconstruction_treated": sum(each.treated for each in ones) / PAIRS,
        "weighted_prediction": 0.05 * sum(each.prediction for each in ones) / PAIRS,
        "kl_control": sum(at_least(gaussian_kl(each.q1, STANDARD), free) for each in ones) / PAIRS,
        "kl_treated": sum(at_least(gaussian_kl(each.q2, STANDARD), free) for each in ones) / PAIRS,
        "kl_transition": sum(at_least(gaussian_kl(each.q2, each.p2), free) for each in ones) / PAIRS,
    }
    assert_same(loss.generator_loss(play), plain, model)  # type: ignore[arg-type]  # sums of tensors


def test_the_terms_of_drvae_are_those_of_its_equation() -> None:
    """A pair whose response is known is charged K(y); of one that is not, both responses are weighed by q(y)."""
    loss, model = built(DrVae, response=7.0)
    assert isinstance(model, RespondingDecoder)
    shaken(model)
    treated, condition, labels = pairs()
    play = play_of(model, treated, condition, labels)
    priors, guesses = [], []
    for row in range(PAIRS):
        one = OnePair(model, play, row)
        line = model.classifier
        raw = line.weight @ torch.cat([one.z1, one.predicted - one.z1]) + line.bias
        guess = raw.exp() / raw.exp().sum()
        costs = []
        for response in torch.eye(2).double():
            found = model.encoder_of_cause(torch.cat([one.z1, response]))
            q3 = (found[:LATENT], found[LATENT:] - 2)
            z3 = q3[0] + (q3[1] / 2).exp() * one.noise["cause"]
            made = model.decoder_of_cause(torch.cat([z3, response]))
            p1 = (made[:LATENT], made[LATENT:] - 2)
            costs.append(at_least(gaussian_kl(q3, STANDARD), 2.0) + at_least(gaussian_kl(one.q1, p1), 2.0))
        if int(labels[row]) < 2:
            priors.append(costs[int(labels[row])])
            guesses.append(-torch.log(guess[int(labels[row])]))
        else:
            known = sum(share * cost for share, cost in zip(guess, costs, strict=True))
            priors.append(known + sum(share * torch.log(share / 0.5) for share in guess))
    assert len(guesses) == 4
    terms = loss.generator_loss(play)
    assert "kl_control" not in terms and "kl_treated" not in terms
    kept = {name: terms[name] for name in ("kl_cause", "weighted_response")}
    plain = {"kl_cause": torch.stack(priors).mean(), "weighted_response": 7 * torch.stack(guesses).mean()}
    assert_same(kept, plain, model)


def test_without_a_label_nothing_is_said_of_the_response() -> None:
    loss, model = built(DrVae)
    treated, condition, labels = pairs()
    terms = loss.generator_loss(play_of(model, treated, condition, torch.full_like(labels, 2)))
    assert terms["weighted_response"].item() == 0 and torch.isfinite(sum(terms.values(), torch.zeros(())))


def linear(weight: float) -> tuple[Any, Any, Tensor]:
    """A linear model with the exact posterior of each profile under N(0, I), and W = `weight` I; the mixing matrix."""
    loss, model = built(hidden=(), free_nats=0.0, perturbation=0.0)
    mixing = torch.zeros(GENES, LATENT).double()
    mixing[:3, 0], mixing[3:, 1] = 1.5, 0.8  # orthogonal columns: the posterior is diagonal
    centre = torch.linspace(-1, 1, GENES).double()
    variance = 0.5
    precision = 1 + (mixing**2).sum(0) / variance
    with torch.no_grad():
        decoder, encoder = model.generator.layers[0], model.encoder.head
        decoder.weight.copy_(mixing)
        decoder.bias.copy_(centre)
        model.log_variance_of_genes.fill_(log(variance))
        towards = mixing.T / variance / precision[:, None]
        encoder.weight.zero_()
        encoder.weight[:LATENT] = towards
        encoder.bias.copy_(torch.cat([-towards @ centre, -precision.log() + 2]))
        model.transition.weight.copy_(weight * torch.eye(LATENT))
        model.transition.bias.zero_()
        model.transition.log_variance.weight.zero_()
        model.transition.log_variance.bias.fill_(2.0 + log(1.0 if weight == -1 else 0.3))
    return loss, model, mixing


def joint(weight: float, mixing: Tensor) -> MultivariateNormal:
    """The exact distribution of (x₁, x₂) of `linear`."""
    share = 1 + weight
    own = torch.eye(LATENT).double()
    spread = 1.0 if weight == -1 else 0.3
    latents = torch.cat([torch.cat([own, share * own], 1), torch.cat([share * own, (share**2 + spread) * own], 1)])
    both = torch.block_diag(mixing, mixing)
    centre = torch.linspace(-1, 1, GENES).double().repeat(2)
    return MultivariateNormal(centre, both @ latents @ both.T + 0.5 * torch.eye(2 * GENES).double())


def bound_of(weight: float) -> tuple[float, float]:
    """E of the bound over 20,000 draws of one pair, without KL(q(z₂|x₂) ‖ p), and log p(x₁, x₂)."""
    loss, model, mixing = linear(weight)
    treated, condition, _ = pairs(1)
    with torch.no_grad():
        terms = loss.generator_loss(play_of(model, treated.expand(20_000, -1), condition.expand(20_000, -1)))
    names = ("reconstruction_control", "reconstruction_treated", "kl_control", "kl_transition")
    whole = torch.cat([condition[0, :GENES], treated[0]])
    return -sum(terms[name].item() for name in names), joint(weight, mixing).log_prob(whole).item()


def test_where_the_posterior_is_exact_the_bound_is_the_likelihood() -> None:
    """W = -I and σ = 1: z₂ is independent of z₁, so both posteriors are exact, and linear Gaussian."""
    bound, exact = bound_of(-1.0)
    assert bound == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_elsewhere_the_bound_lies_below_the_likelihood(weight: float) -> None:
    bound, exact = bound_of(weight)
    assert bound < exact - 0.05


def test_the_expected_terms_of_a_linear_model_have_a_closed_form() -> None:
    """E over z₁ of |x - A z - c|² and of the divergence from p(z₂|z₁), which is linear in z₁."""
    loss, model, mixing = linear(0.4)
    loss.perturbation = 1.0
    treated, condition, _ = pairs(1)
    with torch.no_grad():
        terms = loss.generator_loss(play_of(model, treated.expand(40_000, -1), condition.expand(40_000, -1)))
        (m1, v1), (m2, v2) = (
            (mean[0], log_variance[0].exp())
            for mean, log_variance in (model.posterior(condition[:, :GENES]), model.posterior(treated))
        )
        centre = torch.linspace(-1, 1, GENES).double()

        def explained(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
            squares = ((x - mixing @ mean - centre) ** 2).sum() + (mixing**2 @ spread).sum()
            return GENES / 2 * torch.log(torch.tensor(2 * torch.pi * 0.5)) + squares / 2 / 0.5

        moved, spread = 1.4 * m1, 1.4**2 * v1
        apart = ((m2 - moved) ** 2 + spread + v2) / 0.3 + log(0.3) - v2.log() - 1
        plain = {
            "reconstruction_control": explained(condition[0, :GENES], m1, v1),
            "reconstruction_treated": explained(treated[0], m2, v2),
            "weighted_prediction": explained(treated[0], moved, spread + 0.3),
            "kl_transition": apart.sum() / 2,
        }
    for name, value in plain.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=0.01), name


def test_at_first_a_drug_changes_nothing() -> None:
    for given in ("nothing", "drug", "targets"):
        _, model = built(given=given)
        _, condition, _ = pairs()
        latent = torch.zeros(PAIRS, 2 * LATENT).double()
        before, after = model.latents_of(condition, latent)
        torch.testing.assert_close(before, after, atol=2e-3, rtol=0)
        torch.testing.assert_close(model(latent, condition), model.generator(before), atol=2e-3, rtol=0)


def test_a_spread_of_0_gives_the_profile_that_is_expected() -> None:
    _, model = built()
    assert declares(model, "condition") and model.latent_shape == (2 * LATENT,)
    _, condition, _ = pairs()
    noise = torch.randn(PAIRS, 2 * LATENT).double()
    torch.testing.assert_close(model(noise, condition, spread=0.0), model(0 * noise, condition))
    assert not torch.allclose(model(noise, condition), model(0 * noise, condition))


def test_a_drug_that_was_never_seen_is_read_by_its_targets() -> None:
    """The third drug has the targets of both others, and no weights of its own."""
    step = Transition(SPEC, LATENT, "targets")
    condition = torch.zeros(1, GENES + 2)
    condition[0, GENES] = 2
    step.read(condition).sum().backward()
    assert isinstance(step.vector, torch.nn.Linear)
    reached = step.vector.weight.grad
    assert reached is not None and [bool(each.any()) for each in reached.T] == [True, True, False]


def test_the_probabilities_of_a_response_need_the_control_alone() -> None:
    _, model = built(DrVae)
    _, condition, _ = pairs()
    found = model.response(condition)
    assert tuple(found.shape) == (PAIRS, 2) and torch.allclose(found.sum(1), torch.ones(PAIRS).double())


def test_a_condition_says_where_its_parts_are() -> None:
    layout = PairLayout.of(SPEC)
    _, condition, _ = pairs()
    assert layout.control(condition).shape == (PAIRS, GENES) and layout.drugs == DRUGS
    assert layout.drug(condition).tolist() == [0, 1, 0, 1, 0, 1]
    torch.testing.assert_close(layout.log_dose(condition), torch.arange(PAIRS).double() / 3 - 1)


@pytest.mark.parametrize(
    ("kind", "spec", "options", "told"),
    [
        (PertVae, replace(SPEC, attributes={}), {}, "are no pairs of an untreated and a treated profile"),
        (DrVae, replace(SPEC, classes=()), {}, "take expression/pertvae"),
        (
            PertVae,
            replace(SPEC, attributes={**SPEC.attributes, "descriptors": None}),
            {"given": "targets"},
            "given: drug",
        ),
    ],
    ids=["no pairs", "no response", "no targets"],
)
def test_mistakes(kind: Any, spec: DataSpec, options: Any, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        built(kind, spec, **options)


def test_free_nats_are_free() -> None:
    """Below them a divergence has no gradient."""
    mean = torch.full((3, 1), 0.1, requires_grad=True)
    loss, _ = built(free_nats=2.0)
    loss._at_least(divergence(mean, torch.zeros(3, 1))).sum().backward()
    assert mean.grad is not None and not mean.grad.any()
    assert log_density(torch.zeros(1, 1), torch.zeros(1, 1), torch.zeros(1)).item() == pytest.approx(-0.919, abs=1e-3)


def test_an_outlier_makes_no_number_that_is_none() -> None:
    """Profiles of 10,000 sd: terms and gradients are finite."""
    loss, model = built(given="drug")
    shaken(model)
    treated, condition, _ = pairs()
    condition[:, :GENES] *= 1e4
    total = sum(loss.generator_loss(play_of(model, 1e4 * treated, condition)).values(), torch.zeros(()))
    total.backward()
    assert torch.isfinite(total) and all(
        torch.isfinite(each.grad).all() for each in model.parameters() if each.grad is not None
    )
