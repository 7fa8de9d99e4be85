"""Metric augmentation: it says "help" of samples that help, and "do harm" of those that mislead."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from gantk_basics.data.digits import Digits
from gantk_basics.metrics.augmentation import Augmentation, few_of_each, over_seeds
from gantk_basics.metrics.small_classifier import (
    Pool,
    Varied,
    predicted,
    shifted,
    small_classifier,
    train_classifier,
)
from scipy import stats
from torch import Tensor

from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.interfaces import MetricInput, Samples
from gantk.spec import DataSpec

POINTS = DataSpec((4,), ("coordinate",), range=None, classes=("a", "b", "c"))
CENTRES = 1.2 * torch.eye(3, 4)
CPU = torch.device("cpu")


def points(n: int, seed: int, spread: float = 1.0) -> Resident:
    """Overlapping Gaussians: with few samples their centres are known badly."""
    labels = torch.arange(n) % 3
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    return Resident(POINTS, CENTRES[labels] + spread * noise, labels=labels)


def measured(made: Resident, train: Resident, **options: Any) -> tuple[Augmentation, dict[str, Any], MetricInput]:
    metric = Augmentation(**{"real": [2], "seeds": 3, "steps": 60, "batch": 32, **options})
    samples = Samples(made.stored, labels=made.labels, spec=made.spec)
    given = MetricInput(samples, train, points(600, 9), rng=torch.Generator().manual_seed(0))
    return metric, metric.compute(given), given


def test_samples_of_the_truth_help_where_real_ones_are_few() -> None:
    metric, values, given = measured(points(900, 1), points(9, 0))
    assert next(iter(values)) == "gain_all" and values["gain_all"].low > 0.02
    assert metric.summary(values).startswith("generated samples help here: ")
    assert values["both_all"].value == pytest.approx(values["real_all"].value + values["gain_all"].value)
    assert values["generated"].value > values["real_all"].value > values["real_2"].value > 0.34
    assert "classical_all" not in values  # points have no other version
    assert metric.pictures(given)["accuracy"].size > (300, 200)


def test_samples_with_wrong_labels_do_harm() -> None:
    made = points(900, 1)
    made.labels = (made.labels + 1) % 3
    metric, values, _ = measured(made, points(900, 0), real=[300])
    assert metric.summary(values).startswith("generated samples do harm here: ")
    assert values["gain_all"].high < -0.05 and values["generated"].value < 0.34


def test_copies_of_what_is_there_do_not_help() -> None:
    train = points(90, 0)
    metric, values, _ = measured(train, train, real=[90], steps=100)
    assert metric.summary(values).startswith("generated samples do not help here: ")
    assert [name for name in values if name.startswith("real_")] == ["real_all"], (
        "90 of a class are more than there are"
    )


def test_few_of_each_class_are_a_part_of_more() -> None:
    labels = torch.tensor([0] * 50 + [1] * 3 + [2] * 20)
    few, more = (set(few_of_each(labels, n, torch.Generator().manual_seed(4)).tolist()) for n in (5, 10))
    assert few < more
    assert labels[sorted(few)].bincount().tolist() == [5, 3, 5] and labels[sorted(more)].bincount().tolist() == [
        10,
        3,
        10,
    ]


def test_intervals_are_students() -> None:
    values = [0.7, 0.75, 0.73, 0.8]
    mean, low, high = over_seeds(values)
    expected = stats.t.interval(0.95, 3, loc=sum(values) / 4, scale=stats.sem(values))
    assert (low, high) == pytest.approx(expected) and mean == pytest.approx(0.745)


def test_shifts_move_each_image_and_repeat_its_edge() -> None:
    images = torch.rand(40, 2, 5, 6)
    moved = shifted(images, 1, torch.Generator().manual_seed(0))
    seen = set()
    for one, other in zip(images, moved, strict=True):
        fits = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if torch.equal(other, slowly_moved(one, y, x))]
        assert len(fits) == 1
        seen |= set(fits)
    assert len(seen) == 9


def slowly_moved(image: Tensor, y: int, x: int) -> Tensor:
    moved = torch.empty_like(image)
    for row in range(image.shape[1]):
        for column in range(image.shape[2]):
            at = min(max(row + y, 0), image.shape[1] - 1), min(max(column + x, 0), image.shape[2] - 1)
            moved[:, row, column] = image[:, at[0], at[1]]
    return moved


def test_what_varies_is_what_the_data_say_and_images_are_shifted() -> None:
    sequence = DataSpec((4, 12), ("base", "position"), range=(0.0, 1.0), categorical=True, classes=("a", "b"))
    letters = Resident(sequence, torch.eye(4)[torch.arange(12) % 4].T[None])
    turned = Resident(sequence, letters.stored, flips=("position",))
    label = torch.zeros(1, dtype=torch.int64)
    assert not Varied(Pool(letters.stored, label), letters).differs
    both = Varied(Pool(turned.stored, label), turned)
    drawn, _ = both.draw(20, torch.Generator().manual_seed(0))
    assert both.differs and len(drawn.unique(dim=0)) == 2 and both.shift == 0
    digits = Digits("test")
    assert Varied(Pool(digits.stored, digits.labels), digits).shift == 1


@pytest.mark.parametrize(
    ("shape", "units"),
    [((3,), 0), ((1, 8, 8), 0), ((2, 9, 5), 0), ((4, 30), 0), ((3, 2, 8, 8), 1), ((2, 5), 1), ((1, 3), 0)],
)
def test_there_is_a_classifier_for_samples_of_every_shape(shape: tuple[int, ...], units: int) -> None:
    axes = tuple("uvwxyz"[: len(shape)])
    net = small_classifier(DataSpec(shape, axes, unit_axes=units, classes=("a", "b", "c")))
    assert net(torch.randn(5, *shape)).shape == (5, 3)


def test_the_classifier_learns_real_digits() -> None:
    train, test = Digits("train"), Digits("test")
    known, new = (each.batch(torch.arange(len(each)), None) for each in (train, test))
    torch.manual_seed(0)
    net = small_classifier(train.spec)
    pool = Pool(known.samples, known.labels)
    train_classifier(net, [pool.draw], steps=150, batch=64, rng=torch.Generator().manual_seed(0), device=CPU)
    assert (predicted(net, new.samples, CPU) == new.labels).float().mean() > 0.94


def test_what_nobody_labelled_is_refused() -> None:
    given = {"train": points(30, 0), "test": points(30, 1), "rng": torch.Generator()}
    with pytest.raises(DoesNotFit, match="a generator that is told the class"):
        Augmentation().compute(MetricInput(Samples(torch.zeros(9, 4), spec=POINTS), **given))
    one = Resident(POINTS, torch.zeros(30, 4), labels=torch.zeros(30, dtype=torch.int64))
    made = Samples(torch.zeros(9, 4), labels=torch.arange(9) % 3, spec=POINTS)
    with pytest.raises(DoesNotFit, match="two classes or more"):
        Augmentation().compute(MetricInput(made, **given | {"test": one}))
