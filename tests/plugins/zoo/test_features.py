"""The linear probe: what it reads of features, pixels and principal components."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gantk_zoo.metrics.features import LinearProbe, _balanced
from torch import Tensor, nn

from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput
from gantk.spec import DataSpec

SPEC = DataSpec((20,), ("coordinate",), range=None, classes=("a", "b"))


def data(seed: int, spec: DataSpec = SPEC) -> Resident:
    """The class is the sign of a product, which no linear classifier of the numbers finds."""
    rng = torch.Generator().manual_seed(seed)
    samples = torch.randn(300, 20, generator=rng)
    labels = (samples[:, 0] * samples[:, 1] > 0).long()
    return Resident(spec, samples, labels=labels if spec.classes else None)


class Knowing(nn.Module):
    """Its encoder knows the product."""

    latent_shape = (2,)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def encode(self, samples: Tensor) -> Tensor:
        return torch.stack([samples[:, 0] * samples[:, 1], samples[:, 2]], 1)

    def forward(self, latent: Tensor) -> Tensor:
        return latent


def given(nets: dict[str, nn.Module], spec: DataSpec = SPEC) -> MetricInput:
    return MetricInput(None, data(0, spec), data(1, spec), rng=torch.Generator().manual_seed(2), nets=nets)  # type: ignore[arg-type]


def test_features_that_know_the_class_need_few_labels_and_pixels_never_find_it() -> None:
    found = LinearProbe(labels=(10, 200, 1000), draws=4).compute(given({"generator": Knowing()}))
    assert list(found) == ["features_10", "pca_10", "features_200", "pca_200"]  # there are no 1,000 samples
    assert found["features_200"].value > 0.9 and found["features_10"].value > 0.75
    for name in ("features_200", "pca_200"):
        assert found[name].reference == pytest.approx(0.5, abs=0.1)
    assert found["pca_200"].value == pytest.approx(0.5, abs=0.1)


def test_labelled_samples_are_drawn_class_by_class() -> None:
    answers = np.array([0] * 50 + [1] * 6 + [2] * 3)
    chosen = _balanced(answers, 12, torch.Generator().manual_seed(0))
    assert np.bincount(answers[chosen]).tolist() == [5, 4, 3] and len(set(chosen)) == 12


def test_mistakes() -> None:
    with pytest.raises(DoesNotFit, match="needs an encoder that is told no classes"):
        LinearProbe().compute(given({"generator": nn.Linear(2, 2)}))
    with pytest.raises(DoesNotFit, match="these data name none"):
        LinearProbe().compute(given({"generator": Knowing()}, DataSpec((20,), ("coordinate",), range=None)))
