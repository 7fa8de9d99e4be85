"""KID against scikit-learn's kernel and a plain double loop; features of a probe, and of nets in ONNX files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.metrics.distribution_distances import Frechet, frechet
from gantk_basics.metrics.feature_space.kernel_distance import (
    Kid,
    kernel_of,
    polynomial_kernel,
    squared_discrepancy,
    subset_distances,
)
from gantk_basics.metrics.feature_space.nets import OnnxFeatures, probe_of
from gantk_basics.metrics.features import Rows
from sklearn.metrics.pairwise import polynomial_kernel as trusted_kernel
from torch import Tensor, nn

from gantk.data import Resident, generated, take, variants
from gantk.errors import DoesNotFit, FileError, MissingExtra
from gantk.interfaces import MetricInput, Samples, Value
from gantk.spec import DataSpec

IMAGES = DataSpec((3, 8, 8), ("channel", "y", "x"))


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(count: int, width: int = 5, seed: int = 0, shift: float = 0.0) -> Tensor:
    return torch.randn(count, width, generator=rng(seed), dtype=torch.float64) + shift


def compute(metric: Any, made: Samples, train: Any, test: Any, **nets: nn.Module) -> dict[str, Value]:
    return metric.compute(MetricInput(made, train, test, rng=rng(), nets=nets))


def discrepancy(first: Tensor, second: Tensor) -> float:
    between = polynomial_kernel(first, second)
    return squared_discrepancy(polynomial_kernel(first, first), polynomial_kernel(second, second), between).item()


def test_the_kernel_is_scikit_learns_and_the_estimate_a_double_loop() -> None:
    first, second = normal(7), normal(9, seed=1, shift=0.5)
    trusted = trusted_kernel(first.numpy(), second.numpy(), degree=3, gamma=1 / 5, coef0=1)
    assert np.allclose(polynomial_kernel(first, second), trusted, rtol=1e-12)

    def k(x: Tensor, y: Tensor) -> float:
        return (float(x @ y) / 5 + 1) ** 3

    within = sum(k(x, y) for i, x in enumerate(first) for j, y in enumerate(first) if i != j) / (7 * 6)
    other = sum(k(x, y) for i, x in enumerate(second) for j, y in enumerate(second) if i != j) / (9 * 8)
    between = sum(k(x, y) for x in first for y in second) / (7 * 9)
    assert discrepancy(first, second) == pytest.approx(within + other - 2 * between, rel=1e-12)


def test_it_has_no_bias_and_frechet_has() -> None:
    """Of equal distributions: 0 on average at any number of samples, where the Fréchet distance falls with it."""
    few, many = ([discrepancy(normal(n, seed=s), normal(n, seed=900 + s)) for s in range(300)] for n in (5, 40))
    for found in (few, many):
        assert abs(np.mean(found)) < 3 * np.std(found) / 300**0.5
    falling = [np.mean([frechet(normal(n, seed=s), normal(n, seed=900 + s)) for s in range(30)]) for n in (8, 40)]
    assert falling[0] > 3 * falling[1]


def test_versions_of_a_sample_are_averaged() -> None:
    spec = DataSpec((1, 2, 3), ("channel", "y", "x"))
    data = Resident(spec, torch.rand(4, 1, 2, 3, generator=rng()), flips=("y", "x"))
    rows = Rows((data.stored,), data)
    plain = torch.zeros(4, 4, dtype=torch.float64)
    every = [each.flatten(1).double() for each in variants(data, data.stored)]
    for one in every:
        for other in every:
            plain += polynomial_kernel(one, other) / 16
    assert torch.allclose(kernel_of(rows, rows), plain)
    found = subset_distances(rows, rows, 3, 4, rng())  # subsets of all: the same each time
    assert torch.allclose(found, found[:1].expand(3))


def test_digits_are_nearer_to_digits_than_noise_is() -> None:
    train, test = Digits("train"), Digits("test")
    real = take(train, 200, rng(5))
    good = generated(real.samples, train.spec)
    noise = generated(torch.rand(200, 1, 8, 8, generator=rng()) * 2 - 1, train.spec)
    for options in ({}, {"on": "probe"}):
        metric = Kid(samples=200, subset=50, subsets=10, **options)
        near, far = (compute(metric, made, train, test) for made in (good, noise))
        assert abs(near["distance"].value - near["distance"].reference) < 3 * near["sd"].value
        assert far["distance"].value > 20 * abs(near["distance"].value) + 5 * near["sd"].value
        assert near["subset"].value == 50
    probe = Frechet(samples=200, on="probe")
    near, far = (compute(probe, made, train, test) for made in (good, noise))
    assert far["distance"].value > 5 * near["distance"].value


@pytest.mark.long
def test_the_probe_learns_the_classes_and_is_the_same_each_time() -> None:
    train = Digits("train")
    probe: Any = probe_of(train)
    assert probe_of(train) is probe
    other: Any = probe_of(Digits("train"))
    some = take(Digits("test"), 100)
    assert torch.equal(probe.features(some.samples), other.features(some.samples))
    features = [probe.features(take(data, 1000).samples) for data in (train, Digits("test"))]
    labels = [take(data, 1000).labels for data in (train, Digits("test"))]
    nearest = torch.cdist(features[1], features[0]).argmin(1)
    assert (labels[0][nearest] == labels[1]).float().mean() > 0.9
    with pytest.raises(DoesNotFit, match="these data have none"):
        probe_of(Resident(IMAGES, torch.zeros(4, 3, 8, 8)))


@pytest.mark.long
def test_units_are_told_apart_by_their_own_probe() -> None:
    spec = DataSpec((2, 1, 8, 8), ("protein", "channel", "y", "x"), unit_axes=1, names={"protein": ("a", "b")})
    dark = torch.rand(60, 2, 1, 8, 8, generator=rng()) * 0.2 - torch.tensor([0.8, -0.6]).reshape(1, 2, 1, 1, 1)
    data = Resident(spec, dark, flips=("x",))
    made = generated(dark[:30].flip(1), spec)  # each in the place of the other
    swapped, right = (
        compute(Kid(samples=30, subset=20, subsets=4, on="probe"), each, data, data)
        for each in (made, generated(dark[:30], spec))
    )
    assert swapped["distance"].value > 20 * abs(right["distance"].value)


class Small(nn.Module):
    """A net of features: a convolution, a mean over pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, 6, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return torch.tanh(self.layer(images)).mean((2, 3))


def exported(path: Path, net: nn.Module, shape: tuple[int, ...] = (2, 3, 8, 8)) -> Path:
    pytest.importorskip("onnxruntime", reason="pip install 'gantk[onnx]'")
    pytest.importorskip("onnxscript")
    program = torch.onnx.export(
        net.eval(), (torch.zeros(shape),), dynamo=True, dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False
    )
    program.save(path, include_initializers=True)
    return path


@pytest.mark.filterwarnings("ignore")  # of the exporter's own libraries
def test_a_net_in_a_file_is_the_net(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = Small(3)
    path = exported(tmp_path / "net.onnx", net)
    samples = torch.rand(70, 3, 8, 8, generator=rng()) * 2 - 1
    with torch.no_grad():
        truth = net((samples + 1) / 2)
    assert torch.allclose(OnnxFeatures(path, IMAGES).features(samples), truth, atol=1e-5)
    grey = OnnxFeatures(path, replace(IMAGES, shape=(1, 8, 8))).features(samples[:, :1])
    with torch.no_grad():
        assert torch.allclose(grey, net((samples[:, :1] + 1).expand(-1, 3, -1, -1) / 2), atol=1e-5)
    larger = OnnxFeatures(path, replace(IMAGES, shape=(3, 16, 12))).features(torch.zeros(3, 3, 16, 12))
    assert larger.shape == (3, 6)  # brought to 8 x 8
    data = Resident(IMAGES, samples[:40])
    made = generated(samples[30:70] * 0.5, IMAGES)
    with torch.no_grad():
        rows = net((made.samples + 1) / 2)
    for metric, expected in (
        (Kid(samples=40, subset=40, subsets=2, features=path), discrepancy(rows.double(), truth[:40].double())),
        (Frechet(samples=40, features=path), frechet(rows, truth[:40])),
    ):
        assert compute(metric, made, data, data)["distance"].value == pytest.approx(expected, rel=1e-3)
    with pytest.raises(DoesNotFit, match="takes images of 3 channels, and these have 2"):
        OnnxFeatures(path, replace(IMAGES, shape=(2, 8, 8)))
    with pytest.raises(DoesNotFit, match="those of images"):
        OnnxFeatures(path, DataSpec((4, 20), ("letter", "position")))


def test_files_that_are_no_nets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'gantk[onnx]'")
    path = tmp_path / "net.onnx"
    with pytest.raises(FileError, match=r"net\.onnx"):
        OnnxFeatures(path, IMAGES)
    path.write_bytes(b"no net")
    with pytest.raises(FileError, match="is no net in ONNX that can be read"):
        OnnxFeatures(path, IMAGES)
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"pip install 'gantk\[onnx\]'"):
        OnnxFeatures(path, IMAGES)
