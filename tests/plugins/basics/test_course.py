"""The nets of the UTSW course: the layers that its slides name, in their order, and no others."""

from pathlib import Path

import pytest
import torch
import yaml
from gantk_basics.nets.course import CourseCritic, CourseGenerator
from torch import nn

from gantk.spec import DataSpec

RECIPES = Path(__file__).parents[3] / "recipes"
DIGIT = DataSpec((1, 28, 28), ("channel", "y", "x"))


def test_batch_normalisation_and_relu_stand_behind_every_layer_but_the_last() -> None:
    generator, critic = CourseGenerator(DIGIT), CourseCritic(DIGIT)
    behind = [nn.BatchNorm2d, nn.ReLU]
    assert [type(layer) for layer in generator.layers] == [*behind, nn.ConvTranspose2d, *behind, nn.ConvTranspose2d]
    assert [type(layer) for layer in critic.layers] == [nn.Conv2d, *behind] * 2
    assert all(layer.stride == (2, 2) for layer in critic.layers if isinstance(layer, nn.Conv2d))


def test_it_ends_in_a_sigmoid_of_the_data_s_range() -> None:
    generator = CourseGenerator(DIGIT, width=4).eval()
    latent = torch.randn(5, 100)
    raw = generator.layers(generator.project(latent).reshape(5, 8, 7, 7))
    torch.testing.assert_close(generator(latent), 2 * raw.sigmoid() - 1)
    torch.testing.assert_close(generator(latent), (raw / 2).tanh())  # what its docstring says of basics/dcgan


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 15, 22), (2, 48, 80)])
def test_any_size(shape: tuple[int, int, int]) -> None:
    spec = DataSpec(shape, ("channel", "y", "x"))
    made = CourseGenerator(spec, latent=7, width=4)(torch.randn(3, 7))
    assert made.shape == (3, *shape)
    assert CourseCritic(spec, width=4)(made).shape == (3,)


def test_the_recipe_is_the_exercise_and_mnist_dcgan_says_what_it_changes() -> None:
    course, dcgan = (yaml.safe_load((RECIPES / f"mnist_{name}.yaml").read_text()) for name in ("course", "dcgan"))
    assert course["data"] == dcgan["data"]
    assert course["train"]["epochs"] == 20 and course["train"]["sample_every"] == "epoch"
    assert "r1" not in course["loss"] and "ema" not in course["train"]
    said = (RECIPES / "mnist_dcgan.yaml").read_text().partition("about:")[0]
    for change in ("mnist_course", "leaky ReLU", "batch normalisation", "R1", "tanh", "Adam", "moving average"):
        assert change in said
