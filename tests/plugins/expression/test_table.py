"""`expression/table`: labels, covariates, missing values, genes, splits, and what is said of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gantk_expression.data.table import ExpressionTable
from gantk_expression.transforms import undone

from gantk.errors import DataError, DoesNotFit
from gantk.interfaces import SPLITS

SMALL = Path(__file__).parent / "small_counts.csv"


def splits(path: Path = SMALL, **parameters: Any) -> list[ExpressionTable]:
    return [ExpressionTable(split, path=path, **parameters) for split in SPLITS]


def everything(parts: list[ExpressionTable]) -> torch.Tensor:
    return torch.cat([part.batch(torch.arange(len(part)), None).samples for part in parts])


def changed(tmp_path: Path, **at: str) -> Path:
    """The small table with other fields: row3_GENE2="x"."""
    rows = [line.split(",") for line in SMALL.read_text().splitlines()]
    for place, text in at.items():
        row, column = place.split("_")
        rows[int(row.removeprefix("row"))][rows[0].index(column)] = text
    path = tmp_path / "changed.csv"
    path.write_text("\n".join(map(",".join, rows)))
    return path


def test_labels_names_and_sizes_are_those_of_the_file() -> None:
    train, validation, test = parts = splits(label="type")
    assert train.spec.classes == ("B", "T") and train.spec.names["gene"][:2] == ("GENE1", "GENE2")
    assert train.spec.attributes["numbers"] == "counts" and train.spec.attributes["label"] == "type"
    assert (len(train), len(validation), len(test)) == (48, 6, 6)
    assert train.labels is not None and validation.labels is not None and test.labels is not None
    assert set(test.labels.tolist()) == set(validation.labels.tolist()) == {0, 1}
    names = [name for part in parts for name in part.sample_names(torch.arange(len(part))) or []]
    lines = {line.split(",")[0]: line.split(",") for line in SMALL.read_text().splitlines()[1:]}
    assert sorted(names) == sorted(lines)
    for name, row in zip(names, everything(parts).tolist(), strict=True):
        assert row == [float(field) for field in lines[name][2:]]


def test_covariates_become_the_condition(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = SMALL.read_text().splitlines()
    path.write_text("\n".join([rows[0] + ",age,batch", *(f"{row},{i % 7},{i % 3}" for i, row in enumerate(rows[1:]))]))
    train = splits(path, covariates=["age", "batch", "type"], categorical=["batch"])[0]
    about = train.spec.attributes["condition"]
    assert [each["name"] for each in about] == ["age", "batch", "type"] and train.spec.condition_shape == (3,)
    assert about[1]["values"] == ["0", "1", "2"] and about[2]["values"] == ["B", "T"]
    assert train.condition is not None and train.condition[:, 0].mean().abs() < 1e-5
    ages = train.condition[:, 0] * about[0]["sd"] + about[0]["mean"]
    assert ages.numpy() == pytest.approx(train.obs["age"].values, abs=1e-5)
    assert len(train.spec.names["gene"]) == 12  # age and batch are no genes


def test_missing_numbers_are_refused_filled_or_dropped(tmp_path: Path) -> None:
    path = changed(tmp_path, row3_GENE2="", row9_GENE5="NA", row9_GENE6="nan")
    with pytest.raises(DataError, match=r"3 numbers are missing \(0.42%\); say data.missing=mean"):
        splits(path)
    assert sum(map(len, splits(path, missing="drop"))) == 58
    parts = splits(path, missing="mean")
    found = {
        n: i for i, n in enumerate(name for part in parts for name in part.sample_names(torch.arange(len(part))) or [])
    }
    values = everything(parts)
    train = parts[0].batch(torch.arange(len(parts[0])), None).samples
    others = train[[n != "cell2" for n in parts[0].sample_names(torch.arange(len(train))) or []], 1]
    assert values[found["cell2"], 1].item() == pytest.approx(others.mean().item(), rel=1e-5)


def test_constant_genes_and_cells_without_counts_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [line.split(",") for line in SMALL.read_text().splitlines()]
    rows[7][2:] = ["0"] * 12
    for row in rows[1:]:
        row[4] = "0"
    path = tmp_path / "a.csv"
    path.write_text("\n".join(map(",".join, rows)))
    parts = splits(path)
    assert sum(map(len, parts)) == 59 and "GENE3" not in parts[0].spec.names["gene"]
    said = " ".join(capsys.readouterr().err.split())
    assert "left out: 1 without counts" in said and "1 genes that are the same in all training samples" in said


@pytest.mark.parametrize(
    ("how", "value", "names"),
    [
        ("rename", None, ("GENE1", "GENE1-1")),
        ("sum", "sum", ("GENE1", "GENE3")),
        ("mean", "mean", ("GENE1", "GENE3")),
        ("first", "first", ("GENE1", "GENE3")),
    ],
)
def test_repeated_genes(how: Any, value: str | None, names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(SMALL.read_text().replace("GENE2,", "GENE1,"))
    found, plain = splits(path, repeated_genes=how)[0], splits()[0]
    assert found.spec.names["gene"][:2] == names
    first, second = everything([plain])[:, 0], everything([plain])[:, 1]
    expected = {"sum": first + second, "mean": (first + second) / 2, "first": first, None: first}[value]
    if set(found.names or []) == set(plain.names or []):
        torch.testing.assert_close(everything([found])[:, 0], expected)
    with pytest.raises(DataError, match=r"1 genes have the name of an earlier one \(GENE1\)"):
        splits(path, repeated_genes="error")


def test_genes_are_taken_by_list_or_by_deviation() -> None:
    assert splits(genes=["GENE7", "GENE2"])[0].spec.names["gene"] == ("GENE7", "GENE2")
    with pytest.raises(DataError, match="1 of 2 genes are not there: GENE77; did you mean 'GENE7'"):
        splits(genes=["GENE7", "GENE77"])
    assert len(splits(choose="mean_deviation", number=5)[0].spec.names["gene"]) == 5
    assert (
        len(splits(choose="highly_variable", number=4, transform=["library_size", "log1p"])[0].spec.names["gene"]) == 4
    )


def test_samples_are_chosen_by_annotation() -> None:
    assert sum(map(len, splits(only=["type=T"]))) == 20 and sum(map(len, splits(leave_out=["type=T"]))) == 40
    with pytest.raises(DataError, match="'type' is nowhere 'X'; there are B, T"):
        splits(only=["type=X"])
    with pytest.raises(DataError, match="write COLUMN=ENTRY"):
        splits(only=["type"])
    with pytest.raises(DataError, match="no column 'typ'"):
        splits(only=["typ=T"])


def test_numbers_decide_what_a_transform_may_do(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFit, match="it takes log1p of counts per 10,000"):
        splits(transform=["recover_counts"])
    with pytest.raises(DoesNotFit, match="log1p does not go with"):
        splits(transform=["standardise", "log1p"])
    negative = changed(tmp_path, row3_GENE2="-1")
    with pytest.raises(DoesNotFit, match="centred or scaled: some are negative"):
        splits(negative, transform=["log1p"])
    with pytest.raises(DoesNotFit, match=r"data\.numbers is counts, but some are negative"):
        splits(negative, numbers="counts")


def test_counts_of_the_real_cells_come_back(test_data: Path) -> None:
    pytest.importorskip("anndata")
    path = test_data / "expression" / "pbmc68k_reduced.h5ad"
    train = splits(path, layer="raw", label="bulk_labels", transform=["recover_counts"])[0]
    values = train.batch(torch.arange(100), None).samples
    assert train.sparse is not None and train.spec.attributes["numbers"] == "counts"
    assert torch.equal(values, values.round()) and values.max() > 50
    assert torch.equal(undone(values, train.spec)[0], values)
    with pytest.raises(DoesNotFit, match="these are no logarithms of counts per 10,000 of such totals"):
        splits(path, layer="raw", transform=["recover_counts"], totals="n_genes")


def test_a_split_by_compound_keeps_controls_in_training(test_data: Path) -> None:
    path = test_data / "expression" / "l1000_a375.gct"
    found = splits(path, split_by="pert_iname", test_groups=12, validation_groups=8, train_groups=["DMSO"])
    names = [set(part.obs["pert_iname"].texts()) for part in found]
    assert [len(each) for each in names] == [40, 8, 12] and "DMSO" in names[0]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]


def test_without_anndata_tables_are_read_and_h5ad_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "a.h5ad").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    code = (
        "import sys; sys.modules['anndata'] = None; sys.modules['pandas'] = None\n"
        "from pathlib import Path\nfrom gantk.errors import DataError\n"
        "from gantk_expression.data.table import ExpressionTable\n"
        f"assert len(ExpressionTable('train', path=Path({str(SMALL)!r}))) == 48\n"
        "try:\n    ExpressionTable('train', path=Path('a.h5ad'))\n"
        "except DataError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "h5ad files need the package anndata, which is not here: pip install 'gantk[expression]'" in done.stdout
