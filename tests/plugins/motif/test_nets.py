"""The nets: any length, hard output with a gradient, patterns that are placed whole, critics that can be penalised."""

from __future__ import annotations

import pytest
import torch
from gantk_motif.nets import course, dcgan1d, placed, pooled, residual
from gantk_motif.nets.layers import hard_bit, hard_choice
from torch import nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec

GENERATORS = [dcgan1d.Dcgan1dGenerator, residual.ResidualGenerator, placed.PlacedGenerator]
CRITICS = [course.CourseCritic, dcgan1d.Dcgan1dCritic, pooled.PooledCritic]


def strings(length: int = 128, channels: int = 1, low: float = 0.0, high: float = 1.0) -> DataSpec:
    return DataSpec(shape=(channels, length), axes=("channel", "position"), range=(low, high))


def latents(generator: nn.Module, n: int) -> torch.Tensor:
    return torch.randn(n, *generator.latent_shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("build", GENERATORS)
@pytest.mark.parametrize("spec", [strings(), strings(60), strings(37, 2), strings(128, 1, -1.0, 1.0)])
def test_generators_make_samples_of_the_spec_and_train_every_parameter(build: type, spec: DataSpec) -> None:
    torch.manual_seed(0)
    generator = build(spec)
    samples = generator(latents(generator, 4))
    assert samples.shape == (4, *spec.shape)
    assert samples.min() >= spec.range[0] and samples.max() <= spec.range[1]
    (samples * torch.randn(spec.shape)).sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("build", CRITICS)
@pytest.mark.parametrize("spec", [strings(), strings(60), strings(37, 2)])
def test_critics_score_each_sample_as_head_of_features_and_train_every_parameter(build: type, spec: DataSpec) -> None:
    torch.manual_seed(0)
    critic = build(spec)
    samples = torch.randint(0, 2, (5, *spec.shape)).float()
    scores = critic(samples)
    assert scores.shape == (5,)
    assert torch.equal(scores, critic.head(critic.features(samples)))
    assert torch.allclose(scores[:2], critic(samples[:2]), atol=1e-6)  # samples of a batch do not see each other
    scores.sum().backward()
    for name, parameter in critic.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("build", CRITICS)
def test_double_backward_through_critics_equals_finite_differences(build: type) -> None:
    torch.manual_seed(0)
    critic = build(strings(20)).double()
    samples = torch.rand(3, 1, 20, dtype=torch.float64)

    def penalty() -> torch.Tensor:
        given = samples.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(given).sum(), given, create_graph=True)
        return gradient.square().sum()

    weight = next(critic.parameters())
    (found,) = torch.autograd.grad(penalty(), weight)
    change = 1e-6
    for index in torch.randint(weight.numel(), (5,)).tolist():
        flat = weight.data.view(-1)
        kept = flat[index].item()
        flat[index] = kept + change
        above = penalty().item()
        flat[index] = kept - change
        below = penalty().item()
        flat[index] = kept
        assert found.reshape(-1)[index].item() == pytest.approx((above - below) / (2 * change), rel=1e-4, abs=1e-8)


def test_hard_bit_is_hard_forward_and_logistic_backward() -> None:
    logits = torch.tensor([-3.0, -0.1, 0.2, 5.0], requires_grad=True)
    bits = hard_bit(logits)
    assert torch.allclose(bits, torch.tensor([0.0, 0.0, 1.0, 1.0]))
    bits.sum().backward()
    share = logits.detach().sigmoid()
    assert torch.allclose(logits.grad, share * (1 - share))


def test_hard_choice_is_one_hot_forward_and_softmax_backward() -> None:
    logits = torch.randn(3, 7, generator=torch.Generator().manual_seed(2))
    weights = torch.randn(3, 7, generator=torch.Generator().manual_seed(3))
    straight, soft = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    choice = hard_choice(straight)
    assert torch.allclose(choice, nn.functional.one_hot(logits.argmax(-1), 7).float(), atol=1e-6)
    (choice * weights).sum().backward()
    (soft.softmax(-1) * weights).sum().backward()
    assert torch.allclose(straight.grad, soft.grad, atol=1e-6)


def test_a_pattern_is_drawn_whole_at_places_that_are_about_equally_likely() -> None:
    torch.manual_seed(0)
    layer = placed.Placed(latent=50, channels=1, length=40, patterns=1, pattern=9)
    latent = torch.randn(8000, 50)
    drawn = layer(latent)[:, 0]  # (8000, 40)
    places = layer.chosen(latent)[:, 0].argmax(-1)
    pattern = layer.draw.weight[0, 0] * layer.places**0.5
    for row, place in zip(drawn[:50], places[:50].tolist(), strict=True):
        expected = torch.zeros(40)
        expected[place : place + 9] = pattern.detach()
        assert torch.allclose(row, expected, atol=1e-5)
    share = torch.bincount(places, minlength=layer.places).double() / len(places)
    assert share.min() > 0.4 / layer.places and share.max() < 2.0 / layer.places


def test_nets_refuse_what_they_are_not_for() -> None:
    image = DataSpec(shape=(1, 8, 8), axes=("channel", "y", "x"))
    for build in GENERATORS + CRITICS:
        with pytest.raises(DoesNotFit, match="strings"):
            build(image)
    with pytest.raises(DoesNotFit, match=r"generator\.pattern to 10"):
        placed.PlacedGenerator(strings(10))
    with pytest.raises(DoesNotFit, match="odd kernel"):
        residual.ResidualGenerator(strings(), kernel=4)
    for build in (dcgan1d.Dcgan1dGenerator, dcgan1d.Dcgan1dCritic):
        with pytest.raises(DoesNotFit, match="kernel: 7"):
            build(strings(), kernel=6)


def test_course_generator_is_the_slides() -> None:
    """No activation between the layers, so the logits are affine in the latent; kernels 16, 16 and 3; momentum .8."""
    torch.manual_seed(0)
    generator = course.CourseGenerator(strings(64), latent=10, channels=6, kernel=16).double().eval()
    kinds = [type(layer).__name__ for layer in [*generator.dense, *generator.stages]]
    assert kinds == ["Linear", "Unflatten", *["BatchNorm1d", "ConvTranspose1d"] * 3]
    assert [layer.kernel_size for layer in generator.stages if isinstance(layer, nn.ConvTranspose1d)] == [
        (16,),
        (16,),
        (3,),
    ]
    a, b = torch.randn(2, 5, 10, dtype=torch.float64)
    logits = [generator(latent).logit() for latent in (a, b, (a + b) / 2)]
    assert torch.allclose((logits[0] + logits[1]) / 2, logits[2], atol=1e-8)
    norm = generator.dense[2]
    generator.train()(a)  # running mean: .8 of what was, .2 of this batch's, as Keras with momentum .8
    assert torch.allclose(norm.running_mean, 0.2 * generator.dense[:2](a).mean((0, 2)))


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 16, 17])
def test_course_generator_doubles_the_length_whatever_the_kernel(kernel: int) -> None:
    assert course.CourseGenerator(strings(40), kernel=kernel)(torch.randn(2, 100)).shape == (2, 1, 40)


def test_course_nets_say_what_length_they_need() -> None:
    with pytest.raises(DoesNotFit, match=r"multiple of 8, not 60; set data.length to 64"):
        course.CourseGenerator(strings(60))
    with pytest.raises(DoesNotFit, match=r"16 letters at once, but the strings have 12; set critic.kernel to 12"):
        course.CourseCritic(strings(12))


def test_course_critic_is_one_convolution_without_stride_and_a_dense_layer() -> None:
    critic = course.CourseCritic(strings(512), channels=32, kernel=16)
    assert sum(weight.numel() for weight in critic.parameters()) == 16 * 32 + 32 + 497 * 32 + 1
