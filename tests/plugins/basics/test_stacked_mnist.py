"""Stacked MNIST: what a stack is made of, and that modes are counted as they were drawn."""

import gzip
import struct
from functools import cache
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_basics.data.mnist import Mnist
from gantk_basics.data.stacked_mnist import StackedMnist
from gantk_basics.metrics.stacked_modes import StackedModes, kl_to_uniform
from torch import Tensor

from gantk.data import generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Value
from gantk.training import from_recipe

SPLITS = ("train", "validation", "test")


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 images of 10 x 8 pixels that no classifier takes for each other: a pattern for each digit, and noise."""
    folder = tmp_path_factory.mktemp("digits")
    digits = (np.arange(600) % 10).astype(np.uint8)
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2, (10, 10, 8), dtype=np.uint8) * 200
    images = patterns[digits] + rng.integers(0, 40, (600, 10, 8), dtype=np.uint8)
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(idx(images))
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(digits))
    return folder


def test_a_stack_is_three_digits_of_its_own_split(root: Path) -> None:
    for split in SPLITS:
        stacks, digits = StackedMnist(split, root=root, size=500), Mnist(split, root=root)
        assert stacks.spec.shape == (3, 10, 8) and not stacks.spec.classes
        assert len(stacks) == (500 if split == "train" else 26_000)
        assert digits.labels is not None
        images = digits.batch(torch.arange(len(digits)), None).samples[:, 0]
        known = {image.numpy().tobytes(): label for image, label in zip(images, digits.labels.tolist(), strict=True)}
        some = stacks.batch(torch.arange(100, 300), None)
        assert some.labels is None  # what the channels show is a fact for metrics, and no label
        for stack, shown in zip(some.samples, some.truth["digits"], strict=True):
            assert [known[channel.numpy().tobytes()] for channel in stack] == shown.tolist()


def test_stacks_are_drawn_by_the_seed_and_visit_all_modes_evenly(root: Path) -> None:
    one, same, other = (StackedMnist("train", root=root, size=9000, seed=seed) for seed in (1, 1, 2))
    everything = torch.arange(9000)
    assert torch.equal(one.batch(everything, None).samples, same.batch(everything, None).samples)
    assert not torch.equal(one.members, other.members)
    assert torch.equal(StackedMnist("train", root=root, size=20, seed=1).members, one.members[:20])  # fewer are a part
    digits = one.batch(everything, None).truth["digits"]
    for channel in digits.T:
        assert torch.bincount(channel, minlength=10).tolist() == pytest.approx([900] * 10, abs=120)  # 4 sigma
    assert np.abs(np.corrcoef(digits.T.numpy()) - np.eye(3)).max() < 0.05  # channels are independent
    held_out = [StackedMnist(split, root=root).members for split in ("validation", "test")]
    assert not torch.equal(*held_out)


def test_stacks_take_the_memory_of_their_digits(root: Path) -> None:
    stacks = StackedMnist("train", root=root)
    assert stacks.nbytes == 420 * 10 * 8 + 128_000 * 3 * 8  # uint8 digits, int64 numbers
    assert StackedMnist.bytes_needed(size=128_000, held_out=26_000) == (128_000 + 52_000) * 3 * 8
    recipe = {"data": {"use": "basics/stacked_mnist", "root": root, "size": 10**13, "held_out": 1}}
    with pytest.raises(DoesNotFit, match="basics/stacked_mnist with these numbers"):
        from_recipe.datasets(recipe)


@cache
def stacks_of(root: Path, split: str) -> StackedMnist:
    return StackedMnist(split, root=root)


def measured(root: Path, modes: Tensor, metric: StackedModes) -> dict[str, Value]:
    """The metric on held-out digits stacked in these modes, (N,)."""
    train, test, digits = stacks_of(root, "train"), stacks_of(root, "test"), Mnist("test", root=root)
    assert digits.labels is not None
    rng = torch.Generator().manual_seed(0)
    shown = torch.stack([modes // 100, modes // 10 % 10, modes % 10], 1)
    members = torch.zeros_like(shown)
    for digit in range(10):
        own = torch.nonzero(digits.labels == digit)[:, 0]
        members = torch.where(shown == digit, own[torch.randint(len(own), shown.shape, generator=rng)], members)
    samples = digits.batch(members.flatten(), None).samples.reshape(len(modes), *train.spec.shape)
    return metric.compute(MetricInput(generated(samples, train.spec), train, test, rng))


def test_modes_are_counted_as_they_were_drawn(root: Path) -> None:
    metric = StackedModes(samples=3000, steps=150, batch=20)
    rng = torch.Generator().manual_seed(4)
    weights = torch.zeros(1000)
    weights[torch.randperm(1000, generator=rng)[:300]] = torch.rand(300, generator=rng) ** 2  # 300 modes, some rare
    modes = torch.multinomial(weights, 3000, replacement=True, generator=rng)
    found = measured(root, modes, metric)
    counts = np.bincount(modes.numpy(), minlength=1000)
    assert found["accuracy"].value == 1  # these digits cannot be mistaken, so the counts are exact
    assert found["modes"].value == (counts > 0).sum() < 300
    assert found["modes_of_five"].value == (counts >= 5).sum()
    shares = counts[counts > 0] / 3000
    assert found["kl"].value == pytest.approx((shares * np.log(shares * 1000)).sum(), abs=1e-12)
    assert found["kl"].reference == pytest.approx(999 / 6000, abs=0.04)  # of real stacks: the noise of counting
    assert "modes of stacked digits" in metric.summary(found) and "not to be trusted" not in metric.summary(found)


def test_one_mode_and_all_modes(root: Path) -> None:
    metric = StackedModes(samples=2000, steps=150, batch=20)
    one = measured(root, torch.full((500,), 123), metric)
    assert (one["modes"].value, one["kl"].value) == (1, pytest.approx(log(1000)))
    every = measured(root, torch.arange(1000).repeat(5), metric)
    assert (every["modes"].value, every["modes_of_five"].value) == (1000, 1000)
    assert every["kl"].value == pytest.approx(0, abs=1e-12)
    assert measured(root, torch.arange(1000).repeat(4), metric)["modes_of_five"].value == 0
    assert kl_to_uniform(torch.tensor([3, 1])) == pytest.approx(0.75 * log(1.5) + 0.25 * log(0.5))


def test_the_classifier_is_trained_once_and_always_the_same(root: Path) -> None:
    def compute(train: StackedMnist, seed: int) -> dict[str, Value]:
        test = StackedMnist("test", root=root)
        given = take(test, 200, torch.Generator().manual_seed(1))
        rng = torch.Generator().manual_seed(seed)
        return StackedModes(samples=200, steps=4, batch=4).compute(MetricInput(given, train, test, rng))

    def modes(values: dict[str, Value]) -> list[float]:
        return [values[name].value for name in ("modes", "modes_of_five", "kl")]

    train = StackedMnist("train", root=root)
    state = torch.random.get_rng_state()
    first = compute(train, 1)
    assert torch.equal(state, torch.random.get_rng_state())
    again = StackedMnist("train", root=root)
    assert modes(compute(again, 2)) == modes(first)  # learns the same from the same digits
    again.members = again.members[:0]  # nothing left to learn from: what it has learnt is kept
    assert modes(compute(again, 3)) == modes(first)
    assert first["accuracy"].value < 0.97
    assert "not to be trusted" in StackedModes().summary(first)


def test_other_data_are_refused() -> None:
    from gantk_basics.data.digits import Digits

    train, test = Digits("train"), Digits("test")
    with pytest.raises(DoesNotFit, match="it needs the data basics/stacked_mnist"):
        StackedModes(samples=10).compute(MetricInput(take(test, 10), train, test, torch.Generator()))


@pytest.mark.long
def test_real_stacks_have_all_modes(test_data: Path) -> None:
    """The reference of the literature: 1,000 modes, KL .026 with the 10,000 digits, .0185 of it counting noise."""
    train, test = (StackedMnist(split, root=test_data / "mnist") for split in ("train", "test"))
    given = take(train, 26_000, torch.Generator().manual_seed(1))
    found = StackedModes().compute(MetricInput(given, train, test, torch.Generator().manual_seed(2)))
    assert found["accuracy"].value >= 0.97
    assert found["modes"].value == found["modes"].reference == 1000
    assert 0.0185 < found["kl"].value < 0.032 and 0.0185 < (found["kl"].reference or 0) < 0.032
