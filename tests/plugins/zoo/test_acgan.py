"""AC-GAN beside its equations, resumed bit for bit, and what it refuses; recipes to their bar, and broken twins."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.losses.gan import Gan
from gantk_basics.losses.wasserstein import Wgan, WganGp
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_zoo.conditional.acgan import AuxiliaryClassifier
from torch import Tensor, nn

import gantk
from gantk.errors import DoesNotFit
from gantk.evaluation import results
from gantk.evaluation.evaluate import evaluate
from gantk.interfaces import Batch, Loss, Play
from gantk.randomness import Streams
from gantk.recipe import load
from gantk.spec import DataSpec
from gantk.training import TrainSettings, checkpoint, datasets, initial_state, modules_of, train

SPEC = DataSpec((1, 4, 4), ("channel", "y", "x"), classes=("a", "b", "c"))
LABELS = torch.tensor([2, 0, 1, 0, 2])


def nets(**critic: Any) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return MlpGenerator(SPEC, latent=6, hidden=[7], labels="embed"), MlpCritic(SPEC, hidden=[7], **critic)


def play_of(side: Any, generator: nn.Module | None, critic: nn.Module) -> Play:
    rng = torch.Generator().manual_seed(3)
    batch = Batch(torch.rand(5, 1, 4, 4, generator=rng, dtype=torch.float64) * 2 - 1, LABELS)
    play = Play(side, generator, critic, SPEC, lambda: batch, Streams(1, side, 0, 0, torch.device("cpu")), batch=5)
    play.latent = torch.randn(5, 6, generator=rng, dtype=torch.float64)
    return play


def log_chance(loss: AuxiliaryClassifier, critic: Any, sample: Tensor, label: int) -> Tensor:
    """log P(c | x), with the softmax written out."""
    exponentials = loss.with_critic[-1](critic.features(sample[None]))[0].exp()
    return torch.log(exponentials[label] / exponentials.sum())


def test_odena_equations_2_and_3() -> None:
    """Values, and gradients to every weight, in float64, sample by sample."""
    loss = AuxiliaryClassifier(loss=Gan(), weight=2.0, generator_weight=0.5)
    generator, critic = loss.prepare(*nets(), SPEC)
    assert generator is not None
    for each in (generator, critic, loss):
        each.double()

    def sigma(samples: Tensor) -> Tensor:
        return 1 / (1 + torch.exp(-critic(samples)))

    def named(samples: Tensor) -> Tensor:
        chances = [log_chance(loss, critic, x, int(c)) for x, c in zip(samples, LABELS, strict=True)]
        return sum(chances, torch.zeros((), dtype=torch.float64)) / 5

    for side, trained in (("critic", [*critic.parameters(), *loss.with_critic.parameters()]), ("generator", None)):
        play = play_of(side, generator, critic)
        fake = generator(play.latent, LABELS)
        if side == "critic":
            fake = fake.detach()
            found = loss.critic_loss(play)
            source = torch.log(sigma(play.real)).mean() + torch.log(1 - sigma(fake)).mean()
            plain = -(source + 2 * named(play.real) + 2 * named(fake))
            assert found.keys() == {"critic_real", "critic_fake", "class_real", "class_fake"}
        else:
            found = loss.generator_loss(play)
            plain = -(torch.log(sigma(fake)).mean() + 0.5 * named(fake))
        total = sum(found.values(), torch.zeros(()))
        torch.testing.assert_close(total, plain)
        weights = trained or list(generator.parameters())
        one, other = (torch.autograd.grad(each, weights, retain_graph=True) for each in (total, plain))
        assert all(bool(each.any()) for each in other)
        for mine, right in zip(one, other, strict=True):
            torch.testing.assert_close(mine, right)


def test_fakes_may_be_left_out_of_what_the_classifier_learns() -> None:
    generator, critic = nets()
    loss, both = (AuxiliaryClassifier(loss=Gan(), classify_fakes=each) for each in (False, True))
    generator, critic = loss.prepare(generator, critic, SPEC)  # type: ignore[assignment]
    both.with_critic = loss.with_critic
    for each in (generator, critic, loss):
        each.double()
    found, usual = (each.critic_loss(play_of("critic", generator, critic)) for each in (loss, both))
    assert found == {name: value for name, value in usual.items() if name != "class_fake"} and "class_fake" in usual


@pytest.mark.parametrize("inner", [Wgan(), WganGp()], ids=["wgan", "wgan_gp"])
def test_the_inner_loss_is_as_it_is_alone(inner: Loss) -> None:
    loss = AuxiliaryClassifier(loss=inner, generator_weight=0.1)
    generator, critic = loss.prepare(*nets(), SPEC)
    for each in (generator, critic, loss):
        assert each is not None
        each.double()
    found, alone = (each.critic_loss(play_of("critic", generator, critic)) for each in (loss, inner))
    assert {name: value for name, value in found.items() if not name.startswith("class_")} == alone
    loss.after_critic_step(play_of("critic", generator, critic))
    clipped = all(weight.abs().max() <= 0.01 for weight in critic.parameters())
    assert clipped == isinstance(inner, Wgan)
    assert loss.with_critic[-1].weight.abs().max() > 0.01  # type: ignore[union-attr]  # the class head is free


def test_layers_that_the_inner_loss_trains_still_train() -> None:
    loss = AuxiliaryClassifier(loss=AuxiliaryClassifier(loss=Gan()))
    loss.prepare(*nets(), SPEC)
    assert len(list(loss.with_critic.parameters())) == 4
    values = load("zoo/digits_acgan", {"play": {}}).values
    assert values["play"]["critic_optimizer"]["lr"] == 2e-4  # as the inner loss says


def test_what_it_cannot_train_is_refused() -> None:
    told, critic = nets()
    untold = MlpGenerator(SPEC)
    towers = DataSpec((2, 3), ("tower", "coordinate"), unit_axes=1, classes=("a", "b"))
    plain = DataSpec((1, 4, 4), SPEC.axes)
    concat = MlpCritic(SPEC, labels="concat")
    for generator, judge, spec, message in (
        (untold, critic, SPEC, "labels: embed"),
        (told, critic, plain, "needs data with classes"),
        (None, MlpCritic(towers), towers, "have units"),
        (told, concat, SPEC, "labels: projection"),
    ):
        with pytest.raises(DoesNotFit, match=message):
            AuxiliaryClassifier(loss=Gan()).prepare(generator, judge, spec)
    AuxiliaryClassifier(loss=Gan()).prepare(*nets(labels="projection"), SPEC)  # both at once may be


@pytest.mark.parametrize("recipe", ["digits_cgan", "digits_acgan", "digits_projection"])
def test_resumed_is_the_run_that_never_stopped(recipe: str, tmp_path: Path) -> None:
    values = load(f"zoo/{recipe}", {"train.batch": 8}).values
    data = datasets(values)["train"]

    def to(steps: int, state: Any) -> list[dict[str, float]]:
        settings = replace(TrainSettings.from_recipe(values, 0), steps=steps)
        return [{name: float(value) for name, value in terms.items()} for terms in train(state, data, settings)]

    whole, half, resumed = (initial_state(values, data.spec, "cpu") for _ in range(3))
    terms = to(4, whole)
    to(2, half)
    path = tmp_path / "step-2.h5"
    checkpoint.write_checkpoint(path, half, recipe="", spec=data.spec, plugins={})
    checkpoint.restore(checkpoint.read_checkpoint(path), resumed)
    assert to(4, resumed) == terms[2:]
    one, other = (
        {
            f"{group}.{name}": value
            for group, net in modules_of(state).items()
            for name, value in net.state_dict().items()
        }
        for state in (whole, resumed)
    )
    assert one.keys() == other.keys() and [name for name in one if not torch.equal(one[name], other[name])] == []


def bars(run: Any) -> dict[str, float]:
    """What the recipe's metric found."""
    return {name: value.value for name, value in run.evaluation["class_agreement"].items()}


BARS = {"digits_cgan": 0.95, "digits_acgan": 0.95, "digits_projection": 0.9}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("recipe", BARS)
def test_recipes_reach_their_bar(recipe: str, tmp_path: Path) -> None:
    found = bars(gantk.run(f"zoo/{recipe}", {"machine.threads": 1}, out=tmp_path / "run", quiet=True))
    assert found["agreement_share"] >= BARS[recipe] and found["coverage_share"] >= 0.7


TWINS = {
    "digits_cgan": {"critic.labels": "none"},  # the class is left out of what the critic judges
    "digits_acgan": {"loss.weight": 0, "loss.generator_weight": 0},
    "digits_projection": {"critic.labels": "none"},
}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("recipe", TWINS)
def test_without_the_class_term_the_bar_is_missed(recipe: str, tmp_path: Path) -> None:
    overrides = {**TWINS[recipe], "machine.threads": 1, "train.steps": 500}
    assert bars(gantk.run(f"zoo/{recipe}", overrides, out=tmp_path / "run", quiet=True))["agreement_share"] < 0.5


MNIST_TWINS = {
    "mnist_cgan": {"critic.labels": "none"},
    "mnist_acgan": {"loss.weight": 0, "loss.generator_weight": 0},
    "mnist_projection": {"critic.labels": "none"},
}


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("recipe", MNIST_TWINS)
def test_mnist_recipes_reach_their_bar_and_without_the_class_term_miss_it(
    recipe: str, test_data: Path, tmp_path: Path
) -> None:
    """98 % of the real digits' agreement, .7 of the real halves' coverage in every class; a twin stops at 300 steps."""
    whole = {"data.root": test_data / "mnist", "machine.threads": 1}
    found = bars(gantk.run(f"zoo/{recipe}", whole, out=tmp_path / "whole", quiet=True))
    assert found["agreement_share"] >= 0.98 and found["coverage_share"] >= 0.7
    twin = {**whole, **MNIST_TWINS[recipe], "train.steps": 300}
    assert bars(gantk.run(f"zoo/{recipe}", twin, out=tmp_path / "twin", quiet=True))["agreement_share"] < 0.5


@pytest.mark.long
@pytest.mark.slow
def test_with_shuffled_labels_the_bar_is_missed() -> None:
    values = load("zoo/digits_cgan", {"train.steps": 500, "machine.threads": 1}).values
    shuffled = Digits("train")
    assert shuffled.labels is not None
    shuffled.labels = shuffled.labels[torch.randperm(len(shuffled), generator=torch.Generator().manual_seed(0))]
    state = initial_state(values, shuffled.spec, "cpu")
    for _ in train(state, shuffled, TrainSettings.from_recipe(values, 0)):
        pass
    data = datasets(values)
    entries = results.build_metrics(values)
    found = evaluate(entries, state.sampled(), state.critic, data["train"], data["test"], seed=0, device="cpu")
    assert found["class_agreement"]["agreement_share"].value < 0.5
