"""Readers: h5ad new and old, GCT, CSV and TSV either way round; what is damaged is said with its place."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from gantk_expression.files.delimited import read_delimited
from gantk_expression.files.gct import read_gct
from gantk_expression.files.reading import read_expression
from gantk_expression.numbers import recovered, what_numbers
from scipy import sparse

from gantk.errors import DataError, MissingData

anndata = pytest.importorskip("anndata")
pandas = pytest.importorskip("pandas")

VALUES = np.random.default_rng(0).poisson(0.8, (6, 4)).astype(np.float32)
GENES, SAMPLES = ["TP53", "MYC", "EGFR", "KRAS"], [f"c{i}" for i in range(6)]


def write_h5ad(path: Path, x: object = VALUES, **layers: object) -> Path:
    obs = pandas.DataFrame(
        {
            "type": pandas.Categorical(["b", "a", "b", None, "a", "b"], categories=["b", "a", "unused"]),
            "age": [1.5, np.nan, 3, 4, 5, 6],
            "batch": [1, 1, 2, 2, 3, 3],
            "male": [True, False] * 3,
            "note": list("uvwxyz"),
        },
        index=pandas.Index(SAMPLES, dtype=object),
    )
    var = pandas.DataFrame({"symbol": ["a", "b", "c", "d"]}, index=pandas.Index(GENES, dtype=object))
    found = anndata.AnnData(x, obs=obs, var=var, layers=layers or None)
    found.raw = anndata.AnnData(VALUES * 2, obs=obs, var=var)
    found.write_h5ad(path)
    return path


def dense(values: object) -> np.ndarray:
    return values.toarray() if sparse.issparse(values) else values  # type: ignore[attr-defined,no-any-return,return-value]


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_h5ad_is_read_as_anndata_wrote_it(form: object, tmp_path: Path) -> None:
    path = write_h5ad(tmp_path / "a.h5ad", form(VALUES), other=form(VALUES + 1))  # type: ignore[operator]
    found, _ = read_expression(path)
    assert found.is_sparse == (form is not np.asarray) and np.array_equal(dense(found.values), VALUES)
    assert (found.genes, found.samples, found.origin) == (GENES, SAMPLES, "real")
    assert found.obs["type"].levels() == ["b", "a"] and found.obs["type"].texts()[3] == ""
    assert found.obs["age"].texts()[:3] == ["1.5", "", "3"] and found.obs["batch"].levels() == ["1", "2", "3"]
    assert found.obs["male"].texts()[:2] == ["True", "False"] and found.var["symbol"].texts() == ["a", "b", "c", "d"]
    assert np.array_equal(dense(read_expression(path, layer="other")[0].values), VALUES + 1)
    assert np.array_equal(dense(read_expression(path, layer="raw")[0].values), VALUES * 2)
    with pytest.raises(DataError, match=r"no layer 'othr'; did you mean 'other'"):
        read_expression(path, layer="othr")


def test_the_old_layout_is_read_as_anndata_reads_it(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = test_data / "expression" / "pbmc68k_reduced.h5ad"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = anndata.read_h5ad(path)
    assert len(caught) >= 30  # of which we say one line
    for layer, values in ((None, theirs.X), ("raw", theirs.raw.X)):
        ours, _ = read_expression(path, layer=layer)
        assert np.array_equal(dense(ours.values), dense(values))
    assert ours.genes == list(theirs.var_names) and ours.samples == list(theirs.obs_names)
    for name in theirs.obs.columns:
        if theirs.obs[name].dtype.kind in "if":
            assert np.array_equal(ours.obs[name].values, theirs.obs[name].to_numpy(float))
        else:
            assert ours.obs[name].texts() == list(theirs.obs[name].astype(str))
            assert ours.obs[name].levels() == list(theirs.obs[name].cat.categories)
    assert capsys.readouterr().err.count("old layout") <= 1
    assert what_numbers(ours.values).numbers == "log1p" and recovered(ours.values, ours.obs["n_counts"].values) < 1e-3


def test_gct_13_is_read_as_pandas_reads_its_parts(test_data: Path) -> None:
    path = test_data / "expression" / "l1000_a375.gct"
    table = pandas.read_csv(path, sep="\t", skiprows=2, index_col=0, header=0, dtype=str, keep_default_na=False)
    found = read_gct(path)
    numbers = table.iloc[35:, 11:].astype(np.float32)
    assert np.array_equal(found.values, numbers.to_numpy().T)
    assert found.genes == list(numbers.index) and found.samples == list(numbers.columns)
    assert found.obs["pert_iname"].texts() == list(table.loc["pert_iname"].iloc[11:])
    assert found.obs["pert_dose"].texts()[0] == ""  # -666 is no dose
    assert found.var["pr_gene_symbol"].texts() == list(table["pr_gene_symbol"].iloc[35:])


def test_gct_12_and_gzip_are_read(tmp_path: Path) -> None:
    text = "#1.2\n2\t3\nNAME\tDescription\ts1\ts2\ts3\nA\tna\t1\t2\tNA\nB\tna\t4\t5\t6\n"
    path = tmp_path / "a.gct.gz"
    path.write_bytes(gzip.compress(text.encode()))
    found, _ = read_expression(path)
    assert (found.genes, found.samples) == (["A", "B"], ["s1", "s2", "s3"])
    np.testing.assert_array_equal(found.values, np.array([[1, 4], [2, 5], [np.nan, 6]], np.float32))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("#1.2", "#9", "line 1: a GCT file begins with #1.2 or #1.3"),
        ("2\t3\n", "2\n", "line 2: 2 whole numbers are needed"),
        ("2\t3\n", "5\t3\n", "3 lines behind the second one, and it announces 6"),
        ("2\t3\n", "2\t4\n", "line 3: 5 fields, and it announces 2 \\+ 4"),
        ("4\t5\t6", "4\t5", "line 5: 4 fields, and the heading has 5"),
        ("5", "five", "line 5, 's2': 'five' is no number"),
        ("5", "1e999", "line 5, 's2': '1e999' is no finite number"),
    ],
)
def test_a_damaged_gct_is_refused_with_its_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = "#1.2\n2\t3\nNAME\tDescription\ts1\ts2\ts3\nA\tna\t1\t2\t3\nB\tna\t4\t5\t6\n"
    path = tmp_path / "a.gct"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_gct(path)


COLUMNS = "cell,type,TP53,MYC\nc1,a,1,2\nc2,b,3,4\nc3,a,5,6\n"
ROWS = "gene\tc1\tc2\tc3\nTP53\t1\t3\t5\nMYC\t2\t4\t6\n"


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (COLUMNS, "columns"),
        (ROWS, "rows"),
        (COLUMNS.replace(",", ";"), "columns"),
        (ROWS.replace("gene\t", ""), "rows"),  # as R's write.table does
        ('"","c1","c2","c3"\n"TP53",1,3,5\n"MYC",2,4,6\n', "rows"),
        ("\ufeff" + COLUMNS.replace("\n", "\r\n"), "columns"),
    ],
)
def test_tables_are_read_either_way_round(text: str, how: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, newline="")
    found, said = read_delimited(path)
    assert f"genes in {how}" in said
    assert (found.genes, found.samples) == (["TP53", "MYC"], ["c1", "c2", "c3"])
    assert found.values.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_what_a_recipe_names_is_annotation_though_it_be_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(COLUMNS)
    found, _ = read_delimited(path, annotation=["MYC"])
    assert found.genes == ["TP53"] and found.obs["MYC"].texts() == ["2", "4", "6"]
    assert read_delimited(path, genes_in="rows")[0].samples == ["TP53", "MYC"]
    about = tmp_path / "about.csv"
    about.write_text("id,donor\nc3,x\nc1,y\n")
    assert read_expression(path, obs=about)[0].obs["donor"].texts() == ["y", "", "x"]
    about.write_text("id,donor\nz,x\n")
    with pytest.raises(DataError, match="names none of the samples"):
        read_expression(path, obs=about)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no table"),
        ("a,b\n", "a heading and a row"),
        ("cell,A,B\nc1,1\n", "line 2: 2 fields, and the heading has 3"),
        ("cell,A,B\nc1,1,2\nc2,1,2,3\n", "line 3: 4 fields, and the heading has 3"),
        ("cell,A\nc1,x\nc2,y\n", "has no column of numbers"),
        ('cell,A\n"c1,1\n', "is a quote"),
        ("cell,A\nc1,1e400\n", "is no finite number"),
        ("cell\nc1\n", "has one column"),
    ],
)
def test_a_damaged_table_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_delimited(path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no such file"):
        read_expression(tmp_path / "none.h5ad")
    with pytest.raises(DataError, match="is a folder"):
        read_expression(tmp_path)
    (tmp_path / "a.mtx").write_text("1")
    with pytest.raises(DataError, match=r"expression is read from \.h5ad"):
        read_expression(tmp_path / "a.mtx")
    (tmp_path / "a.csv").write_bytes(b"cell,A\nc1,\xff\n")
    with pytest.raises(DataError, match="line 2: is no UTF-8 text"):
        read_expression(tmp_path / "a.csv")
