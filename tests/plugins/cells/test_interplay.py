"""How two proteins of one cell go together: against numpy's partial correlation, the simulator's truth, and floors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gantk_cells.data.simulated import Simulated
from gantk_cells.data.whole_cells import simulate_whole
from gantk_cells.metrics.interplay import Interplay, matrices, mean_of
from gantk_cells.nets.independent import IndependentGenerator
from gantk_cells.nets.starshaped import StarShapedGenerator
from gantk_cells.segmentation import inside
from gantk_cells.stack import stack_spec, unstacked

from gantk.data import Resident, generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput
from gantk.sampling import draw

NAMES = ("Arp3", "Cki2", "Mkh1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return Simulated("test", test_cells=40, proteins=list(NAMES), layout="per_class")


def given(made: torch.Tensor, data: Simulated, **nets: torch.nn.Module) -> MetricInput:
    return MetricInput(generated(made, data.spec), data, data, torch.Generator().manual_seed(0), nets)


def test_partial_correlation_is_that_of_residuals_of_a_regression_on_red() -> None:
    stacks = torch.from_numpy(simulate_whole(3, NAMES).images).float() / 127.5 - 1
    plain, partial = matrices(stacks)
    cells = inside((stacks.numpy() + 1) / 2)
    for n in range(3):
        red, *greens = stacks[n].double().numpy()[:, cells[n]]
        line = np.stack([np.ones_like(red), red])
        left = [green - np.linalg.lstsq(line.T, green, rcond=None)[0] @ line for green in greens]
        assert np.allclose(plain[n], np.corrcoef(greens), atol=1e-6)
        assert np.allclose(partial[n], np.corrcoef(left), atol=1e-6)


def test_whole_cells_share_their_outline_and_more_cells_only_add() -> None:
    few, more = simulate_whole(3, NAMES), simulate_whole(5, (*NAMES, "Tea1"))
    assert np.array_equal(few.images, more.images[:3, :4])
    bright = few.images > 0
    overlap = (bright & bright[:, :1]).sum((2, 3)) / bright.sum((2, 3))
    assert overlap.min() > 0.9


def test_shared_grain_is_seen_given_red_and_off_by_default() -> None:
    def between(shared: float) -> float:
        images = simulate_whole(100, NAMES, shared_grain=shared).images
        return mean_of(matrices(torch.from_numpy(images).float() / 127.5 - 1)[1][:, 0, 1])

    apart, half, whole = between(0.0), between(0.5), between(1.0)
    assert whole > half + 0.03 > apart + 0.06


def test_the_truth_differs_from_itself_by_noise_and_greens_that_follow_each_other_are_found(data: Simulated) -> None:
    whole = Simulated("test", test_cells=40, proteins=list(NAMES), layout="per_class", seed=3).whole_cells(200)
    metric = Interplay(samples=200, cells=300)
    same = metric.compute(given(unstacked(whole), data))
    assert same["difference"].value < 0.05
    assert same["difference_given_red"].value < 0.05
    following = whole.clone()
    following[:, 2] = (following[:, 1] + following[:, 2]) / 2  # Cki2 is now half Arp3
    found = metric.compute(given(unstacked(following), data))
    assert found["difference_given_red"].value > 0.2
    pair = found["Arp3_Cki2_given_red"]
    assert pair.low is not None and pair.reference is not None and pair.low > pair.reference
    assert pair.n == 200 and "borrowed" in pair.note


def test_floors_of_a_star_shaped_net_and_refusals(data: Simulated) -> None:
    torch.manual_seed(0)
    generator = StarShapedGenerator(data.spec, width=4)
    values = Interplay(samples=8, cells=20).compute(
        given(draw(generator, data.spec, 8, seed=0).samples, data, generator=generator)
    )
    assert all("independent" in value.note for name, value in values.items() if not name.startswith("difference"))
    apart = IndependentGenerator(data.spec, width=4)
    with pytest.raises(DoesNotFit, match="not of one cell"):
        Interplay(samples=8).compute(given(draw(apart, data.spec, 8, seed=0).samples, data))


def test_real_stacks_are_the_truth(data: Simulated) -> None:
    real = Resident(stack_spec(data.spec), data.whole_cells(60))
    inputs = MetricInput(generated(data.whole_cells(60), real.spec), real, real, torch.Generator().manual_seed(0))
    values = Interplay(samples=60).compute(inputs)
    assert values["difference"].value == values["difference_given_red"].value == 0
    assert values["Arp3_Cki2"].n_reference == 60


def test_where_no_truth_is_known_it_is_said_that_no_data_constrain_it(data: Simulated) -> None:
    pairs = Resident(data.spec, take(data, 20).samples)  # of other cells each, as real images are
    whole = data.whole_cells(10)
    inputs = given(unstacked(whole), data)
    values = Interplay(samples=10).compute(MetricInput(inputs.generated, pairs, pairs, inputs.rng))
    assert not [name for name in values if name.startswith("difference")]
    assert all(value.reference is None and "no data constrain it" in value.note for value in values.values())
