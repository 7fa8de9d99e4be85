"""The cell nets against plain tower-by-tower versions of the paper's construction (Osokin et al. 2017), in float64."""

from itertools import pairwise

import pytest
import torch
from gantk_cells.nets import red_and_green
from gantk_cells.nets.separable import SeparableCritic, SeparableGenerator
from gantk_cells.nets.starshaped import PerClassCritic, StarShapedGenerator
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.spec import DataSpec

PAIRS = DataSpec((2, 48, 80), ("channel", "y", "x"))
PER_CLASS = DataSpec((3, 2, 48, 80), ("protein", "channel", "y", "x"), unit_axes=1)
SQUARE = DataSpec((2, 3, 16, 16), ("protein", "channel", "y", "x"), unit_axes=1, range=(0.0, 1.0))
SMALL = DataSpec((2, 16, 24), ("channel", "y", "x"))


def count(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


def double(net: nn.Module) -> nn.Module:
    """The net in float64, with every weight away from its start so that no term hides behind a 0 or 1."""
    generator = torch.Generator().manual_seed(7)
    for weight in net.double().parameters():
        weight.data += 0.2 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
    return net


class PlainStarShaped(nn.Module):
    """The paper's net as one would write it down: a red tower, and green towers that see both, one after another."""

    def __init__(self, towers: int, start: tuple[int, int], latent: int, width: int, portion: float, halvings: int):
        super().__init__()

        def parts(channels: int) -> tuple[int, int]:
            return int(channels * portion), channels - int(channels * portion)

        sizes = [parts(latent), *(parts(width * 2**k) for k in reversed(range(halvings))), (1, 1)]
        self.latent_red = sizes[0][0]
        self.red, self.green = nn.ModuleList(), nn.ModuleList(nn.ModuleList() for _ in range(towers))
        for number, ((red, green), (red_out, green_out)) in enumerate(pairwise(sizes)):
            shape = (start, 1, 0) if number == 0 else (4, 2, 1)
            for tower, inputs, outputs in (
                (self.red, red, red_out),
                *((tower, red + green, green_out) for tower in self.green),
            ):
                layers: list[nn.Module] = [nn.ConvTranspose2d(inputs, outputs, *shape, bias=False)]
                layers += [nn.Tanh()] if number == halvings else [nn.BatchNorm2d(outputs), nn.ReLU()]
                tower.append(nn.Sequential(*layers))

    def forward(self, latent: Tensor) -> Tensor:
        red = latent[:, : self.latent_red, None, None]
        greens = [latent[:, self.latent_red :, None, None]] * len(self.green)
        for number, layer in enumerate(self.red):
            both = [torch.cat([red, green], 1) for green in greens]
            greens = [tower[number](features) for tower, features in zip(self.green, both, strict=True)]
            red = layer(red)
        return torch.stack([torch.cat([red, green], 1) for green in greens], 1)


def copy_weights(plain: PlainStarShaped, net: StarShapedGenerator | SeparableGenerator) -> None:
    """Fill the plain net with the weights of ours."""
    body, towers = net.net, len(plain.green)
    latent_red = body.latent[0]
    for number, layer in enumerate(plain.red):
        outputs = [layer[0].out_channels, *[plain.green[0][number][0].out_channels] * towers]
        if number == 0:
            shape = (*layer[0].kernel_size, -1)
            first = body.first_red.unflatten(0, (-1, *shape[:2])).permute(3, 0, 1, 2)  # (r, r' + K g', h, w)
            from_red = first.split(outputs, 1)
            green = body.first_green.unflatten(0, (towers, outputs[1], *shape[:2])).permute(0, 4, 1, 2, 3)
        else:
            up = body.last if number == len(plain.red) - 1 else body.layers[number - 1]
            from_red, green = up.from_red.split(outputs, 1), up.from_green
        layer[0].weight.data = from_red[0].detach()
        for tower, red_part, green_part in zip(plain.green, from_red[1:], green, strict=True):
            tower[number][0].weight.data = torch.cat([red_part, green_part]).detach()
        if number < len(plain.red) - 1:
            norm = body.norms[number]
            scales, shifts = norm.weight.split(outputs), norm.bias.split(outputs)
            for block, scale, shift in zip([layer, *(t[number] for t in plain.green)], scales, shifts, strict=True):
                block[1].weight.data, block[1].bias.data = scale.detach(), shift.detach()
    assert latent_red == plain.latent_red


@pytest.mark.parametrize("fused", [True, False])
def test_star_shaped_is_the_plain_net(fused: bool) -> None:
    net = double(StarShapedGenerator(PER_CLASS, latent=9, width=4, red_portion=0.4, fused=fused))
    plain = PlainStarShaped(3, (3, 5), 9, 4, 0.4, 4).double()
    assert count(net) == count(plain)
    copy_weights(plain, net)
    latent = torch.randn(5, 9, dtype=torch.float64)
    samples = net(latent)
    assert samples.shape == (5, 3, 2, 48, 80)
    torch.testing.assert_close(samples, plain(latent))


def test_separable_is_the_plain_net_with_one_green_tower() -> None:
    net = double(SeparableGenerator(SMALL, latent=10, width=4))
    plain = PlainStarShaped(1, (4, 6), 10, 4, 0.5, 2).double()
    copy_weights(plain, net)
    latent = torch.randn(5, 10, dtype=torch.float64)
    torch.testing.assert_close(net(latent), plain(latent)[:, 0])


@pytest.mark.parametrize(
    "options",
    [
        {"upsampling": "transposed"},
        {"upsampling": "nearest", "layers": 1},
        {"normalisation": "none", "bias": True},
        {"normalisation": "instance", "layers": 2},
    ],
)
def test_fused_generator_is_tower_by_tower(options: dict) -> None:
    fused = double(StarShapedGenerator(SQUARE, latent=8, width=4, fused=True, **options))
    looped = StarShapedGenerator(SQUARE, latent=8, width=4, fused=False, **options).double()
    looped.load_state_dict(fused.state_dict())
    latent = torch.randn(3, 8, dtype=torch.float64)
    torch.testing.assert_close(fused(latent), looped(latent))
    torch.testing.assert_close(dict(looped.named_buffers()), dict(fused.named_buffers()))
    gradients = [torch.autograd.grad(net(latent).square().sum(), list(net.parameters())) for net in (fused, looped)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("normalisation", ["none", "batch", "layer", "instance"])
def test_critic_is_towers_of_the_paper(normalisation: str) -> None:
    options = {"width": 3, "layers": 1, "bias": True, "normalisation": normalisation}
    fused = double(PerClassCritic(PER_CLASS, fused=True, **options))
    looped = PerClassCritic(PER_CLASS, fused=False, **options).double()
    looped.load_state_dict(fused.state_dict())
    samples = torch.randn(4, 3, 2, 48, 80, dtype=torch.float64)
    scores = fused(samples)
    assert scores.shape == (4, 3)
    torch.testing.assert_close(scores, looped(samples))
    torch.testing.assert_close(dict(looped.named_buffers()), dict(fused.named_buffers()))
    torch.testing.assert_close(looped.eval()(samples), fused.eval()(samples))
    for k in range(3):  # tower k, written down plainly
        x = samples[:, k]
        for number, layer in enumerate(fused.net.layers):
            x = nn.functional.conv2d(x, layer.weight[k], layer.bias[k], layer.stride, 1)
            if number and normalisation != "none":
                norm, part = fused.net.norms[number - 1], slice(k * x.shape[1], (k + 1) * x.shape[1])
                axes = {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3)}[normalisation]
                x = (x - x.mean(axes, keepdim=True)) / (x.var(axes, correction=0, keepdim=True) + 1e-5).sqrt()
                x = x * norm.weight[part, None, None] + norm.bias[part, None, None]
            x = nn.functional.leaky_relu(x, 0.2)
        expected = (x.flatten(1) * fused.net.last[k]).sum(1) + fused.net.last_bias[k]
        torch.testing.assert_close(scores[:, k], expected)


def test_parameter_counts_of_the_paper() -> None:
    """Width 64, latent 100, two channels, 48 x 80: every channel number below is half red and half green."""
    spec = DataSpec((6, 2, 48, 80), ("protein", "channel", "y", "x"), unit_axes=1)
    red = 50 * 256 * 15 + 16 * (256 * 128 + 128 * 64 + 64 * 32 + 32 * 1) + 2 * (256 + 128 + 64 + 32)
    green = 100 * 256 * 15 + 16 * (512 * 128 + 256 * 64 + 128 * 32 + 64 * 1) + 2 * (256 + 128 + 64 + 32)
    assert count(StarShapedGenerator(spec)) == red + 6 * green
    assert count(SeparableGenerator(PAIRS)) == red + green
    convolutions = 16 * (2 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 512 * 15
    norms = 2 * (128 + 256 + 512)
    assert count(PerClassCritic(spec)) == 6 * convolutions
    assert count(PerClassCritic(spec, normalisation="batch")) == 6 * (convolutions + norms)
    assert count(SeparableCritic(PAIRS)) == convolutions
    assert count(SeparableCritic(PAIRS, layers=2)) == convolutions + 2 * 9 * 64 * 64


@pytest.mark.parametrize("normalisation", ["batch", "instance", "none"])
def test_red_does_not_see_green(normalisation: str) -> None:
    latent, other = torch.randn(4, 12), torch.randn(4, 12)
    other[:, :3] = latent[:, :3]  # red_portion .25: 3 of 12 are red
    options = {"latent": 12, "width": 8, "red_portion": 0.25, "layers": 1, "normalisation": normalisation}
    star = StarShapedGenerator(SQUARE, **options)
    here, there = star(latent), star(other)
    assert torch.equal(here[:, :, 0], there[:, :, 0])
    assert not torch.allclose(here[:, :, 1:], there[:, :, 1:])
    assert torch.equal(here[:, 0, 0], here[:, 1, 0])  # all proteins share their red
    pair = SeparableGenerator(SMALL, **options)
    here, there = pair(latent), pair(other)
    assert torch.equal(here[:, 0], there[:, 0])
    assert not torch.allclose(here[:, 1], there[:, 1])


def test_green_sees_red() -> None:
    net = SeparableGenerator(SMALL, latent=6, width=4, initialisation="default")
    latent = torch.randn(3, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(latent)[:, 1].square().sum(), latent)
    assert (gradient[:, :3].abs().sum() > 0) and (gradient[:, 3:].abs().sum() > 0)


def test_range_of_the_spec() -> None:
    samples = double(StarShapedGenerator(SQUARE, latent=6, width=4))(torch.randn(64, 6, dtype=torch.float64))
    assert samples.shape == (64, 2, 3, 16, 16)
    assert samples.min() >= 0 and samples.max() <= 1 and samples.min() < 0.2 and samples.max() > 0.8


NETS = [
    (SeparableGenerator, SeparableCritic, SMALL),
    (StarShapedGenerator, PerClassCritic, SQUARE),
]


@pytest.mark.parametrize(("generator_class", "critic_class", "spec"), NETS)
@pytest.mark.parametrize("initialisation", ["dcgan", "default"])
def test_gradients_reach_every_parameter(generator_class, critic_class, spec, initialisation) -> None:
    generator = generator_class(spec, latent=6, width=4, layers=1, bias=True, initialisation=initialisation)
    critic = critic_class(spec, width=4, layers=1, bias=True, initialisation=initialisation)
    critic(generator(torch.randn(4, 6))).square().sum().backward()
    for name, weight in [*generator.named_parameters(), *critic.named_parameters()]:
        assert weight.grad is not None and weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize("normalisation", ["none", "layer", "instance"])
@pytest.mark.parametrize("fused", [True, False])
def test_double_backward(fused: bool, normalisation: str) -> None:
    critic = PerClassCritic(SQUARE, width=4, fused=fused, normalisation=normalisation, initialisation="default")
    samples = torch.randn(3, *SQUARE.shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(samples).sum(), samples, create_graph=True)
    gradient.square().sum().backward()
    assert all(layer.weight.grad.abs().sum() > 0 for layer in critic.net.layers)


@pytest.mark.parametrize(("generator_class", "critic_class", "spec"), NETS)
def test_features_and_head(generator_class, critic_class, spec) -> None:
    critic = critic_class(spec, width=4)
    samples = torch.randn(3, *spec.shape)
    assert critic.features(samples).shape[:-1] == (3, *spec.units)
    assert torch.equal(critic.head(critic.features(samples)), critic(samples))


def test_initialisation() -> None:
    dcgan = StarShapedGenerator(PER_CLASS, width=16).net.layers[0]
    assert dcgan.from_red.std().item() == pytest.approx(0.02, rel=0.02)
    assert dcgan.from_green.std().item() == pytest.approx(0.02, rel=0.02)
    default = StarShapedGenerator(PER_CLASS, width=16, initialisation="default").net.layers[0]
    bound = (128 * 4) ** -0.5  # a green tower sees 64 red and 64 green channels, through 2 x 2 of its 4 x 4
    assert default.from_green.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert default.from_red[:, 32:].abs().max().item() == pytest.approx(bound, rel=0.01)
    assert default.from_red[:, :32].abs().max().item() == pytest.approx((64 * 4) ** -0.5, rel=0.01)


def test_what_does_not_fit() -> None:
    odd = DataSpec((2, 50, 80), ("channel", "y", "x"))
    with pytest.raises(DoesNotFit, match=r"50 x 80 cannot be halved.*25 x 40"):
        SeparableGenerator(odd)
    with pytest.raises(DoesNotFit, match="too small"):
        SeparableCritic(DataSpec((2, 4, 4), ("channel", "y", "x")))
    with pytest.raises(DoesNotFit, match="per_class"):
        StarShapedGenerator(PAIRS)
    with pytest.raises(DoesNotFit, match="pairs"):
        SeparableCritic(PER_CLASS)
    with pytest.raises(DoesNotFit, match="at least two channels"):
        SeparableGenerator(DataSpec((1, 16, 16), ("channel", "y", "x")))
    with pytest.raises(DoesNotFit, match="red_portion"):
        SeparableGenerator(PAIRS, width=2, red_portion=0.1)


def test_meta_device() -> None:
    with torch.device("meta"):
        net = StarShapedGenerator(PER_CLASS, width=8)
        assert PerClassCritic(PER_CLASS, width=8)(net(torch.zeros(2, 100))).shape == (2, 3)


@pytest.mark.parametrize("kind", ["transposed", "nearest", "same"])
def test_three_ways_to_compute_a_layer_are_one(kind: str) -> None:
    torch.manual_seed(0)
    layer = red_and_green.GreenOnRed((4, 3), (2, 3), 6, kind, "default").double()
    features = torch.randn(2, 4 + 6 * 3, 4, 5, dtype=torch.float64, requires_grad=True)
    found = []
    for way in ("grouped", "with zeros between", "one after another"):
        layer.few = way == "with zeros between"
        if way == "one after another":
            red, *greens = features.split([4, *[3] * 6], 1)
            given = [red, *(torch.cat([red, green], 1) for green in greens)]
            drawn = torch.cat([part(each) for part, each in zip(layer.parts(), given, strict=True)], 1)
        else:
            drawn = layer(features)
        found.append([drawn, *torch.autograd.grad(drawn.square().sum(), [features, *layer.parameters()])])
    for other in found[1:]:
        torch.testing.assert_close(other, found[0])
    layer.few = True
    green = features.detach().clone()
    green[:, 4:] += 1
    assert torch.equal(layer(green)[:, :2], layer(features)[:, :2])  # green never reaches red


def test_a_last_layer_of_many_outputs_behind_one_of_few() -> None:
    spec = DataSpec((21, 16, 24), ("channel", "y", "x"), range=(-1.0, 1.0))
    net = double(SeparableGenerator(spec, latent=6, width=12))
    assert [layer.few for layer in (*net.net.layers, net.net.last)] == [True, False]
    latent = torch.randn(3, 6, dtype=torch.float64)
    drawn = net(latent)
    net.net.fused = True
    torch.testing.assert_close(net(latent), drawn)


@pytest.mark.parametrize("fused", [True, False])
def test_of_own_green_latents_each_moves_its_own_protein_alone(fused: bool) -> None:
    torch.manual_seed(0)
    shared = StarShapedGenerator(PER_CLASS, latent=10, width=4, fused=fused, initialisation="default").eval()
    torch.manual_seed(0)
    own = StarShapedGenerator(
        PER_CLASS, latent=10, width=4, fused=fused, initialisation="default", green_latent="own"
    ).eval()
    assert own.latent_shape == (5 + 3 * 5,)
    latent = torch.randn(2, 10)
    same = torch.cat([latent[:, :5], *[latent[:, 5:]] * 3], 1)  # one green part, three times
    assert torch.allclose(own(same), shared(latent), atol=1e-6)
    moved = same.clone()
    moved[:, 10:15] += 1  # of the second protein
    apart = (own(moved) - own(same)).abs().amax((3, 4))  # (B, K, channels)
    assert (apart[:, 1, 1] > 1e-4).all()
    apart[:, 1, 1] = 0
    assert (apart == 0).all()
