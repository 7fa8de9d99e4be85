"""Every metric by class: what each class gets is what the metric gives for its samples alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gantk
from gantk import randomness
from gantk.components import component
from gantk.data import Resident
from gantk.errors import DoesNotFit
from gantk.evaluation.by_class import ClassSubset
from gantk.evaluation.evaluate import evaluate
from gantk.evaluation.results import Entry, build_metrics, missed_bars
from gantk.evaluation.sample_files import Reference, evaluate_samples
from gantk.interfaces import Metric, MetricInput, Samples, Value
from gantk.spec import DataSpec

SPEC = DataSpec((2,), ("coordinate",), range=None, classes=("low", "high", "none"))


def data(low: int, high: int, seed: int) -> Resident:
    """`low` points round 0, `high` points round 10, none of the third class."""
    labels = torch.cat([torch.zeros(low), torch.ones(high)]).long()
    noise = torch.randn(low + high, 2, generator=torch.Generator().manual_seed(seed))
    order = torch.randperm(low + high, generator=torch.Generator().manual_seed(seed))
    return Resident(SPEC, (noise + 10 * labels[:, None])[order], labels=labels[order])


class Told(nn.Module):
    """Points round 10 times the label, and .5 beside where it is 1."""

    latent_shape = (2,)

    def forward(self, latent: Tensor, labels: Tensor) -> Tensor:
        return latent + 10.5 * labels[:, None]


class Untold(Told):
    def forward(self, latent: Tensor) -> Tensor:  # type: ignore[override]
        return latent


class Mean(Metric):
    """The mean of the samples beside that of the test split; remembers what it was given."""

    samples = 240

    def __init__(self) -> None:
        self.seen: list[MetricInput] = []

    def compute(self, inputs: MetricInput) -> dict[str, Value]:
        self.seen.append(inputs)
        real = inputs.test.batch(torch.arange(len(inputs.test)), None).samples
        noise = torch.rand((), generator=inputs.rng).item() * 1e-9
        return {
            "mean": Value(inputs.generated.samples.mean().item() + noise, "near", real.mean().item(), "real test"),
            "size": Value(len(inputs.train)),
        }


def of(generator: nn.Module | None, entry: Entry, train: Resident, test: Resident, **named: Any) -> dict[str, Value]:
    return evaluate([entry], generator, None, train, test, seed=1, device="cpu", **named)[entry.name]


def test_each_class_is_measured_with_samples_that_are_made_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    train, test = data(900, 30, 0), data(60, 20, 1)
    metric = Mean()
    entry = Entry("mean", metric, None, by_class=True)
    values = of(Told(), entry, train, test)
    assert list(values) == ["mean", "size", "mean[low]", "size[low]", "mean[high]", "size[high]"]
    whole, low, high = metric.seen
    assert set(low.generated.labels.tolist()) == {0} and set(high.generated.labels.tolist()) == {1}
    assert len(low.generated) == len(high.generated) == 80  # its third of 240
    assert values["mean[low]"].value == pytest.approx(0, abs=0.3) and values["mean[low]"].reference < 0.3
    assert values["mean[high]"].value == pytest.approx(10.5, abs=0.3)
    assert values["mean[high]"].reference == pytest.approx(10, abs=0.4)
    assert (values["size[low]"].value, values["size[high]"].value) == (900, 30)
    assert (values["mean[low]"].n, values["mean[low]"].n_reference, values["mean[low]"].note) == (80, 60, "real test")
    assert values["mean[high]"].n_reference == 20 and values["mean[high]"].note == "real test; only 20 held out"
    # All classes together, in the shares of what they are compared with: 1 in 4, where training has 1 in 31.
    assert whole.generated.labels.float().mean().item() == pytest.approx(0.25, abs=0.08)
    assert " ".join(capsys.readouterr().err.split()) == (
        "warning: mean is not computed of class 'none': there are 0 generated and 0 training and 0 held-out samples of "
        "it, and 10 or more are needed"
    )
    again = of(Told(), entry, train, test)
    assert {name: value.value for name, value in again.items()} == {n: v.value for n, v in values.items()}
    assert capsys.readouterr().err == "", "said once, also where it is measured every so many steps"


def test_a_bar_may_be_of_one_class() -> None:
    entry = Entry("mean", Mean(), None, {"mean[high]": {"<=": 10}, "mean[low]": {"<=": 10}}, by_class=True)
    results = {"mean": of(Told(), entry, data(90, 30, 0), data(60, 60, 1))}
    (missed,) = missed_bars([entry], results)
    assert missed.startswith("mean.mean[high] is 10.")


def test_a_real_metric_of_a_class_is_that_of_the_class_alone() -> None:
    """Precision and recall of a subset: as on a data set that holds nothing else."""
    train, test = data(300, 200, 0), data(80, 90, 1)
    block = {"use": "basics/precision_recall", "samples": 300}
    entry = Entry("pr", component("metric", block), None, by_class=True)
    values = of(Told(), entry, train, test)
    alone = [
        Resident(SPEC, each.stored[each.labels == 1], labels=each.labels[each.labels == 1]) for each in (train, test)
    ]
    made = Told()(*_drawn_of_high(alone[1]))
    expected = component("metric", block).compute(
        MetricInput(Samples(made, spec=SPEC), *alone, rng=randomness.generator(1, "evaluate/pr/class high"))
    )
    assert values["precision[high]"].value == pytest.approx(expected["precision"].value)
    assert values["coverage[high]"].value == pytest.approx(expected["coverage"].value)
    assert 0 < values["coverage[high]"].value < 1


def _drawn_of_high(held_out: Resident) -> tuple[Tensor, Tensor]:
    rng = randomness.generator(1, "evaluate/class high")
    return torch.randn(100, 2, generator=rng), torch.ones(100)


def test_a_metric_that_learns_the_classes_is_given_all_of_training_and_what_fails_of_one_class_costs_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Learning(Mean):
        learns_classes = True

        def compute(self, inputs: MetricInput) -> dict[str, Value]:
            if len(inputs.test) == 20:
                raise ValueError("of this class there is nothing to learn")
            return super().compute(inputs)

    metric = Learning()
    values = of(Told(), Entry("mean", metric, None, by_class=True), data(90, 30, 0), data(60, 20, 1))
    assert [len(each.train) for each in metric.seen] == [120, 120]
    assert [len(each.test) for each in metric.seen] == [80, 60]
    assert "mean[low]" in values and "mean[high]" not in values
    assert "class 'high': ValueError: of this class there is nothing to learn" in capsys.readouterr().err


def test_it_is_left_out_where_nobody_knows_the_classes() -> None:
    def guard(what: str) -> Any:
        return pytest.raises(DoesNotFit, match="told the class") if what.endswith("by class") else _nothing()

    values = of(Untold(), Entry("mean", Mean(), None, by_class=True), data(90, 30, 0), data(30, 30, 1), guard=guard)
    assert list(values) == ["mean", "size"]


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_samples_of_a_file_that_have_labels(capsys: pytest.CaptureFixture[str]) -> None:
    train, test = data(90, 30, 0), data(60, 60, 1)
    entry = Entry("mean", Mean(), None, by_class=True)
    labels = (torch.arange(100) >= 80).long()
    made = Samples(torch.zeros(100, 2) + 3 * labels[:, None], labels=labels, spec=SPEC)
    values = evaluate_samples(made, Reference([entry], {"train": train, "test": test}, 0))["mean"]
    assert [values[f"mean[{name}]"].value for name in ("low", "high")] == pytest.approx([0, 3], abs=1e-6)
    assert values["mean[high]"].n == 20
    values = evaluate_samples(Samples(made.samples, spec=SPEC), Reference([entry], {"train": train, "test": test}, 0))
    assert list(values["mean"]) == ["mean", "size"]
    assert "the metric mean by class is left out: by_class needs samples that are labelled" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data": {"use": "basics/digits"}}, "needs a generator that is told the class"),
        ({"data": {"use": "motif/strings", "length": 16, "samples": 50, "motif": "0101"}}, "names no classes"),
    ],
)
def test_a_recipe_that_cannot_be_measured_by_class_is_refused_before_it_runs(
    changes: dict[str, Any], told: str, tiny: Path
) -> None:
    entry = {"use": "basics/diversity", "by_class": True}
    with pytest.raises(DoesNotFit, match=told):
        gantk.run(tiny, {**changes, "evaluate": [entry]}, out="run")
    assert not Path("run").exists()


def test_a_subset_is_a_data_set() -> None:
    whole = Resident(SPEC, torch.arange(20.0).reshape(10, 2), labels=torch.arange(10) % 2, flips=("coordinate",))
    odd = ClassSubset(whole, torch.tensor([1, 3, 5]))
    assert torch.equal(odd.batch(torch.tensor([2, 0]), None).samples, whole.stored[[5, 1]])
    assert len(odd) == 3 and odd.spec is whole.spec
    assert [each.tolist() for each in odd.variants(whole.stored[:1])] == [[[0, 1]], [[1, 0]]]
    assert torch.equal(odd.first_of_each(), torch.arange(3))
    assert odd.sample_names(torch.tensor([0])) is None and not odd.units_apart


def test_recipes_have_it_as_a_key() -> None:
    loaded: Callable[..., Any] = gantk.load_recipe
    recipe = loaded("digits_dcgan", {"evaluate": [{"use": "basics/diversity", "by_class": True}]})
    assert [entry.by_class for entry in build_metrics(recipe.values)] == [True]
