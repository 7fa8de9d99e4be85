"""Each loss beside a slow, plain version of its equations, at equal weights in float64: values and gradients."""

import math

import pytest
import torch
from gantk_basics.nets.mlp import MlpCritic
from gantk_examples.began import Autoencoder, Began, UniformGenerator
from gantk_examples.bigan import BiGan, Encoder, JointCritic
from gantk_examples.cyclegan import BothWays, CycleGan, DomainCritics
from gantk_examples.infogan import CodedGenerator, InfoGan
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


def test_began_section_3() -> None:
    torch.manual_seed(0)
    loss = Began(diversity=0.7, balance_rate=0.4)
    generator, critic, batch = scene(
        loss, UniformGenerator(GREY, latent=3, width=8), Autoencoder(GREY, codes=3, width=8), GREY
    )
    loss.k.fill_(0.3)

    def error(samples: Tensor) -> Tensor:  # L, equation 1
        return mean_of([(v - critic.reconstruct(v[None])[0]).abs().sum() / 64 for v in samples])

    play = play_of("critic", generator, critic, GREY, batch)
    real = error(batch.samples)
    plain = {"critic_real": real, "critic_fake": -0.3 * error(generator(play.latent).detach())}
    assert_same(loss.critic_loss(play), plain, critic)

    play = play_of("generator", generator, critic, GREY, batch)
    fake = error(generator(play.latent))
    measure = (real + (0.7 * real - fake).abs()).detach()
    plain = {"generator": fake, "convergence": measure, "balance": torch.tensor(0.3, dtype=torch.float64)}
    terms = loss.generator_loss(play)
    assert_same(terms, plain, generator)
    assert not terms["convergence"].requires_grad and not terms["balance"].requires_grad

    loss.after_step(play)
    assert loss.k.item() == pytest.approx(min(max(0.3 + 0.4 * (0.7 * real - fake).item(), 0), 1))
    for k, real_error, fake_error, expected in ((0.99, 2.0, 0.0, 1.0), (0.01, 0.0, 2.0, 0.0)):  # stays within [0, 1]
        loss.k.fill_(k)
        loss._real, loss._fake = torch.tensor(real_error), torch.tensor(fake_error)
        loss.after_step(play)
        assert loss.k.item() == expected
    assert "k" in loss.state_dict()


def test_infogan_equations_4_to_6() -> None:
    torch.manual_seed(0)
    loss = InfoGan(weight=2.0, continuous_weight=0.5)
    made = CodedGenerator(GREY, noise=3, categories=4, continuous=2, width=8)
    generator, critic, batch = scene(loss, made, MlpCritic(GREY, hidden=(8, 8)), GREY)

    def information(latent: Tensor, samples: Tensor) -> Tensor:
        """-λ L_I = -λ (E log Q(c|x) + H(c)), equation 5."""
        category, continuous = [], []
        for code, sample in zip(latent, samples, strict=True):
            told = loss.with_critic(critic.features(sample[None]))[0]
            shares = torch.exp(told[:4]) / torch.exp(told[:4]).sum()
            category.append(torch.log(shares[code[3:7].argmax()]))
            for number, mean in zip(code[7:], told[4:], strict=True):
                continuous.append(torch.distributions.Normal(mean, 1.0).log_prob(number))
        of_category = mean_of(category) + math.log(4)
        of_continuous = 2 * (mean_of(continuous) + math.log(2))
        return -2.0 * of_category - 0.5 * of_continuous

    play = play_of("critic", generator, critic, GREY, batch)
    fake = generator(play.latent).detach()
    plain = {
        "critic_real": -mean_of([torch.log(sigma(each)) for each in critic(batch.samples)]),
        "critic_fake": -mean_of([torch.log(1 - sigma(each)) for each in critic(fake)]),
        "information_critic": information(play.latent, fake),
    }
    assert_same(loss.critic_loss(play), plain, critic, loss.with_critic)

    play = play_of("generator", generator, critic, GREY, batch)
    fake = generator(play.latent)
    plain = {
        "generator": -mean_of([torch.log(sigma(each)) for each in critic(fake)]),
        "information_generator": information(play.latent, fake),
    }
    assert_same(loss.generator_loss(play), plain, generator)


def test_codes_have_the_distribution_of_the_paper() -> None:
    generator = CodedGenerator(GREY, noise=3, categories=4, continuous=2)
    drawn = generator.draw_latent(4000, torch.Generator().manual_seed(0))
    category, continuous = drawn[:, 3:7], drawn[:, 7:]
    assert bool((category.sum(1) == 1).all()) and set(category.unique().tolist()) == {0.0, 1.0}
    assert category.mean(0).tolist() == pytest.approx([0.25] * 4, abs=0.03)
    assert continuous.abs().max() <= 1 and continuous.var(0).tolist() == pytest.approx([1 / 3] * 2, abs=0.03)


def test_bigan_equation_3() -> None:
    torch.manual_seed(0)
    loss = BiGan(encoder=Encoder(GREY, latent=3, width=8))
    made = UniformGenerator(GREY, latent=3, width=8)
    both, critic, batch = scene(loss, made, JointCritic(GREY, latent=3, width=8), GREY)
    x = batch.samples

    play = play_of("critic", both, critic, GREY, batch)
    z = play.latent
    coded, fake = both.encoder(x).detach(), both.generator(z).detach()
    plain = {
        "critic_real": -mean_of([torch.log(sigma(critic(x[i : i + 1], coded[i : i + 1])[0])) for i in range(BATCH)]),
        "critic_fake": -mean_of([torch.log(1 - sigma(critic(fake[i : i + 1], z[i : i + 1])[0])) for i in range(BATCH)]),
    }
    assert_same(loss.critic_loss(play), plain, critic)

    play = play_of("generator", both, critic, GREY, batch)
    coded, fake = both.encoder(x), both.generator(z)
    plain = {
        "encoder": -mean_of([torch.log(1 - sigma(each)) for each in critic(x, coded)]),
        "generator": -mean_of([torch.log(sigma(each)) for each in critic(fake, z)]),
    }
    assert_same(loss.generator_loss(play), plain, both)


@pytest.mark.parametrize(
    ("loss", "generator", "critic", "spec", "told"),
    [
        (Pix2Pix, UniformGenerator, Autoencoder, PAIR, "translator"),
        (Pix2Pix, UniformGenerator, Autoencoder, GREY, "channel_pairs"),
        (CycleGan, UniformGenerator, Autoencoder, GREY, "negatives"),
        (Began, UniformGenerator, JointCritic, GREY, "autoencoder"),
        (InfoGan, UniformGenerator, Autoencoder, GREY, "coded"),
        (lambda: BiGan(encoder=Encoder(GREY)), UniformGenerator, Autoencoder, GREY, "joint"),
        (lambda: BiGan(encoder=Encoder(GREY, latent=3)), UniformGenerator, JointCritic, GREY, "latents of"),
        (lambda: BiGan(encoder=Encoder(GREY)), UniformGenerator, None, GREY, "another length"),
    ],
    ids=["no condition taken", "no condition", "one domain", "no errors", "no codes", "no latent", "encoder", "critic"],
)
def test_what_does_not_fit_is_refused(loss, generator, critic, spec: DataSpec, told: str) -> None:
    judge = JointCritic(spec, latent=3) if critic is None else critic(spec)
    with pytest.raises(DoesNotFit, match=told):
        loss().prepare(generator(spec), judge, spec)
