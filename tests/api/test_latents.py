"""Latents of seeds, truncated ones, traversals, the first layer's directions, and sums of latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.nets.dcgan import DcganGenerator
from gantk_basics.nets.mlp import MlpGenerator
from gantk_cells.nets.independent import IndependentSeparableGenerator
from gantk_cells.nets.starshaped import StarShapedGenerator
from gantk_dna.nets.killoran import KilloranGenerator
from gantk_motif.nets.placed import PlacedGenerator
from PIL import Image
from scipy.stats import kstest, truncnorm
from torch import Tensor, nn

import gantk
from gantk import sampling
from gantk.api import latent_arithmetic
from gantk.api.samples import read_samples
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit, RecipeError
from gantk.files.latents import Latents
from gantk.interfaces import GeneratorWrapper
from gantk.interfaces.priors import draw_latents, has_normal_prior, latents_of_seeds, truncated
from gantk.latents import directions
from gantk.latents.first_layer import first_layer
from gantk.recipe.number_lists import whole_numbers
from gantk.spec import DataSpec

POINTS = DataSpec((2,), ("coordinate",), range=None, classes=("a", "b", "c"))
IMAGES = DataSpec((1, 8, 8), ("channel", "y", "x"))
CELLS = DataSpec((3, 2, 16, 24), ("protein", "channel", "y", "x"), unit_axes=1)


class WithLabels(nn.Module):
    """A dense net whose classes are apart."""

    latent_shape = (3,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        return self.layer(latent) + 10 * labels[:, None]


class Uniform(MlpGenerator):
    """Latents from -1 … 1."""

    def draw_latent(self, n: int, rng: torch.Generator) -> Tensor:
        return 2 * torch.rand((n, *self.latent_shape), generator=rng) - 1


def test_what_is_truncated_is_the_truncated_normal_distribution() -> None:
    rng = torch.Generator().manual_seed(0)
    before = torch.randn((400, 20), generator=rng)
    after = truncated(before, 0.7, rng)
    inside = before.abs() <= 0.7
    assert torch.equal(after[inside], before[inside])  # only the others are drawn again
    assert after.abs().max() <= 0.7
    assert kstest(after.flatten().numpy(), truncnorm(-0.7, 0.7).cdf).pvalue > 0.01
    assert kstest(after[~inside].numpy(), truncnorm(-0.7, 0.7).cdf).pvalue > 0.01


def test_a_prior_that_is_not_normal_is_not_truncated() -> None:
    torch.manual_seed(0)
    normal, uniform = MlpGenerator(POINTS, latent=4), Uniform(POINTS, latent=4)
    wrapped = [GeneratorWrapper(each, lambda samples: samples) for each in (normal, uniform)]
    assert [has_normal_prior(each) for each in (normal, uniform, *wrapped)] == [True, False, True, False]
    with pytest.raises(DoesNotFit, match="another prior"):
        draw_latents(wrapped[1], 3, seed=0, truncation=0.5)
    with pytest.raises(DoesNotFit, match=r"from 0\.01"):
        draw_latents(normal, 3, seed=0, truncation=0.001)
    with pytest.raises(DoesNotFit, match="another prior"):
        directions.single_dimensions(uniform, [0])


@pytest.mark.parametrize("latent", [3, 40])  # torch draws sixteen and more in another way
def test_a_latent_depends_on_its_seed_alone(latent: int) -> None:
    torch.manual_seed(0)
    net = MlpGenerator(POINTS, latent=latent)
    for threshold in (None, 0.8):
        together = latents_of_seeds(net, [3, 17, 200, 3], truncation=threshold)
        alone = [latents_of_seeds(net, [seed], truncation=threshold) for seed in (3, 17, 200, 3)]
        assert torch.equal(together, torch.cat(alone))  # type: ignore[arg-type]
        assert torch.equal(alone[1], draw_latents(net, 1, seed=17, truncation=threshold))  # type: ignore[arg-type]
    many = sampling.draw_seeds(net, POINTS, range(300)).samples
    torch.testing.assert_close(many[[7, 250]], sampling.draw_seeds(net, POINTS, [7, 250]).samples)
    assert not torch.equal(many[0], many[1])


def test_the_class_of_a_seed_depends_on_it_alone() -> None:
    drawn = sampling.draw_seeds(WithLabels(), POINTS, [5, 3, 4])
    assert drawn.labels.tolist() == [2, 0, 1]  # type: ignore[union-attr]
    assert drawn.names == ["seed_5", "seed_3", "seed_4"]
    assert drawn.attributes["latent_seeds"] == [5, 3, 4]


def test_truncated_parts_are_what_one_draw_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "PART", 32)
    torch.manual_seed(0)
    net = MlpGenerator(POINTS, latent=5)
    whole = sampling.draw(net, POINTS, 80, seed=2, truncation=0.5)
    parts = list(sampling.draw_parts(net, POINTS, 80, seed=2, truncation=0.5))
    assert len(parts) == 3
    torch.testing.assert_close(torch.cat([part.samples for part in parts]), whole.samples)
    assert parts[0].attributes["truncation"] == whole.attributes["truncation"] == 0.5


def test_lists_of_numbers() -> None:
    assert whole_numbers("3, 17,200-202", "seed") == [3, 17, 200, 201, 202]
    for text, word in (("5-3", "3-5"), ("a", "no list"), ("", "no list"), ("1,,2", "no list"), ("0-9999999", "more")):
        with pytest.raises(RecipeError, match=word):
            whole_numbers(text, "seed")


class Twice(nn.Module):
    """The latent enters twice: by a layer, and as it is."""

    latent_shape = (2,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, latent: Tensor) -> Tensor:
        return self.layer(latent) + latent.square()


class Split(nn.Module):
    """Two layers, each with a part of the latent, one of them a convolution; then one more."""

    latent_shape = (5,)

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(2, 4)
        self.other = nn.ConvTranspose2d(3, 1, 2)
        self.last = nn.Linear(8, 2)

    def forward(self, latent: Tensor) -> Tensor:
        other = self.other(latent[:, 2:, None, None]).flatten(1)
        return self.last(torch.cat([self.one(latent[:, :2]), other], 1))


def test_the_first_layer_is_found_where_it_can_be_known() -> None:
    torch.manual_seed(0)
    plain = MlpGenerator(POINTS, latent=6)
    (matrix,) = (weights for _, weights in first_layer(plain).values())
    torch.testing.assert_close(matrix, plain.layers[0].weight.double(), atol=1e-6, rtol=1e-5)
    images = GeneratorWrapper(DcganGenerator(IMAGES, latent=6, width=4), lambda samples: samples)
    (matrix,) = (weights for _, weights in first_layer(images).values())
    torch.testing.assert_close(matrix, images.generator.project.weight.double(), atol=1e-6, rtol=1e-5)
    letters = DataSpec((4, 16), ("base", "position"), range=(0.0, 1.0), categorical=True, classes=("a", "b"))
    with_labels = KilloranGenerator(letters, latent=6, width=8)
    (matrix,) = (weights for _, weights in first_layer(with_labels, 1).values())
    torch.testing.assert_close(matrix, with_labels.dense.weight[:, :6].double(), atol=1e-6, rtol=1e-5)
    split = Split()
    (matrix,) = (weights for _, weights in first_layer(split).values())
    expected = torch.block_diag(split.one.weight, split.other.weight.flatten(1).T).double()
    torch.testing.assert_close(matrix.T @ matrix, expected.T @ expected, atol=1e-6, rtol=1e-5)
    assert split(torch.zeros(1, 5)).requires_grad  # nothing was left behind
    assert not split.one._forward_hooks


def test_where_the_first_layer_cannot_be_known_it_is_refused() -> None:
    torch.manual_seed(0)
    strings = DataSpec((1, 32), ("channel", "position"), range=(0.0, 1.0))
    for net in (Twice(), PlacedGenerator(strings, latent=4, pattern=5)):
        with pytest.raises(DoesNotFit, match="latent_weights"):
            first_layer(net)
    wrong: Any = MlpGenerator(POINTS, latent=4)
    wrong.latent_weights = lambda: {"all": (slice(0, 4), torch.zeros(3, 5))}
    with pytest.raises(DoesNotFit, match=r"\(F, 4\)"):
        first_layer(wrong)


@pytest.mark.parametrize("own", [False, True])
def test_the_directions_of_a_star_move_its_first_layer_as_far_as_they_say(own: bool) -> None:
    torch.manual_seed(0)
    net = StarShapedGenerator(CELLS, latent=8, width=4, fused=True, green_latent="own" if own else "shared")
    entered: list[Tensor] = []
    net.net.norms[0].register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0].flatten(1).double()))
    found = directions.leading_directions(net, 16 if own else 8)
    assert {name.partition("(")[2] for name in found.names} == (
        {"red)", "green 1)", "green 2)", "green 3)"} if own else {"red)", "green)"}
    )
    size = net.latent_shape[0]
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(size), atol=1e-5, rtol=0)
    with torch.no_grad():
        net.eval()(torch.cat([torch.zeros(1, size), found.vectors]))
    (features,) = entered
    torch.testing.assert_close((features[1:] - features[0]).norm(dim=1), found.gains, atol=1e-6, rtol=1e-4)
    held = directions.leading_directions(net, 4, net.latent_parts["green"])
    assert all("green" in name for name in held.names) and not held.vectors[:, :4].any()
    with pytest.raises(DoesNotFit, match="there are"):
        directions.leading_directions(net, 99)


def test_every_net_of_the_cells_says_which_weights_take_its_latent() -> None:
    torch.manual_seed(0)
    parts = first_layer(IndependentSeparableGenerator(CELLS, latent=8, width=4))
    assert {name: (part.start, part.stop, weights.shape[1]) for name, (part, weights) in parts.items()} == {
        "red": (0, 4, 4),
        "green": (4, 8, 4),
    }


def test_leading_directions_are_the_singular_vectors_of_the_weights() -> None:
    torch.manual_seed(1)
    net = MlpGenerator(POINTS, latent=6)
    found = directions.leading_directions(net, 6)
    _, values, vectors = np.linalg.svd(net.layers[0].weight.detach().double().numpy(), full_matrices=False)
    np.testing.assert_allclose(found.gains, values, rtol=1e-4)
    np.testing.assert_allclose(np.abs((found.vectors.numpy() * vectors).sum(1)), 1, atol=1e-4)
    largest = found.vectors.gather(1, found.vectors.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()


def test_a_traversal_changes_one_coordinate_and_nothing_else() -> None:
    torch.manual_seed(2)
    net, base = MlpGenerator(POINTS, latent=6), torch.randn(6)
    values = torch.tensor([-3.0, 0.0, 1.5])
    single = directions.single_dimensions(net, [4, 1])
    moved = directions.traverse(base, single, values).reshape(2, 3, 6)
    for row, number in enumerate((4, 1)):
        torch.testing.assert_close(moved[row, :, number], values)
        others = [k for k in range(6) if k != number]
        assert torch.equal(moved[row][:, others], base[others].expand(3, 5))
    leading = directions.leading_directions(net, 3)
    moved = directions.traverse(base, leading, values).reshape(3, 3, 6)
    for row in range(3):
        along = leading.vectors[row]
        torch.testing.assert_close(moved[row] @ along, values, atol=1e-5, rtol=1e-5)
        across = moved[row] - (moved[row] @ along)[:, None] * along
        torch.testing.assert_close(across, (base - (base @ along) * along).expand(3, 6), atol=1e-5, rtol=1e-5)
    for numbers, free, word in (([6], None, "from 0 to 5"), ([1], slice(2, 6), "held fixed")):
        with pytest.raises(DoesNotFit, match=word):
            directions.single_dimensions(net, numbers, free)


def test_sums_of_latents() -> None:
    torch.manual_seed(3)
    net = MlpGenerator(POINTS, latent=4)
    values = torch.randn(5, 4)
    facts = {"class": torch.tensor([0, 0, 1, 1, 2]), "length": torch.tensor([3.5, 1, 1, 2, 4])}
    latents = Latents(values, facts, {"names": {"class": ["a", "b", "c"]}})
    found, titles = latent_arithmetic.calculate("mean(class=a) - mean(class=1)+row=4 - seed=7", net, latents)
    seed = latents_of_seeds(net, [7])
    torch.testing.assert_close(found[-1], values[:2].mean(0) - values[2:4].mean(0) + values[4] - seed[0])  # type: ignore[index]
    assert titles == ["mean(class=a)", "- mean(class=1)", "+ row=4", "- seed=7", "= the sum"]
    found, _ = latent_arithmetic.calculate("-length=3.5 + mean(row=1-2,4) + mean(seed=7,8)", net, latents)
    torch.testing.assert_close(found[:2], torch.stack([values[0], values[[1, 2, 4]].mean(0)]))
    for text, word in (
        ("", "empty"),
        ("mean(class=a) mean(class=b)", "not understood"),
        ("class=a * 2", "not understood"),
        ("class=a", "2 latents"),
        ("clas=a", "did you mean 'class'"),
        ("mean(class=d)", "one of a, b, c"),
        ("mean(length=9)", "no latent"),
        ("row=5", "no row 5"),
        ("mean(row=2-1)", "backwards"),
    ):
        with pytest.raises(RecipeError, match=word):
            latent_arithmetic.calculate(text, net, latents)
    with pytest.raises(RecipeError, match="--through"):
        latent_arithmetic.calculate("class=a", net, None)


@pytest.fixture
def run(tiny: Path) -> gantk.Run:
    return gantk.run(tiny, {"train.steps": 2, "evaluate": []}, out=Path("run"), quiet=True)


def test_the_commands_draw_and_name_what_they_are_asked_for(run: gantk.Run, capsys: pytest.CaptureFixture[str]) -> None:
    def typed(text: str) -> None:
        assert run_command_line(text.split()) == 0, capsys.readouterr().err

    typed("sample run --seeds 3,17-19 --truncation 1 -o seeds.h5")
    kept = read_samples("seeds.h5")
    assert kept.names == ["seed_3", "seed_17", "seed_18", "seed_19"]
    torch.testing.assert_close(kept.samples[1:2], run.model.sample(1, seed=17, truncation=1).samples)
    typed("sample run --seeds 3,17-19 -o seeds.png")
    typed("interpolate run --dimensions 0,5 --sigmas 2 --frames 5 --seed 17 -o walk.h5")
    kept = read_samples("walk.h5")
    assert kept.names[:2] == ["dimension-0_-2.00sd", "dimension-0_-1.00sd"]
    base = latents_of_seeds(run.model.generator, [17])
    assert base is not None
    base[0, 5] = 1.0
    torch.testing.assert_close(kept.samples[8:9], run.model.render(base).samples)
    typed("interpolate run --directions 2 --frames 3 -o walk.gif --png-frames frames")
    assert sorted(each.name for each in Path("frames").iterdir())[0] == "direction-1_+0.00sd.png"
    with Image.open("walk.gif") as gif:
        assert gif.n_frames == 4  # there and back
    Latents(torch.randn(3, 8), {"class": torch.arange(3)}, {"model": run.model.checkpoint.digest}).write(Path("l.h5"))
    assert run_command_line(["interpolate", "run", "--through", "l.h5", "--arithmetic", "class=1 - class=2"]) == 0
    assert "has length" in capsys.readouterr().err
    assert Path("interpolation.png").exists()
    typed("interpolate run --through l.h5 --only class=1 --dimensions 0 -o one.png")
    typed("interpolate run --truncation 0.5 --stops 2 --frames 1 -o short.h5")
    assert len(read_samples("short.h5")) == 2
