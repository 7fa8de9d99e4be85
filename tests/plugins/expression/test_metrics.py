"""Metrics of expression against equations, scipy and scikit-learn, and on samples whose fault is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from gantk_expression.data.simulated import Simulated
from gantk_expression.logarithms import in_words, logarithms
from gantk_expression.markers import fold_changes, marker_genes, welch
from gantk_expression.metrics import genes, two_samples
from gantk_expression.metrics.floors import gaussian_copula, independent_genes
from gantk_expression.metrics.genes import Correlation, Genes
from gantk_expression.metrics.nearest import NearestTraining
from gantk_expression.metrics.two_samples import Forest, Mmd
from gantk_expression.metrics.types import Markers, Transfer, Types, line
from scipy import stats
from sklearn.metrics import roc_auc_score

from gantk.data import generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import Metric, MetricInput, Samples, Value

SMALL = {"genes": 150, "samples": 1200, "held_out": 400, "types": 3, "rarest": 0.1, "depth": 2000}


@cache
def data(split: str, **more: object) -> Simulated:
    return Simulated(split, **{**SMALL, **more})


def judge(metric: Metric, made: Samples, **more: object) -> dict[str, Value]:
    inputs = MetricInput(made, data("train", **more), data("test", **more), rng=torch.Generator().manual_seed(0))
    return metric.compute(inputs)


def real(**more: object) -> Samples:
    return take(data("validation", **more), 400)


def shuffled() -> Samples:
    """Real samples in which each gene was shuffled on its own."""
    drawn = real()
    rng = np.random.default_rng(0)
    return replace(drawn, samples=torch.from_numpy(rng.permuted(drawn.samples.numpy(), axis=0)))


def test_correlation_structure_is_that_of_numpy() -> None:
    logs = np.random.default_rng(0).standard_normal((40, 6)) @ np.random.default_rng(1).standard_normal((6, 6))
    expected = 1 - np.corrcoef(logs.T)[np.triu_indices(6, 1)]
    np.testing.assert_allclose(genes.structure(logs), expected, rtol=1e-10)
    other = genes.structure(logs[:20])
    assert genes.gamma(other, expected) == pytest.approx(stats.pearsonr(other, expected).statistic)


def test_auroc_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(0)
    made, known = rng.integers(0, 9, 70) / 9, rng.integers(2, 11, 50) / 9
    expected = roc_auc_score(np.r_[np.zeros(70), np.ones(50)], np.r_[made, known])
    assert two_samples.auroc(made, known) == pytest.approx(expected)
    low, high = two_samples.auroc_interval(made, known, torch.Generator().manual_seed(0))
    assert low < expected < high


def test_squared_mmd_is_the_sum_over_all_pairs() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((4, 3)) + 1

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([np.exp(-((a - b) ** 2).sum() / (2 * (w * 1.5) ** 2)) for w in (0.5, 1, 2)]))

    expected = (
        sum(kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j) / 20
        + sum(kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j) / 12
        - 2 * sum(kernel(a, b) for a in x for b in y) / 20
    )
    assert two_samples.squared_mmd(x, y, 1.5) == pytest.approx(expected)


def test_markers_are_ordered_by_the_t_of_scipy() -> None:
    drawn = real()
    logs, chosen = logarithms(drawn.samples, drawn.spec), drawn.labels == 1
    expected = stats.ttest_ind(logs[chosen].double(), logs[~chosen].double(), equal_var=False).statistic
    np.testing.assert_allclose(welch(logs, chosen), np.nan_to_num(expected), rtol=1e-6)
    found = marker_genes(drawn.samples, drawn.labels, drawn.spec, 7)[1]
    assert found.tolist() == np.argsort(-np.nan_to_num(expected), kind="stable")[:7].tolist()


def test_fold_changes_of_counts_and_of_their_logarithms_agree() -> None:
    drawn, logs = real(), real(transform=("library_size", "log1p"))
    changes = fold_changes(drawn.samples, drawn.labels, drawn.spec)
    values, one = drawn.samples.double(), drawn.labels == 2
    expected = (values[one].mean(0) + 1).log2() - (values[~one].mean(0) + 1).log2()
    torch.testing.assert_close(changes[2], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fold_changes(logs.samples, logs.labels, logs.spec), changes, rtol=1e-3, atol=1e-3)
    scaled = real(transform=("library_size", "log1p", "standardise"))
    torch.testing.assert_close(logarithms(scaled.samples, scaled.spec), logs.samples, rtol=1e-3, atol=1e-3)
    assert in_words(scaled.spec) == in_words(logs.spec) == "log(1 + normalised counts)"


def test_the_copula_has_the_values_of_each_gene_and_its_correlations() -> None:
    training = take(data("train"), 1200)
    drawn = gaussian_copula(training, training.labels, 1200, np.random.default_rng(0))
    for gene in range(0, 150, 30):
        assert set(drawn.samples[:, gene].tolist()) <= set(training.samples[:, gene].tolist())
    zeros = [(each.samples == 0).double().mean(0) for each in (drawn, training)]
    assert (zeros[0] - zeros[1]).abs().max() < 0.06
    known = genes.structure(logarithms(training.samples, training.spec).numpy())
    held_out = genes.structure(logarithms(real().samples, training.spec).numpy())
    made = genes.structure(logarithms(drawn.samples, training.spec).numpy())
    alone = independent_genes(training, 1200, np.random.default_rng(0))
    assert genes.gamma(made, held_out) > 0.9 * genes.gamma(known, held_out)
    assert abs(genes.gamma(genes.structure(logarithms(alone.samples, training.spec).numpy()), held_out)) < 0.1


def test_shuffled_genes_keep_means_and_lose_all_that_hangs_together() -> None:
    assert judge(Genes(), shuffled())["mean_difference"].value < 0.2
    lost, kept = judge(Correlation(), shuffled()), judge(Correlation(), real())
    assert lost["gamma"].value < 0.1 < 0.9 < kept["share"].value
    assert judge(Mmd(), shuffled())["mmd"].value > 5 * abs(judge(Mmd(), real())["mmd"].value)
    forest = Forest(trees=25, samples=120, floors=False)
    told, not_told = judge(forest, shuffled())["auroc"], judge(forest, real())["auroc"]
    assert told.value > 0.85 and not_told.low is not None and not_told.low < 0.55


def test_floors_stand_beside_the_number() -> None:
    values = judge(Forest(trees=50, samples=100), real())
    assert values["auroc_independent"].value > 0.8 and values["auroc_copula"].value < 0.95
    assert values["auroc"].reference == pytest.approx(0.5, abs=0.12)


def test_types_that_were_mixed_up_are_seen() -> None:
    good = judge(Types(), real())
    assert good["agreement"].value > 0.95 and good["worst"].value > 0.9 and good["share_factor"].value < 1.3
    drawn = real()
    mixed = replace(drawn, labels=drawn.labels.roll(1))
    assert judge(Types(), mixed)["worst"].value < 0.7
    alone = replace(drawn, labels=None)
    found = judge(Types(), alone)
    assert "agreement" not in found and found["share_factor"].value < 1.3
    one = replace(drawn, samples=drawn.samples[drawn.labels == 0][:100], labels=None)
    assert judge(Types(), one)["share_factor"].value == 99


def test_attenuated_fold_changes_have_r_near_1_and_a_small_slope() -> None:
    known = np.random.default_rng(0).standard_normal(30)
    assert line(0.5 * known, known) == pytest.approx((1.0, 0.5))
    good = judge(Markers(), real())
    assert good["r"].value > 0.9 and 0.8 < good["slope"].value < 1.25 and good["overlap"].value > 0.5
    drawn = real()
    mean = drawn.samples.mean(0)
    flat = replace(drawn, samples=mean + 0.3 * (drawn.samples - mean))
    found = judge(Markers(), flat)
    assert found["slope"].value < 0.6 and found["r"].value > 0.8
    assert "too small" in Markers().summary(found)


def test_copies_are_seen_and_smoothness_is_called_so() -> None:
    copies = generated(take(data("train"), 400).samples, data("train").spec)
    found = judge(NearestTraining(), copies)
    assert found["nearest_training"].value == 0 and "copies of training samples" in NearestTraining().summary(found)
    assert "no sign" in NearestTraining().summary(judge(NearestTraining(), real()))
    drawn = real()
    means = torch.stack([drawn.samples[drawn.labels == label].mean(0) for label in range(3)])[drawn.labels]
    smooth = replace(drawn, samples=0.5 * drawn.samples + 0.5 * means)
    assert "smoother" in NearestTraining().summary(judge(NearestTraining(), smooth))


def test_what_was_learnt_from_generated_samples_is_tested_on_real_ones() -> None:
    good = judge(Transfer(seeds=2, few=12), real())
    assert good["synthetic"].value > 0.9 * (good["synthetic"].reference or 0)
    bad = judge(Transfer(seeds=2, few=12), replace(real(), labels=real().labels.roll(1)))
    assert bad["synthetic"].value < good["synthetic"].value - 0.2


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(DoesNotFit, match="10 samples or more"):
        judge(Genes(), real()[:4])
    with pytest.raises(DoesNotFit, match="labels"):
        judge(Markers(), replace(real(), labels=None))
