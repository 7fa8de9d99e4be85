"""The metric and the view of classes: what they say of real, mislabelled and collapsed samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.metrics.class_agreement import ClassAgreement, coverage, halved_coverage
from gantk_basics.metrics.classifier import Classifier, classifier_of
from gantk_basics.views.class_rows import ClassRows
from PIL import Image

from gantk.data import Resident, generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Samples, Value
from gantk.spec import DataSpec

RNG = torch.Generator


def plain_coverage(real: np.ndarray, made: np.ndarray, k: int) -> float:
    """Naeem et al. 2020, equation 5, one real sample after another."""
    covered = 0
    for i, one in enumerate(real):
        others = sorted(np.sqrt(((one - other) ** 2).sum()) for j, other in enumerate(real) if j != i)
        covered += any(np.sqrt(((one - fake) ** 2).sum()) <= others[k - 1] for fake in made)
    return covered / len(real)


def test_coverage_is_the_papers() -> None:
    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(20, 3)), rng.normal(size=(15, 3)) + 1
    for k in (1, 3, 5):
        assert coverage(torch.tensor(real), torch.tensor(made), k) == pytest.approx(plain_coverage(real, made, k))


def test_halves_of_one_distribution_cover_each_other() -> None:
    points = torch.randn(120, 4, generator=RNG().manual_seed(0))
    one, other = halved_coverage(points[:60], points[60:], 5, RNG().manual_seed(1))
    assert one == pytest.approx(other, abs=0.08) and other > 0.85  # 1 - 2^-5 for many samples
    assert halved_coverage(points[:60], points[:1].expand(60, 4), 5, RNG().manual_seed(1))[0] < 0.5
    assert np.isnan(halved_coverage(points[:10], points, 5, RNG())[0])


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Value]]:
    """What the metric says of held-out digits, of the same with shuffled labels, and of one image of each."""
    train, test = Digits("train"), Digits("test")
    other = take(Digits("validation"), 270, RNG().manual_seed(2))
    assert other.labels is not None
    shuffled = replace(other, labels=other.labels[torch.randperm(len(other), generator=RNG().manual_seed(3))])
    first = torch.stack([(other.labels == label).nonzero()[0, 0] for label in range(10)])
    collapsed = other[first[other.labels]]
    metric = ClassAgreement(steps=300)
    sets = {"real": other, "shuffled": shuffled, "collapsed": collapsed}
    return {
        name: metric.compute(MetricInput(samples, train, test, RNG().manual_seed(0))) for name, samples in sets.items()
    }


def test_what_it_says_of_digits(found: dict[str, dict[str, Value]]) -> None:
    real, shuffled, collapsed = found["real"], found["shuffled"], found["collapsed"]
    assert real["agreement"].reference is not None and real["agreement"].reference > 0.95  # the classifier itself
    assert real["agreement_share"].value == pytest.approx(1, abs=0.04)
    assert real["coverage_share"].value > 0.8
    assert shuffled["agreement"].value < 0.25 and shuffled["coverage_share"].value < 0.5
    assert collapsed["agreement"].value > 0.9 and collapsed["coverage"].value < 0.6  # agreement does not see it
    assert shuffled["agreement"].reference == real["agreement"].reference  # one classifier, trained once
    text = ClassAgreement().summary(real)
    assert "a classifier sees the class that was asked for" in text and "least: " in text
    few = {name: value for name, value in real.items() if name.startswith("agreement")}
    assert "too few held-out samples" in ClassAgreement().summary(few)


def test_samples_without_labels_are_refused() -> None:
    train = Digits("train")
    unlabelled = generated(torch.zeros(4, 1, 8, 8), train.spec)
    with pytest.raises(DoesNotFit, match="labels: concat"):
        ClassAgreement().compute(MetricInput(unlabelled, train, Digits("test"), RNG()))
    plain = DataSpec((3,), ("coordinate",), range=None)
    with pytest.raises(DoesNotFit, match="needs data with classes"):
        classifier_of(Resident(plain, torch.zeros(20, 3)), most=10, steps=1)


@pytest.mark.parametrize(
    "spec",
    [
        DataSpec((1, 9, 13), ("channel", "y", "x"), classes=("a", "b")),
        DataSpec((3, 2, 1, 8), ("tower", "channel", "y", "x"), unit_axes=1, classes=("a", "b")),
        DataSpec((4, 12), ("base", "position"), classes=("a", "b")),
        DataSpec((3,), ("coordinate",), classes=("a", "b")),
    ],
    ids=lambda spec: str(spec.shape),
)
def test_the_classifier_takes_samples_of_any_shape(spec: DataSpec) -> None:
    said, features = Classifier(spec).judged(torch.zeros(5, *spec.shape))
    assert said.shape == (5,) and features.shape == (5, 64)


def rows_of(samples: Samples, **parameters: int) -> Image.Image:
    return ClassRows(samples.spec, **parameters).draw(samples)


def test_a_row_for_each_class() -> None:
    real = take(Digits("test"), 60)
    page = rows_of(real, columns=4)
    one = rows_of(replace(real, labels=torch.zeros(60, dtype=torch.int64)), columns=4)
    assert page.height - one.height == 9 * (48 + 2)  # nine rows more
    assert real.labels is not None
    wide = ClassRows(real.spec).draw(real, real=real, caption="both")
    assert wide.width > 2 * page.width - 200
    unlabelled = replace(real, labels=None)
    assert rows_of(unlabelled, columns=4).size != page.size  # a grid
