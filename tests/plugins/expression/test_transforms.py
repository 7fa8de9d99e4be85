"""Transforms: against scikit-learn and the equation, the same on sparse data, undone, refused where they do not fit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from gantk_expression import fitting
from gantk_expression.data.genes import chosen_genes, dispersions
from gantk_expression.numbers import what_numbers
from gantk_expression.profiles import conformed, expression_spec, file_numbers
from gantk_expression.transforms import (
    RecoverCounts,
    applied,
    check_steps,
    split_steps,
    transforms_from,
    undone,
)
from scipy import sparse
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from gantk.errors import DoesNotFit
from gantk.interfaces import Samples

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(RNG.gamma(0.4, 4, 30), (80, 30)).astype(np.float32)
COUNTS[:, 0] += 1  # no cell without counts
TRAINING = np.arange(60)
NAMES = tuple(f"g{i}" for i in range(30))


def dense(fitted: fitting.Fitted) -> torch.Tensor:
    values = fitted.values.toarray() if sparse.issparse(fitted.values) else fitted.values
    found = torch.from_numpy(np.ascontiguousarray(values))
    for step in fitted.late:
        found = step.apply(found)
    return found


@pytest.mark.parametrize("stored", ["dense", "sparse"])
@pytest.mark.parametrize(("last", "scaler"), [("standardise", StandardScaler()), ("unit", MinMaxScaler(clip=True))])
def test_all_steps_are_those_of_scikit_learn_and_are_undone(stored: str, last: str, scaler: object) -> None:
    values = COUNTS if stored == "dense" else sparse.csr_matrix(COUNTS)
    scaled, before = fitting.scale_rows(["library_size"], values, TRAINING, "counts", target=None)
    found = fitting.fit(["log1p", last], scaled, TRAINING, "normalised", before=before)
    target = np.median(COUNTS[TRAINING].sum(1))
    plain = np.log1p(COUNTS / COUNTS.sum(1, keepdims=True) * target)
    expected = scaler.fit(plain[TRAINING]).transform(plain)  # type: ignore[attr-defined]
    torch.testing.assert_close(dense(found), torch.from_numpy(expected.astype(np.float32)), atol=2e-5, rtol=1e-5)
    assert [step.name for step in found.steps] == ["library_size", "log1p", last] and found.numbers == found.steps[
        -1
    ].after
    assert bool(found.late) == (stored == "sparse")
    again = transforms_from(json.loads(json.dumps([step.to_json() for step in found.steps])))
    spec = expression_spec(NAMES, found.numbers, steps=again)
    back, numbers = undone(dense(found)[:60], spec)
    assert numbers == file_numbers(spec) == "normalised"
    torch.testing.assert_close(back, torch.from_numpy(np.expm1(plain[:60]).astype(np.float32)), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(applied(back, spec), dense(found)[:60], atol=1e-3, rtol=1e-3)


def test_log2_is_undone_and_training_alone_is_fitted_on() -> None:
    found = fitting.fit(["log2", "standardise"], COUNTS, TRAINING, "counts")
    torch.testing.assert_close(found.steps[0].apply(torch.tensor([[3.0]])), torch.tensor([[2.0]]))
    torch.testing.assert_close(found.steps[0].undo(torch.tensor([[2.0]])), torch.tensor([[3.0]]))
    assert abs(found.values[TRAINING].mean()) < 1e-6 and abs(found.values[60:].mean()) > 1e-3


def test_counts_come_back_from_logarithms() -> None:
    totals = COUNTS.sum(1) * 1.5  # genes that were left out have some, too
    logged = np.log1p(COUNTS / totals[:, None] * 1e4).astype(np.float32)
    for values in (logged, sparse.csr_matrix(logged)):
        back, steps = fitting.scale_rows(["recover_counts"], values, TRAINING, "log1p", totals=totals, column="n")
        assert np.array_equal(back.toarray() if sparse.issparse(back) else back, COUNTS)
        assert isinstance(steps[0], RecoverCounts) and steps[0].column == "n"


@pytest.mark.parametrize(
    ("names", "numbers", "message"),
    [
        (["log1p"], "log1p", "log1p does not go with the data, which are logarithms already"),
        (["log1p", "log2"], "counts", "log2 does not go with"),
        (
            ["library_size"],
            "scaled",
            "library_size does not go with the data, which are centred or scaled: some are neg",
        ),
        (["recover_counts"], "counts", "it takes log1p of counts per 10,000"),
    ],
)
def test_steps_that_do_not_fit_the_numbers_are_refused(names: list[str], numbers: str, message: str) -> None:
    with pytest.raises(DoesNotFit, match=message):
        check_steps(names, numbers)  # type: ignore[arg-type]


def test_steps_in_another_order_are_refused_with_the_right_one() -> None:
    assert split_steps(["recover_counts", "library_size", "log1p"]) == (["recover_counts", "library_size"], ["log1p"])
    with pytest.raises(DoesNotFit, match=r"write it first: \[library_size, log1p\]"):
        split_steps(["log1p", "library_size"])
    with pytest.raises(DoesNotFit, match="a step twice"):
        split_steps(["log1p", "log1p"])
    with pytest.raises(ValueError, match="no steps of a transform"):
        transforms_from([{"step": "rm -rf"}])


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (COUNTS, "counts"),
        (COUNTS / COUNTS.sum(1, keepdims=True) * 1e4, "normalised"),
        (np.log1p(COUNTS / COUNTS.sum(1, keepdims=True) * 1e4), "log1p"),
        (np.log1p(COUNTS / COUNTS.sum(1, keepdims=True) * 1e4)[:, 5:], "log1p"),
        (RNG.normal(8, 2, (50, 20)).clip(4, 15), "log2"),
        (RNG.normal(0, 1, (50, 20)), "scaled"),
        (RNG.random((50, 20)), "unit"),
    ],
)
def test_what_numbers_are_is_seen(values: np.ndarray, numbers: str) -> None:
    single = values.astype(np.float32)
    assert what_numbers(single).numbers == numbers
    assert what_numbers(sparse.csr_matrix(single)).numbers == numbers


def test_the_common_sum_is_named() -> None:
    logged = np.log1p(COUNTS / COUNTS.sum(1, keepdims=True) * 1e4).astype(np.float32)
    assert what_numbers(logged).per == pytest.approx(1e4, rel=1e-4)


def test_genes_that_deviate_most_are_chosen_on_training() -> None:
    deviation = np.abs(COUNTS[TRAINING] - COUNTS[TRAINING].mean(0)).mean(0)
    expected = np.sort(np.argsort(-deviation, kind="stable")[:7])
    for values in (COUNTS, sparse.csr_matrix(COUNTS)):
        assert chosen_genes(values, TRAINING, "counts", "mean_deviation", 7).tolist() == expected.tolist()
    middle = np.median(COUNTS[TRAINING], 0)
    median = np.median(np.abs(COUNTS[TRAINING] - middle), 0)
    found = chosen_genes(COUNTS, TRAINING, "counts", "median_deviation", 7)
    assert median[found].min() >= np.delete(median, found).max()


@pytest.mark.long
def test_highly_variable_genes_are_those_of_scanpy() -> None:
    scanpy = pytest.importorskip("scanpy")
    anndata = pytest.importorskip("anndata")
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.gamma(0.5, 3, 400) * rng.gamma(2, 0.5, (300, 1)), (300, 400)).astype(np.float32)
    logged = np.log1p(counts / np.maximum(counts.sum(1, keepdims=True), 1) * 1e4)
    table = anndata.AnnData(logged)
    scanpy.pp.highly_variable_genes(table, flavor="seurat", n_top_genes=50)
    theirs = np.flatnonzero(table.var["highly_variable"].to_numpy())
    ours = dispersions(logged, np.arange(300), logged=True)
    np.testing.assert_allclose(ours, np.nan_to_num(table.var["dispersions_norm"].to_numpy()), atol=1e-3)
    assert chosen_genes(logged, np.arange(300), "log1p", "highly_variable", 50).tolist() == theirs.tolist()


def test_samples_of_a_file_are_brought_into_the_form_of_the_data() -> None:
    found = fitting.fit(["log1p"], COUNTS, TRAINING, "counts")
    spec = expression_spec(NAMES, "log1p", steps=found.steps)
    turned = expression_spec(NAMES[::-1], "counts")
    made = conformed(Samples(samples=torch.from_numpy(COUNTS[:, ::-1].copy()), spec=turned), spec)
    torch.testing.assert_close(made.samples, torch.from_numpy(found.values))
    with pytest.raises(DoesNotFit, match="2 of 30 genes are not in the samples: g0, g1"):
        conformed(Samples(samples=torch.zeros(2, 28), spec=expression_spec(NAMES[2:], "counts")), spec)
    with pytest.raises(DoesNotFit, match=r"are scaled, those of the data log1p \(in a file counts\)"):
        conformed(Samples(samples=torch.zeros(2, 30), spec=expression_spec(NAMES, "scaled")), spec)
