"""GGAN: its loss beside plain equations, its nets, and what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.wasserstein import WganGp
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_expression.losses.ggan import Ggan
from gantk_expression.losses.ggan import Inference as InferenceLoss
from gantk_expression.metrics.inference import Inference
from gantk_expression.nets.ggan import GganCritic, GganGenerator
from scipy.stats import t as student
from torch import Tensor
from torch.nn.functional import logsigmoid

from benchmarks.inference import halving, measured, table, trainings
from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Loss, Play
from gantk.randomness import Streams
from gantk.spec import DataSpec
from tests.helpers.published import missed

BATCH, LANDMARKS, TARGETS = 6, 4, 3
SPEC = DataSpec((TARGETS,), ("gene",), range=None, condition_shape=(LANDMARKS,))
PLAIN = DataSpec((TARGETS,), ("gene",), range=None)


def scene(loss: Loss, side: str) -> tuple[Any, Any, Play]:
    """Nets and an update of one side, in float64."""
    torch.manual_seed(1)
    generator = GganGenerator(SPEC, hidden=(5,)).double()
    critic = GganCritic(SPEC, hidden=(5,)).double() if loss.trains("critic") else None
    made, judge = loss.prepare(generator, critic, SPEC)
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(BATCH, LANDMARKS, generator=rng, dtype=torch.float64)
    y = torch.randn(BATCH, TARGETS, generator=rng, dtype=torch.float64)
    batch = Batch(y, condition=x)
    play = Play(side, made, judge, SPEC, lambda: batch, Streams(3, side, 0, 0, torch.device("cpu")), batch=BATCH)  # type: ignore[arg-type]
    return generator, critic, play


def plain_layers(net: Any, values: Tensor, last: Any) -> Tensor:
    """Dense layers with a leaky ReLU between them, by matrix products."""
    hidden = values @ net.layers[0].weight.T + net.layers[0].bias
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    return hidden @ last.weight.T + last.bias


def plain_generator(net: Any, x: Tensor) -> Tensor:
    return plain_layers(net, x, net.last)


def plain_critic(net: Any, x: Tensor, y: Tensor) -> Tensor:
    return plain_layers(net, torch.cat([x, y], 1), net.head)[:, 0]


def plain_consistency(generator: Any, play: Play, noise: float) -> Tensor:
    """Mean over the batch of the root mean square difference over genes."""
    total = torch.zeros((), dtype=torch.float64)
    u, v = (play.normal(BATCH, LANDMARKS, purpose=f"inconsistency, {which}").double() for which in ("u", "u'"))
    for one in range(BATCH):
        x = play.condition[one : one + 1]  # type: ignore[index]
        apart = plain_generator(generator, x + noise * u[one]) - plain_generator(generator, x + noise * v[one])
        total += (sum(each**2 for each in apart[0]) / TARGETS) ** 0.5
    return total / BATCH


def assert_same(terms: dict[str, Tensor], plain: dict[str, Tensor], net: torch.nn.Module) -> None:
    """Equal values and equal gradients."""
    assert terms.keys() == plain.keys()
    for name, value in terms.items():
        torch.testing.assert_close(value, plain[name], rtol=1e-10, atol=1e-12)
    weights = list(net.parameters())
    came, right = (torch.autograd.grad(sum(each.values(), torch.zeros(())), weights) for each in (terms, plain))
    for one, other in zip(came, right, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("distance", ["absolute", "squared"])
def test_terms_of_the_generator(distance: str) -> None:
    loss = Ggan(loss=Gan(), adversarial=0.3, consistency=0.7, noise=0.5, distance=distance)  # type: ignore[arg-type]
    generator, critic, play = scene(loss, "generator")
    x, y = play.condition, play.real
    made = plain_generator(generator, x)  # type: ignore[arg-type]
    apart = (y - made).abs() if distance == "absolute" else (y - made) ** 2
    plain = {
        "distance": apart.sum() / (BATCH * TARGETS),
        "generator": -0.3 * logsigmoid(plain_critic(critic, x, made)).mean(),  # type: ignore[arg-type]
        "consistency": 0.7 * plain_consistency(generator, play, 0.5),
    }
    assert_same(loss.generator_loss(play), plain, generator)


def test_terms_of_the_critic() -> None:
    loss = Ggan(loss=Gan())
    generator, critic, play = scene(loss, "critic")
    x, y = play.condition, play.real
    made = plain_generator(generator, x).detach()  # type: ignore[arg-type]
    plain = {
        "critic_real": -logsigmoid(plain_critic(critic, x, y)).mean(),  # type: ignore[arg-type]
        "critic_fake": -logsigmoid(-plain_critic(critic, x, made)).mean(),  # type: ignore[arg-type]
    }
    assert_same(loss.critic_loss(play), plain, critic)


def test_without_the_adversarial_part_it_is_inference() -> None:
    """The generator's gradients are those of expression/inference, and the critic has a say no longer."""
    with_critic = Ggan(loss=Gan(), adversarial=0.0, consistency=0.2)
    alone = InferenceLoss(distance="absolute", consistency=0.2)
    found = []
    for loss in (with_critic, alone):
        generator, _, play = scene(loss, "generator")
        terms = sum(loss.generator_loss(play).values(), torch.zeros(()))
        found.append(torch.autograd.grad(terms, list(generator.parameters())))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_equal_noises_have_a_finite_gradient() -> None:
    loss = InferenceLoss(consistency=1.0, noise=0.0)
    generator, _, play = scene(loss, "generator")
    terms = loss.generator_loss(play)
    assert terms["consistency"] == 0
    for each in torch.autograd.grad(sum(terms.values(), torch.zeros(())), list(generator.parameters())):
        assert torch.isfinite(each).all()


def test_any_adversarial_loss_fits_inside() -> None:
    loss = Ggan(loss=WganGp(penalty=10))
    _, _, play = scene(loss, "critic")
    assert set(loss.critic_loss(play)) == {"critic_real", "critic_fake", "penalty"}


def test_dropout_is_for_training_alone() -> None:
    net = GganGenerator(SPEC, hidden=(16,), dropout=0.5, input_dropout=0.5, linear=True)
    x = torch.randn(8, LANDMARKS)
    assert not torch.equal(net(None, x), net(None, x))
    net.eval()
    assert torch.equal(net(None, x), net(None, x))


@pytest.mark.parametrize(
    ("loss", "generator", "critic", "spec", "told"),
    [
        (Ggan(loss=Gan()), MlpGenerator(PLAIN), MlpCritic(PLAIN), PLAIN, r"data.condition=\{landmarks: 300\}"),
        (Ggan(loss=Gan()), MlpGenerator(SPEC), GganCritic(SPEC), SPEC, "needs a generator that takes a condition"),
        (Ggan(loss=Gan()), GganGenerator(SPEC), MlpCritic(SPEC), SPEC, "together with their condition"),
        (Ggan(loss=InferenceLoss()), GganGenerator(SPEC), None, SPEC, "loss.loss.use=basics/gan"),
        (InferenceLoss(), MlpGenerator(PLAIN), None, PLAIN, "these data have none"),
    ],
)
def test_what_does_not_fit(loss: Loss, generator: Any, critic: Any, spec: DataSpec, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        loss.prepare(generator, critic, spec)


@pytest.mark.parametrize("net", [GganGenerator, GganCritic])
def test_nets_without_a_condition(net: Any) -> None:
    with pytest.raises(DoesNotFit, match="needs data with a condition"):
        net(PLAIN)


@pytest.mark.long
def test_simulated_genes_are_inferred_better_than_by_ridge(tmp_path: Path) -> None:
    """The bar of the recipe: 3 % below ridge, where relations are not linear; a linear net has no way there."""
    assert missed("ggan_simulated", tmp_path / "run") == []
    linear = ["generator.hidden=[]", "generator.linear=false"]
    assert missed("ggan_simulated", tmp_path / "linear", linear) != []


@pytest.mark.long
def test_without_its_adversarial_part_it_is_no_worse_than_ridge_on_real_wells(test_data: Path) -> None:
    """L1000, the mean over five splits by compound: at most 2 % above ridge."""
    own = {"data.path": str(test_data / "expression" / "l1000_a375.gct")}
    alone = dict(trainings([], None))["λ_adv 0"]
    above = [
        measured("ggan_l1000", own | alone | {"data.seed": split}, Inference())["over_ridge"] for split in range(5)
    ]
    assert sum(above) / len(above) <= 2


def test_the_table_of_the_benchmark() -> None:
    """Means over splits with Student's interval, and the point that halves the distance of spectra."""
    floors = {"mae_mean": 2.0, "mae_neighbours": 1.5, "mae_ridge": 1.0, "seconds": 1.0}
    floors |= {"variance_share_ridge": 0.3, "spectrum_ridge": 0.7, "gamma_ridge": 0.5}
    known = {"λ_adv 0": (0.9, 0.6), "λ_adv 1": (0.98, 0.29), "λ_adv 9": (1.2, 0.1), "squared error": (0.5, 0.1)}
    lines = [
        {"name": name, "split": split, "mae": mae + change, "spectrum": apart, "variance_share": 0.4, "gamma": 0.6}
        | floors
        for split, change in enumerate((-0.1, 0.1))
        for name, (mae, apart) in known.items()
    ]
    text = "\n".join(table(lines))
    half = float(student.ppf(0.975, 1)) * 14.1421356 / 2**0.5
    assert f"| λ_adv 0 | 0.900 | -10.0 ({-10 - half:.1f} … {-10 + half:.1f}) | 0.400 | 0.600 | 0.600 | 1 |" in text
    assert "| kNN | 1.500 | 50.0 (50.0 … 50.0) |" in text
    assert halving(lines).endswith("MAE: λ_adv 1")
    assert halving([line for line in lines if line["name"] != "λ_adv 1"]).startswith("no λ_adv")
