"""Reconstruction: L-BFGS against scipy and row by row, a planted latent found again, what the command tells."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.reconstruction.lbfgs import minimise
from gantk_basics.reconstruction.search import Reconstructions, Search, reconstruct, surprise, typical_surprise
from gantk_basics.reconstruction.targets import Targets, nearest_training, targets
from gantk_cells.data.simulated import Simulated
from gantk_cells.nets.separable import SeparableGenerator
from gantk_cells.nets.starshaped import StarShapedGenerator
from PIL import Image
from scipy.optimize import minimize, rosen, rosen_der
from scipy.stats import multivariate_normal
from torch import Tensor, nn

import gantk
from gantk.cli import run_command_line
from gantk.errors import DoesNotFit
from gantk.files.latents import Latents
from gantk.interfaces.nets import GeneratorWrapper

SMALL = {"cells": 20, "test_cells": 6, "proteins": ["Arp3", "Tea1"], "height": 16, "width": 24}
RECIPE = """\
about: stars of two proteins, a few steps
data: {use: cells/simulated, layout: LAYOUT, cells: 20, test_cells: 6, proteins: [Arp3, Tea1], height: 16, width: 24}
generator: GENERATOR
critic: CRITIC
loss: {use: basics/gan}
train: {steps: 2, batch: 4}
"""


def bowls(points: Tensor) -> Tensor:
    """Rosenbrock's valley, but in every row with another depth, (B, 2) to (B,)."""
    x, y = points.T
    depth = torch.arange(1.0, len(points) + 1, dtype=points.dtype)
    return depth * ((1 - x) ** 2 + 100 * (y - x**2) ** 2)


def test_many_valleys_at_once_as_scipy_one_by_one() -> None:
    start = torch.tensor([[-1.2, 1.0], [2.0, -1.0], [0.0, 3.0]], dtype=torch.float64)
    points, values = minimise(bowls, start, iterations=range(150), step=1.0)
    for row in range(3):
        theirs = minimize(rosen, start[row].numpy(), jac=rosen_der, method="L-BFGS-B").x
        np.testing.assert_allclose(points[row], theirs, atol=1e-3)
    torch.testing.assert_close(values, bowls(points))


def test_a_row_does_not_see_the_others() -> None:
    start = torch.randn(4, 3, dtype=torch.float64)
    goal = torch.randn(4, 3, dtype=torch.float64)
    weights = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)

    def valley(points: Tensor, goal: Tensor) -> Tensor:
        return (weights * (points - goal).cosh()).sum(1)

    together, _ = minimise(lambda points: valley(points, goal), start, iterations=range(7), step=0.3)
    for row in range(4):
        alone, _ = minimise(
            lambda points, row=row: valley(points, goal[row]), start[row : row + 1], iterations=range(7), step=0.3
        )
        torch.testing.assert_close(together[row], alone[0])


def test_it_never_ends_higher_than_it_began() -> None:
    def steep(points: Tensor) -> Tensor:
        return (points * 50).sin().sum(1) + points.square().sum(1)

    start = torch.randn(30, 5)
    _, values = minimise(steep, start, iterations=range(5), step=1.0)
    assert (values <= steep(start)).all()
    points, values = minimise(lambda points: points.log().sum(1), torch.ones(2, 2), iterations=range(3), step=1.0)
    assert values.isfinite().all()
    assert points.isfinite().all()


def test_surprise_is_scipys_and_typical_of_draws() -> None:
    latents = torch.randn(2000, 100, generator=torch.Generator().manual_seed(0))
    by_scipy = -multivariate_normal(np.zeros(100)).logpdf(latents[:5].numpy())
    np.testing.assert_allclose(surprise(latents)[:5], by_scipy, rtol=1e-5)
    mean, spread = typical_surprise(100)
    assert (round(mean), round(spread)) == (142, 7)  # as in the paper
    assert surprise(latents).mean().item() == pytest.approx(mean, abs=0.6)
    assert surprise(latents).std().item() == pytest.approx(spread, abs=0.5)


def planted(net: nn.Module, units: int) -> tuple[Targets, Tensor]:
    """Images that the net itself made."""
    latents = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    protein = torch.arange(4) % units
    with torch.no_grad():
        images = net.eval()(latents)[torch.arange(4), protein] if units > 1 else net.eval()(latents)
    net.train()
    return Targets(images, protein, tuple("ab"[:units]), units > 1, {}), latents


@pytest.mark.parametrize("red_first", [True, False])
def test_what_the_net_made_itself_is_found_again(red_first: bool) -> None:
    spec = Simulated("test", layout="per_class", **SMALL).spec
    torch.manual_seed(0)
    net = StarShapedGenerator(spec, latent=8, width=4, initialisation="default")
    wanted, _ = planted(net, 2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    near = reconstruct(net, spec, wanted, Search(red_first, 40, 0.5, 4, together=6), seed=0)
    far = reconstruct(net, spec, wanted, Search(red_first, 1, 0.05, 1), seed=0)
    assert (near.error < 0.3 * far.error).all()
    assert near.latents.shape == (4, 8)
    assert near.images.shape == (4, 2, 16, 24)
    assert net.training
    assert all(weight.requires_grad for weight in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_prior_gives_likelier_latents_and_images_less_close() -> None:
    spec = Simulated("test", layout="per_class", **SMALL).spec
    torch.manual_seed(0)
    net = StarShapedGenerator(spec, latent=8, width=4, initialisation="default")
    wanted, _ = planted(net, 2)
    found = [reconstruct(net, spec, wanted, Search(True, 40, 0.5, 4, prior=prior)) for prior in (0.0, 0.003, 1.0)]
    unlikely = [each.surprise().mean() for each in found]
    errors = [each.error.mean() for each in found]
    assert unlikely[0] > unlikely[1] > unlikely[2]
    assert errors[0] < errors[1] < errors[2]


def test_red_first_needs_parts_and_a_latent_of_one_axis() -> None:
    spec = Simulated("test", **SMALL).spec
    torch.manual_seed(0)
    net = SeparableGenerator(spec, latent=8, width=4, initialisation="default")
    wanted, _ = planted(net, 1)
    assert (reconstruct(net, spec, wanted, Search(True, 20, 0.5, 2)).error < 0.2).all()
    net.latent_parts = {}
    with pytest.raises(DoesNotFit, match="--together"):
        reconstruct(net, spec, wanted, Search(True, 1, 0.5, 1))
    net.latent_shape = None
    with pytest.raises(DoesNotFit, match="latent of one axis"):
        reconstruct(net, spec, wanted, Search(False, 1, 0.5, 1))


def test_stacks_are_reconstructed_as_pairs() -> None:
    data = Simulated("test", layout="composite", **SMALL)
    net = GeneratorWrapper(SeparableGenerator(data.spec, latent=14, width=14), data.as_judged)
    assert set(net.latent_parts) == {"red", "green"}
    found = reconstruct(net, data.judged.spec, targets(data.judged, 2), Search(True, 2, 0.5, 1))
    assert isinstance(found, Reconstructions)
    assert found.images.shape == (4, 2, 16, 24)


@pytest.mark.parametrize("layout", ["pairs", "per_class"])
def test_targets_and_their_nearest_training_images(layout: str) -> None:
    train, test = (Simulated(split, layout=layout, **SMALL) for split in ("train", "test"))
    wanted = targets(test, 3)
    assert wanted.group.bincount().tolist() == [3, 3]
    assert wanted.truth["phase"].shape == (6,)
    near = nearest_training(wanted, train)
    pairs = Simulated("train", layout="pairs", **SMALL)
    everything = pairs.batch(torch.arange(len(pairs)), None)
    for image, protein, found in zip(wanted.images, wanted.group, near, strict=True):
        own = everything.samples[everything.labels == protein]
        others = torch.cat([own.flip(axes) for axes in ([], [2], [3], [2, 3])])  # as training shows them
        apart = (others - image).square().flatten(1).sum(1)
        assert torch.equal(found, others[apart.argmin()])


@pytest.mark.parametrize(
    ("layout", "generator", "critic"),
    [
        ("per_class", "{use: cells/starshaped, latent: 6, width: 4}", "{use: cells/per_class, width: 4}"),
        ("pairs", "{use: basics/dcgan, latent: 6, width: 4}", "{use: basics/dcgan, width: 4}"),
        ("composite", "{use: cells/multichannel, latent: 6, width: 4}", "{use: cells/separable, width: 4}"),
    ],
)
def test_the_command_tells_draws_and_keeps(
    layout: str,
    generator: str,
    critic: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = RECIPE.replace("LAYOUT", layout).replace("GENERATOR", generator).replace("CRITIC", critic)
    Path("stars.yaml").write_text(recipe)
    gantk.run("stars.yaml", out="run")
    capsys.readouterr()
    words = ["reconstruct", "run", "-n", "2", "--starts", "2", "--iterations", "3", "--latents", "latents.h5"]
    assert run_command_line([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document["proteins"]) == ["Arp3", "Tea1", "all"]
    assert document["proteins"]["all"]["images"] == 4
    assert document["proteins"]["Arp3"]["nearest_l2"][0] > 0
    with Image.open("reconstructions.png") as picture:
        assert picture.height > 300
    kept = Latents.read(Path("latents.h5"))
    assert kept.values.shape == (4, 6)
    assert {"length", "red_state", "phase", "protein", "l2"} <= set(kept.facts)
    assert run_command_line(words) == 2  # never overwrites
    assert run_command_line([*words, "--force"]) == 0
    assert "typical draws" in capsys.readouterr().out
