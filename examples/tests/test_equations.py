"""Each loss beside a slow, plain version of its equations, at equal weights in float64: values and gradients."""

import pytest
import torch
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from gantk_examples.cyclegan import BothWays, CycleGan, DomainCritics
from gantk_examples.pix2pix import PatchCritic, Pix2Pix, Translator
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import Batch, Loss, Play, draw_latent, may_share_forward
from gantk.randomness import Streams
from gantk.spec import DataSpec

BATCH = 5
GREY = DataSpec((1, 8, 8), ("channel", "y", "x"))
PAIR = DataSpec((1, 8, 8), ("channel", "y", "x"), condition_shape=(1, 8, 8))
TWO = DataSpec((2, 1, 8, 8), ("domain", "channel", "y", "x"), unit_axes=1, condition_shape=(2, 1, 8, 8))


def scene(loss: Loss, generator: nn.Module, critic: nn.Module, spec: DataSpec) -> tuple[nn.Module, nn.Module, Batch]:
    """Prepared nets in float64 and eval mode (no dropout), and a real batch."""
    made, judge = loss.prepare(generator, critic, spec)
    assert made is not None and judge is not None
    for module in (made, judge, loss):
        module.double().eval()
    rng = torch.Generator().manual_seed(3)
    samples = torch.rand(BATCH, *spec.shape, generator=rng, dtype=torch.float64) * 2 - 1
    condition = torch.rand(BATCH, *(spec.condition_shape or ()), generator=rng, dtype=torch.float64) * 2 - 1
    if spec is TWO:
        condition = samples
    return made, judge, Batch(samples, condition=None if spec.condition_shape is None else condition)


def play_of(side: str, generator: nn.Module, critic: nn.Module, spec: DataSpec, batch: Batch) -> Play:
    """What the loss sees of one update."""
    play = Play(
        side,  # type: ignore[arg-type]
        generator,
        critic,
        spec,
        lambda: batch,
        Streams(1, side, 0, 0, torch.device("cpu")),
        batch=BATCH,
        shared_forward=may_share_forward(critic, False),
    )
    latent = draw_latent(generator, BATCH, torch.Generator().manual_seed(4))
    play.latent = None if latent is None else latent.double()
    return play


def assert_same(terms: dict[str, Tensor], plain: dict[str, Tensor], *trained: nn.Module) -> None:
    """Equal values, and equal gradients of the sum, to every parameter of the nets that are trained."""
    assert terms.keys() == plain.keys()
    for name, value in terms.items():
        torch.testing.assert_close(value, plain[name], rtol=1e-11, atol=1e-11, msg=lambda text, name=name: name + text)
    parameters = [each for net in trained for each in net.parameters()]
    came, right = (
        torch.autograd.grad(sum(each.values(), torch.zeros(())), parameters, allow_unused=True, retain_graph=True)
        for each in (terms, plain)
    )
    assert any(each is not None and bool(each.any()) for each in right)
    for one, other in zip(came, right, strict=True):
        zeros = torch.zeros(())
        torch.testing.assert_close(one if one is not None else zeros, other if other is not None else zeros)


def sigma(score: Tensor) -> Tensor:
    """D = σ(score), as written."""
    return 1 / (1 + torch.exp(-score))


def mean_of(values: list[Tensor]) -> Tensor:
    """E over a list."""
    return sum(values, torch.zeros((), dtype=torch.float64)) / len(values)


def patches(scores: Tensor) -> list[Tensor]:
    """All patches of all samples, one by one."""
    return list(scores.flatten().unbind())


def test_pix2pix_equations_1_3_and_4() -> None:
    torch.manual_seed(0)
    loss = Pix2Pix(weight=7.0)
    generator, critic, batch = scene(loss, Translator(PAIR, width=4), PatchCritic(PAIR, width=4), PAIR)
    x, y = batch.condition, batch.samples
    of_real = patches(torch.cat([critic(y[i : i + 1], x[i : i + 1]) for i in range(BATCH)]))

    fake = generator(None, x).detach()
    of_fake = patches(torch.cat([critic(fake[i : i + 1], x[i : i + 1]) for i in range(BATCH)]))
    plain = {
        "critic_real": -mean_of([torch.log(sigma(each)) for each in of_real]) / 2,
        "critic_fake": -mean_of([torch.log(1 - sigma(each)) for each in of_fake]) / 2,
    }
    assert_same(loss.critic_loss(play_of("critic", generator, critic, PAIR, batch)), plain, critic)

    fake = generator(None, x)
    plain = {
        "generator": -mean_of([torch.log(sigma(each)) for each in patches(critic(fake, x))]),
        "distance": 7 * mean_of([(y[i] - fake[i]).abs().sum() / 64 for i in range(BATCH)]),
    }
    assert_same(loss.generator_loss(play_of("generator", generator, critic, PAIR, batch)), plain, generator)


@pytest.mark.parametrize("adversarial", ["least_squares", "cross_entropy"])
def test_cyclegan_equations_1_to_3(adversarial: str) -> None:
    torch.manual_seed(0)
    loss = CycleGan(weight=3.0, adversarial=adversarial)  # type: ignore[arg-type]
    nets, critics, batch = scene(loss, BothWays(TWO, width=4), DomainCritics(TWO, width=3), TWO)
    x, y = batch.samples.unbind(1)

    def to_first(images: Tensor) -> Tensor:  # F
        return 2 * sigma(nets.to_first(images)) - 1

    def to_second(images: Tensor) -> Tensor:  # G
        return 2 * sigma(nets.to_second(images)) - 1

    def score(images: Tensor, domain: int) -> list[Tensor]:
        beside = torch.zeros_like(images)  # what stands in the other domain must not matter
        both = [images, beside] if domain == 0 else [beside, images]
        return patches(critics(torch.stack(both, 1))[:, domain])

    def told(values: list[Tensor], real: bool) -> Tensor:
        if adversarial == "least_squares":
            return mean_of([(each - 1) ** 2 if real else each**2 for each in values])
        return -mean_of([torch.log(sigma(each) if real else 1 - sigma(each)) for each in values])

    plain = {
        "critic_real": (told(score(x, 0), True) + told(score(y, 1), True)) / 2,
        "critic_fake": (told(score(to_first(y).detach(), 0), False) + told(score(to_second(x).detach(), 1), False)) / 2,
    }
    assert_same(loss.critic_loss(play_of("critic", nets, critics, TWO, batch)), plain, critics)

    plain = {
        "generator": told(score(to_first(y), 0), True) + told(score(to_second(x), 1), True),
        "cycle": 3 * (to_first(to_second(x)) - x).abs().mean() + 3 * (to_second(to_first(y)) - y).abs().mean(),
    }
    assert_same(loss.generator_loss(play_of("generator", nets, critics, TWO, batch)), plain, nets)


@pytest.mark.parametrize(
    ("loss", "spec", "told"),
    [
        (Pix2Pix, PAIR, "translator"),
        (Pix2Pix, GREY, "channel_pairs"),
        (CycleGan, GREY, "negatives"),
    ],
    ids=["no condition taken", "no condition", "one domain"],
)
def test_what_does_not_fit_is_refused(loss: type[Loss], spec: DataSpec, told: str) -> None:
    with pytest.raises(DoesNotFit, match=told):
        loss().prepare(MlpGenerator(spec), MlpCritic(spec), spec)
