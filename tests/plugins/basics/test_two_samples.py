"""Two-sample tests: nothing between two halves of one data set, more the further data are shifted."""

from dataclasses import replace

import pytest
import torch
from gantk_basics.metrics.c2st import C2st
from gantk_basics.metrics.critic_test import CriticTest
from gantk_basics.metrics.two_sample_tests import Part, StoredSamples, fresh_critic, split
from torch import Tensor, nn

from gantk.data import Resident, take
from gantk.errors import DoesNotFit, RecipeError
from gantk.interfaces import MetricInput, Samples
from gantk.spec import DataSpec

POINTS = DataSpec((2,), ("coordinate",), range=None)
TWO = DataSpec((2, 3), ("kind", "coordinate"), unit_axes=1, range=None, names={"kind": ("a", "b")})
QUICK = {"steps": 60, "splits": 4, "batch": 64, "rate": 2e-3, "critic": {"use": "basics/mlp", "hidden": [16]}}


def points(n: int, seed: int, spec: DataSpec = POINTS, shift: float | Tensor = 0.0) -> Resident:
    return Resident(spec, torch.randn(n, *spec.shape, generator=torch.Generator().manual_seed(seed)) + shift)


def samples(data: Resident) -> Samples:
    return take(data, len(data))


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(3)


class Normal(nn.Module):
    """Points of N(shift, 1), moved by a weight so that there is something to leave alone."""

    latent_shape = (2,)

    def __init__(self, shift: float):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))

    def forward(self, latent: Tensor) -> Tensor:
        return latent + self.shift

    def at_step(self, step: int) -> None:
        pytest.fail("a frozen generator is told of steps that are not its own")


@pytest.mark.parametrize("objective", ["wgan_gp", "gan"])
def test_scores_are_nothing_without_a_difference_and_grow_with_it(objective: str) -> None:
    train, test = points(600, 0), points(600, 1)
    metric = CriticTest(objective=objective, **QUICK)
    found = []
    for shift in (0.0, 1.0, 2.0):
        net = Normal(shift)
        values = metric.compute(MetricInput(samples(train)[:0], train, test, rng=rng(), nets={"generator": net}))
        found.append(values["score"].value)
        assert net.training
        assert net.shift.requires_grad
        assert net.shift.item() == shift
    score, std = found[0], values["std"].value
    reference = values["score"].reference
    assert abs(score) < max(3 * std, 0.25)
    assert reference is not None
    assert abs(reference) < max(3 * std, 0.25)
    assert found[0] + 0.3 < found[1] < found[2] - 0.3
    assert "real against real" in metric.summary(values)


@pytest.mark.slow
def test_units_have_scores_of_their_own_and_of_files_too() -> None:
    shift = torch.tensor([0.0, 3.0])[:, None]
    train, test = points(400, 0, TWO), points(400, 1, TWO)
    metric = CriticTest(**QUICK, anchors="all")
    values = metric.compute(MetricInput(samples(points(400, 2, TWO, shift)), train, test, rng=rng(), nets={}))
    assert list(values) == ["score", "std", "score_a", "score_b", "real_a_b"]
    assert values["score_b"].value > 1 > 0.5 > abs(values["score_a"].value)
    assert values["score"].value == pytest.approx((values["score_a"].value + values["score_b"].value) / 2)
    assert abs(values["real_a_b"].value) < 0.5
    different = points(400, 1, TWO, shift)
    values = CriticTest(**QUICK, anchors="all").compute(
        MetricInput(samples(different), different, different, rng=rng(), nets={})
    )
    assert values["real_a_b"].value > 1
    assert "kinds against each other" in metric.summary(values)


def test_the_same_seed_gives_the_same_score_and_leaves_torchs_own_stream_alone() -> None:
    train, test = points(80, 0), points(80, 1)
    quick = QUICK | {"steps": 3, "splits": 2}
    before = torch.get_rng_state()
    runs = [CriticTest(**quick).compute(MetricInput(samples(train), train, test, rng=rng(), nets={})) for _ in range(2)]
    assert runs[0] == runs[1]
    assert torch.equal(before, torch.get_rng_state())


def test_parts_have_nothing_in_common_unit_by_unit() -> None:
    values = torch.arange(12.0).reshape(6, 2, 1).repeat(2, 1, 3)  # every sample twice
    values[:, 1] = values[0, 1] + torch.arange(12)[:, None] % 4 * 100  # unit b has only four different ones
    known, judged = split(samples(Resident(TWO, values)), Resident(TWO, values), 0.5, rng())
    for unit, different in ((0, 6), (1, 4)):
        first, second = ({tuple(row) for row in part.stored[:, unit].tolist()} for part in (known, judged))
        assert not first & second
        assert len(first | second) == different
    with pytest.raises(DoesNotFit, match="four different"):
        split(samples(Resident(POINTS, torch.ones(9, 2))), points(1, 0), 0.5, rng())


def test_labels_stay_with_their_samples() -> None:
    data = points(20, 0)
    labelled = replace(samples(data), labels=torch.arange(20))
    known, _ = split(labelled, data, 0.3, rng())
    assert known.labels is not None
    assert len(known) == 6
    assert torch.equal(known.stored, data.stored[known.labels])


def test_replay_gives_what_there_is_turned_over() -> None:
    spec = DataSpec((1, 2, 2), ("channel", "y", "x"))
    data = Resident(spec, torch.arange(8.0).reshape(2, 1, 2, 2), flips=("x",))
    net = StoredSamples(Part(data, spec, data.stored))
    drawn = net(net.draw_latent(200, rng()))
    each = {tuple(image.flatten().tolist()) for image in drawn}
    assert each == {(0, 1, 2, 3), (1, 0, 3, 2), (4, 5, 6, 7), (5, 4, 7, 6)}


def test_the_critic_suits_the_data_or_is_named() -> None:
    images = DataSpec((3, 2, 16, 16), ("kind", "channel", "y", "x"), unit_axes=1)
    assert fresh_critic(images, None, 0)(torch.zeros(2, 3, 2, 16, 16)).shape == (2, 3)
    assert type(fresh_critic(images, None, 0).critics[0]).__name__ == "DcganCritic"
    assert type(fresh_critic(POINTS, None, 0)).__name__ == "MlpCritic"
    with pytest.raises(RecipeError, match="did you mean 'hidden'"):
        CriticTest(critic={"use": "basics/mlp", "hiden": [3]})


@pytest.mark.parametrize("by", ["net", "neighbours"])
def test_c2st_is_at_chance_without_a_difference_and_sees_one(by: str) -> None:
    train, test = points(400, 0, TWO), points(400, 1, TWO)
    metric = C2st(by=by, samples=400, steps=120, rate=1e-2, critic={"use": "basics/mlp", "hidden": [16]})
    same = metric.compute(MetricInput(samples(points(400, 2, TWO)), train, test, rng=rng(), nets={}))
    assert same["low"].value < 0.5 < same["high"].value
    assert same["p_value"].value > 0.01
    assert "cannot tell" in metric.summary(same)
    shifted = metric.compute(
        MetricInput(samples(points(400, 2, TWO, torch.tensor([[0.0], [1.5]]))), train, test, rng=rng(), nets={})
    )
    assert shifted["p_value"].value < 1e-6
    assert shifted["accuracy_b"].value > 0.8
    assert shifted["low"].value < shifted["accuracy"].value < shifted["high"].value
