"""The nets of `basics`: sizes, ranges, gradients, and what they refuse."""

import pytest
import torch
from gantk_basics.nets.dcgan import DcganCritic, DcganGenerator, stage_sizes
from gantk_basics.nets.layers import UnitLinear
from gantk_basics.nets.mlp import MlpCritic, MlpGenerator
from torch import nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec


def images(*shape: int, **more: object) -> DataSpec:
    return DataSpec(shape, ("channel", "y", "x"), **more)  # type: ignore[arg-type]


IMAGES = [(1, 8, 8), (1, 28, 28), (2, 48, 80), (3, 64, 64), (5, 33, 50), (1, 5, 7), (1, 2, 2), (1, 100, 36)]
SHAPES = [
    DataSpec((2,), ("coordinate",), range=None),
    DataSpec((4, 16), ("letter", "position"), categorical=True, range=(0, 1)),
    DataSpec((6, 2, 8, 10), ("protein", "channel", "y", "x"), unit_axes=1),
    DataSpec((2, 3, 7), ("row", "column", "value"), unit_axes=2, range=(0, 1)),
    images(1, 8, 8),
]


def check(generator: nn.Module, critic: nn.Module, spec: DataSpec) -> None:
    """Shapes, values within the range, features and head, gradients to every weight of both."""
    made = generator(torch.randn(4, *generator.latent_shape))
    assert made.shape == (4, *spec.shape)
    if spec.range is not None:
        assert spec.range[0] <= made.min() and made.max() <= spec.range[1]
    if spec.categorical:
        assert torch.allclose(made.sum(1 + spec.unit_axes), torch.ones(()))
    scores = critic(made)
    features = critic.features(made)
    assert scores.shape == (4, *spec.units)
    assert features.shape[:-1] == (4, *spec.units)
    assert torch.equal(critic.head(features).squeeze(-1), scores)
    scores.square().sum().backward()
    for net in (generator, critic):
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in net.parameters())


@pytest.mark.parametrize("shape", IMAGES, ids=str)
@pytest.mark.parametrize("normalisation", ["batch", "layer", "none"])
def test_dcgan_takes_images_of_any_size(shape: tuple[int, ...], normalisation: str) -> None:
    given = {"width": 4, "normalisation": normalisation}
    check(DcganGenerator(images(*shape), latent=7, **given), DcganCritic(images(*shape), **given), images(*shape))


@pytest.mark.parametrize("spec", SHAPES, ids=lambda spec: str(spec.shape))
@pytest.mark.parametrize("hidden", [[9, 5], []], ids=["hidden", "linear"])
def test_mlp_takes_samples_of_any_shape(spec: DataSpec, hidden: list[int]) -> None:
    check(MlpGenerator(spec, latent=3, hidden=hidden), MlpCritic(spec, hidden=hidden), spec)


@pytest.mark.parametrize(
    ("shape", "start", "stages"),
    [
        ((2, 48, 80), (3, 5), 4),
        ((1, 28, 28), (7, 7), 2),
        ((1, 8, 8), (2, 2), 2),
        ((3, 32, 32), (4, 4), 3),
        ((3, 64, 64), (4, 4), 4),
        ((3, 128, 128), (4, 4), 5),
    ],
    ids=str,
)
def test_dcgan_starts_where_the_size_says(shape: tuple[int, ...], start: tuple[int, int], stages: int) -> None:
    assert stage_sizes(images(*shape), None)[-1] == start
    generator, critic = DcganGenerator(images(*shape), width=4), DcganCritic(images(*shape), width=4)
    assert generator.start[1:] == start
    for net, kind in ((generator, nn.ConvTranspose2d), (critic, nn.Conv2d)):
        assert sum(isinstance(module, kind) for module in net.modules()) == stages


def test_dcgan_has_the_papers_layers() -> None:
    """Radford et al. 2016, figure 1: 100 to 4 x 4 x 1024, 512, 256, 128, 3 at 64 x 64; batch norm, ReLU, tanh."""
    generator = DcganGenerator(images(3, 64, 64), latent=100, width=128)
    wide = [generator.start[0]] + [m.out_channels for m in generator.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert wide == [1024, 512, 256, 128, 3]
    assert [m.num_features for m in generator.modules() if isinstance(m, nn.BatchNorm2d)] == wide[:-1]
    critic = DcganCritic(images(3, 64, 64), width=128, normalisation="batch")
    assert [m.out_channels for m in critic.modules() if isinstance(m, nn.Conv2d)] == wide[-2::-1]
    assert [m.num_features for m in critic.modules() if isinstance(m, nn.BatchNorm2d)] == wide[-3::-1]
    for net in (generator, critic):
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("range_", "last"),
    [((-1.0, 1.0), torch.tanh), ((0.0, 1.0), torch.sigmoid), (None, lambda raw: raw)],
    ids=["tanh", "sigmoid", "none"],
)
def test_generators_end_in_the_range_of_the_data(range_: tuple[float, float] | None, last: object) -> None:
    spec = images(1, 8, 8, range=range_)
    torch.manual_seed(0)
    generator = DcganGenerator(spec, width=4, normalisation="none")
    latent = torch.randn(3, 100)
    raw = generator.layers(generator.project(latent).reshape(-1, *generator.start))
    assert torch.allclose(generator(latent), last(raw))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("spec", "stages", "message"),
    [
        (images(1, 8, 8), 4, "can be halved 3 times, not 4: give basics/dcgan `stages: 3` or fewer"),
        (images(1, 1, 9), None, "use basics/mlp"),
        (DataSpec((2,), ("coordinate",)), None, "basics/mlp, which takes any shape"),
        (DataSpec((6, 2, 8, 8), ("protein", "channel", "y", "x"), unit_axes=1), None, "1 of the axes being units"),
    ],
)
def test_dcgan_refuses_what_it_cannot_make(spec: DataSpec, stages: int | None, message: str) -> None:
    for net in (DcganGenerator, DcganCritic):
        with pytest.raises(DoesNotFit, match=message):
            net(spec, stages=stages)


@pytest.mark.parametrize("bias", [True, False])
def test_unit_linear_is_one_linear_layer_per_unit(bias: bool) -> None:
    layer = UnitLinear((2, 3), 4, 5, bias=bias)
    values = torch.randn(7, 2, 3, 4)
    found = layer(values)
    for unit, (row, column) in enumerate((row, column) for row in range(2) for column in range(3)):
        expected = values[:, row, column] @ layer.weight[unit]
        if layer.bias is not None:
            expected = expected + layer.bias[unit]
        assert torch.allclose(found[:, row, column], expected, atol=1e-6)


@pytest.mark.parametrize("net", [DcganGenerator, DcganCritic, MlpGenerator, MlpCritic])
def test_nets_can_be_built_without_memory(net: type[nn.Module]) -> None:
    with torch.device("meta"):
        assert all(weight.is_meta for weight in net(images(2, 48, 80)).parameters())
