"""The nets of cscGAN: sums, types, counts and their gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gantk_expression.data.simulated import Simulated
from gantk_expression.nets.counts import CountLayer, LibrarySizeLayer, poisson_quantile
from gantk_expression.nets.cscgan import CscganCritic, CscganGenerator
from scipy.stats import poisson
from torch import Tensor, nn

from gantk.errors import DoesNotFit
from gantk.interfaces import step_listeners
from gantk.spec import DataSpec

SMALL = {"genes": 60, "samples": 200, "held_out": 50, "types": 3, "rarest": 0.2}


def spec(*steps: str) -> DataSpec:
    return Simulated("test", **SMALL, transform=list(steps)).spec


def made(of: DataSpec, n: int = 64, **options: object) -> Tensor:
    torch.manual_seed(0)
    generator = CscganGenerator(of, hidden=[32], latent=8, **options)
    return generator(torch.randn(n, *generator.latent_shape), torch.arange(n) % 3).detach()


def test_cells_sum_to_the_library_size_and_have_zeros() -> None:
    cells = made(spec("library_size"))
    torch.testing.assert_close(cells.sum(1), torch.full((64,), 20000.0))
    assert 0.1 < (cells == 0).double().mean() < 0.9 and cells.min() == 0
    logs = made(spec("library_size", "log1p"))
    torch.testing.assert_close(logs.expm1().sum(1), torch.full((64,), 20000.0))
    assert made(spec(), library_size=False).sum(1).std() > 0


def test_a_type_has_a_scale_and_shift_of_its_own_and_layers_no_bias() -> None:
    generator = CscganGenerator(spec("library_size"), hidden=[16, 12], latent=8)
    names = dict(generator.named_parameters())
    assert names["layers.1.scale.weight"].shape == (3, 16) and "layers.0.bias" not in names and "last.bias" in names
    plain = CscganGenerator(spec("library_size"), hidden=[16], latent=8, labels="none")
    assert not plain.takes_labels and plain(torch.randn(5, 8)).shape == (5, 60)


def test_the_critic_adds_a_projection_to_a_score_without_normalisation() -> None:
    of = spec("library_size")
    critic = CscganCritic(of, hidden=[16, 12])
    cells, labels = made(of, 6), torch.tensor([0, 1, 2, 0, 1, 2])
    features = cells
    for layer in critic.layers:
        assert isinstance(layer, nn.Linear | nn.ReLU)
        features = layer(features)
    direction = critic.projection.direction.weight[labels]
    expected = critic.head(features).squeeze(1) + (direction * features).sum(1)
    torch.testing.assert_close(critic(cells, labels), expected)
    logs = CscganCritic(of, hidden=[16, 12], input="log1p")
    logs.load_state_dict(critic.state_dict())
    torch.testing.assert_close(logs(cells, labels), critic(cells.log1p(), labels))


def test_batch_statistics_may_remember_a_share_of_all_steps() -> None:
    of = spec("library_size", "log1p")
    usual, slow = (CscganGenerator(of, hidden=[16], latent=8, memory=memory) for memory in (0.0, 0.5))
    for generator in (usual, slow):
        norm = generator.layers[1].normalised
        found = []
        for step in (0, 19, 99, 5999):
            for listener in step_listeners(generator):
                listener.at_step(step)
            found.append(norm.momentum)
        assert found == pytest.approx([0.1] * 4 if generator is usual else [0.1, 0.1, 0.02, 1 / 3000])
    norm.running_mean.fill_(2.0)
    norm.train()(torch.zeros(6, 16))
    torch.testing.assert_close(norm.running_mean, torch.full((16,), 2.0 - 2 / 3000))


@pytest.mark.parametrize("mean", [0.05, 0.9, 3.7])
def test_small_counts_are_poisson_quantiles(mean: float) -> None:
    normal = torch.linspace(-4, 4, 4001, dtype=torch.float64)
    found = poisson_quantile(torch.full_like(normal, mean), normal)
    expected = torch.from_numpy(poisson.ppf(torch.special.ndtr(normal).numpy(), mean)).clamp(min=0)
    assert (found != expected).double().mean() < 0.002


def test_large_counts_have_mean_and_variance_of_poisson() -> None:
    normal = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    for mean in (5.0, 40.0):
        found = poisson_quantile(torch.full_like(normal, mean), normal)
        assert found.mean() == pytest.approx(mean, rel=0.01) and found.var() == pytest.approx(mean, rel=0.06)
        assert torch.equal(found, found.round()) and found.min() >= 0


@pytest.mark.parametrize("mean", [0.3, 1.5])
def test_the_gradient_of_a_count_is_that_of_its_mean(mean: float) -> None:
    """d E f(X) / dλ of f = log(1 + 5 x), by the sum over the Poisson distribution."""
    normal = torch.randn(400_000, 1, generator=torch.Generator().manual_seed(1)).expand(-1, 2)
    layer = CountLayer("log1p", None)
    expected = torch.tensor([mean], requires_grad=True)
    # one gene in units of counts: without a sum that rows have, a count is a count
    layer(expected.expand(len(normal), 2), normal, None).mean().backward()
    k = torch.arange(60.0, dtype=torch.float64)

    def mean_of(rate: float) -> float:
        return float((torch.from_numpy(poisson.pmf(k.numpy(), rate)) * k.log1p()).sum())

    slope = (mean_of(mean + 1e-4) - mean_of(mean - 1e-4)) / 2e-4
    assert expected.grad is not None and float(expected.grad) == pytest.approx(slope, rel=0.02)


@pytest.mark.parametrize("mean", [0.3, 1.5])
def test_the_gradients_with_zero_inflation_are_those_of_the_mean(mean: float) -> None:
    """Of E f(Y), f = log(1 + y), by the sum over the Poisson distribution: by the expected count, and by a and b."""
    normal, chance = torch.randn(2, 400_000, 1, generator=torch.Generator().manual_seed(1)).expand(-1, -1, 2)
    layer = CountLayer("log1p", None, lost=0.3)
    assert layer.lost is not None
    expected = torch.tensor([mean], requires_grad=True)
    found = layer(expected.expand(len(normal), 2), normal, None, chance)
    found.mean().backward()
    k = torch.arange(60.0, dtype=torch.float64)

    def mean_of(rate: float, a: float, b: float) -> float:
        kept = 1 / (1 + np.exp(a - b * np.log(rate)))
        return float(kept * (torch.from_numpy(poisson.pmf(k.numpy(), rate)) * k.log1p()).sum())

    at, step = np.array([mean, np.log(0.3 / 0.7), 1.0]), 1e-4
    assert found.mean().item() == pytest.approx(mean_of(*at), rel=0.02)
    slopes = [(mean_of(*(at + step * one)) - mean_of(*(at - step * one))) / (2 * step) for one in np.eye(3)]
    assert expected.grad is not None and layer.lost.curve.grad is not None
    assert layer.lost.curve.grad.tolist() == pytest.approx([10 * slopes[1], 10 * slopes[2]], rel=0.02, abs=2e-3)
    assert float(expected.grad) == pytest.approx(slopes[0], rel=0.03)  # what is lost hangs on the expected count, too


def test_counted_cells_are_whole_molecules_and_as_deep_as_the_data() -> None:
    of = spec("library_size", "log1p")
    cells = made(of, 400, noise=0.5, counts=True, depth=60.0).expm1()
    torch.testing.assert_close(cells.sum(1), torch.full((400,), 20000.0), rtol=1e-3, atol=1)
    unit = torch.where(cells > 1e-3, cells, torch.inf).amin(1, keepdim=True)  # one molecule, where a gene has just one
    whole = ((cells / unit) - (cells / unit).round()).abs().amax(1) < 0.02 * (cells / unit).amax(1)
    assert whole.double().mean() > 0.95
    assert 50 < (20000 / unit).median() < 72  # so many molecules are expected; Poisson, and the data's own spread
    depth = of.attributes["depth"]
    assert CscganGenerator(of, counts=True).depths.tolist() == pytest.approx([depth["median"], depth["spread"]])
    counts = made(spec(), library_size=False, counts=True)
    assert torch.equal(counts, counts.round())


def test_zero_inflated_cells_are_as_deep_and_lose_rare_genes_more_often() -> None:
    of = spec("library_size", "log1p")
    plain, lossy = (made(of, 2000, counts=True, depth=200.0, zero_inflation=share).expm1() for share in (0.0, 0.5))
    units = [20000 / torch.where(each > 1e-3, each, torch.inf).amin(1) for each in (plain, lossy)]
    assert float(units[1].median()) == pytest.approx(float(units[0].median()), rel=0.1)  # molecules a cell
    torch.testing.assert_close(lossy.sum(1), torch.full((2000,), 20000.0), rtol=1e-3, atol=1)
    zeros = [(each == 0).double().mean(0) for each in (plain, lossy)]
    frequent = plain.mean(0) > plain.mean(0).median()
    lost = zeros[1] - zeros[0]
    assert lost[~frequent].mean() > lost[frequent].mean() > 0.05
    with pytest.raises(DoesNotFit, match="set `counts: true` or `zero_inflation: 0`"):
        CscganGenerator(of, zero_inflation=0.2)


def test_a_sample_is_its_latent_and_parts_can_be_held() -> None:
    generator = CscganGenerator(spec("library_size", "log1p"), hidden=[16], latent=8, noise=0.5, counts=True).eval()
    assert generator.latent_parts["counts"] == slice(68, 128) and generator.latent_shape == (129,)
    latent, labels = torch.randn(4, 129), torch.zeros(4, dtype=torch.int64)
    assert torch.equal(generator(latent, labels), generator(latent, labels))
    other = latent.clone()
    other[:, generator.latent_parts["counts"]] = 0
    assert not torch.equal(generator(latent, labels), generator(other, labels))


def test_a_cell_of_zeros_stays_one() -> None:
    assert torch.equal(LibrarySizeLayer(100.0)(torch.zeros(2, 5)), torch.zeros(2, 5))


def test_what_does_not_fit_is_said_with_what_to_do() -> None:
    with pytest.raises(DoesNotFit, match="negative ones"):
        CscganGenerator(spec("library_size", "log1p", "standardise"))
    with pytest.raises(DoesNotFit, match="library_size: false"):
        CscganGenerator(spec())
    with pytest.raises(DoesNotFit, match="basics/mlp"):
        CscganGenerator(Simulated("test", form="bulk", **SMALL).spec)
    plain = DataSpec((9,), ("gene",), range=None, attributes={"numbers": "counts"})
    assert made_alone(plain).shape == (2, 9)
    unknown = spec("library_size")
    bare = DataSpec(**{**unknown.__dict__, "attributes": {k: v for k, v in unknown.attributes.items() if k != "depth"}})
    with pytest.raises(DoesNotFit, match="give the generator `depth`"):
        CscganGenerator(bare, counts=True)
    assert CscganGenerator(bare, counts=True, depth=500).latent_shape == (128 + 60 + 1,)
    with pytest.raises(DoesNotFit, match="channel, y, x"):
        CscganCritic(DataSpec((1, 4, 4), ("channel", "y", "x")))


def made_alone(of: DataSpec) -> Tensor:
    return CscganGenerator(of, hidden=[4], latent=3, labels="none", library_size=False)(torch.randn(2, 3))
