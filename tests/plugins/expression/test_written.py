"""What `gantk sample` writes: numbers undone, gene names, labels, origin; read again it is what it was."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_expression.data.table import ExpressionTable
from gantk_expression.files.formats import DelimitedTable, H5ad
from gantk_expression.files.reading import read_expression
from gantk_expression.files.written import rounded
from gantk_expression.transforms import undone

from gantk.components import format_for
from gantk.data import generated
from gantk.errors import DoesNotFit, FileError
from gantk.evaluation import sample_files
from gantk.evaluation.results import Entry
from gantk.interfaces import SPLITS, Samples

anndata = pytest.importorskip("anndata")

SMALL = Path(__file__).parent / "small_counts.csv"
NAMES = ["made.h5ad", "made.csv", "made.csv.gz", "made.tsv.gz", "made.gct", "made.gct.gz"]


def made(*transform: str, n: int = 40) -> Samples:
    """Samples as a generator would make them: training samples and a little noise, above 0."""
    data = ExpressionTable("train", path=SMALL, label="type", transform=list(transform), covariates=["type"])  # type: ignore[arg-type]
    batch = data.batch(torch.arange(n), None)
    noise = torch.rand(batch.samples.shape, generator=torch.Generator().manual_seed(0)) / 10
    found = generated(batch.samples + noise, data.spec, step=5, latent_seed=3)
    return replace(found, labels=batch.labels, condition=batch.condition)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_undone_and_come_with_names_labels_and_origin(name: str, tmp_path: Path) -> None:
    samples = made("library_size", "log1p")
    path = tmp_path / name
    format_for(path, samples.spec).write(path, samples)
    found, _ = read_expression(path)
    expected, numbers = undone(samples.samples, samples.spec)
    assert numbers == "normalised" and found.obs["numbers"].levels() == ["normalised"] and found.origin == "generated"
    values = torch.from_numpy(np.asarray(found.values.todense()) if found.is_sparse else found.values)
    torch.testing.assert_close(values, expected)
    assert found.genes == list(samples.spec.names["gene"]) and found.samples[0] == "generated-000001"
    assert samples.labels is not None
    assert found.obs["type"].texts() == [samples.spec.classes[at] for at in samples.labels.tolist()]
    assert name[-3:] != ".gz" or gzip.decompress(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transform", [("library_size", "log1p"), ("standardise",), ()])
def test_a_written_file_is_judged_by_its_data_as_the_samples_are(
    name: str, transform: tuple[str, ...], tmp_path: Path
) -> None:
    samples = made(*transform)
    path = tmp_path / name
    format_for(path, samples.spec).write(path, samples)
    data = {
        split: ExpressionTable(split, path=SMALL, label="type", transform=list(transform), covariates=["type"])  # type: ignore[arg-type]
        for split in SPLITS
    }
    conformed = data["train"].conform(format_for(path).read(path))
    torch.testing.assert_close(conformed.samples, samples.samples, atol=1e-4, rtol=1e-4)
    against = sample_files.Reference([Entry("d", sample_files.construct.component("metric", METRIC), None)], data, 0)
    assert sample_files.evaluate_samples(format_for(path).read(path), against)["d"]


METRIC = {"use": "basics/diversity", "samples": 20}


@pytest.mark.parametrize("name", ["made.h5ad", "made.csv.gz", "made.gct"])
def test_a_written_file_is_judged_by_a_file_of_real_samples(name: str, tmp_path: Path) -> None:
    samples = made("library_size", "log1p") if name == "made.h5ad" else made()
    path = tmp_path / name
    format_for(path, samples.spec).write(path, samples)
    found = format_for(path).read(path)
    overrides = ["evaluate=[{use: basics/diversity, samples: 20}]"]
    against = sample_files.reference(str(SMALL), overrides, 0, found.spec)
    real = ExpressionTable("train", path=SMALL, label="type", transform=["library_size", "log1p"], test=0, validation=0)
    assert against.data["train"].spec.shape == (12,)
    if name == "made.h5ad":  # the fitted steps of the model, not steps of its own
        everything = torch.cat([each.batch(torch.arange(len(each)), None).samples for each in against.data.values()])
        expected = real.batch(torch.arange(len(real)), None).samples
        assert everything.sum().item() == pytest.approx(expected.sum().item(), rel=1e-4)
    assert sample_files.evaluate_samples(found, against)


def test_real_samples_of_other_genes_or_numbers_are_refused(tmp_path: Path) -> None:
    samples = made("library_size", "log1p")
    path = tmp_path / "made.h5ad"
    H5ad().write(path, samples)
    spec = H5ad().read(path).spec
    other = tmp_path / "real.csv"
    other.write_text(SMALL.read_text().replace("GENE1,", "GENE77,"))
    with pytest.raises(DoesNotFit, match=r"1 of 12 genes are not in .*real.csv: GENE1"):
        DelimitedTable().read_as(other, spec)
    other.write_text(SMALL.read_text().replace(",1,", ",1.5,"))
    with pytest.raises(DoesNotFit, match="its numbers are log1p, and the samples were made after counts"):
        DelimitedTable().read_as(other, spec)


def test_rounding_keeps_the_mean_and_is_for_counts_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    values = torch.full((4000, 3), 2.3)
    values[:, 1] = 0
    drawn = rounded(values, "stochastic", "counts", 0)
    assert torch.equal(drawn, drawn.round()) and set(drawn[:, 0].tolist()) == {2.0, 3.0}
    assert drawn[:, 0].mean().item() == pytest.approx(2.3, abs=4 * (0.21 / 4000) ** 0.5) and (drawn[:, 1] == 0).all()
    assert torch.equal(drawn, rounded(values, "stochastic", "counts", 0))
    assert torch.equal(rounded(values, "nearest", "counts", 0), values.round())
    with pytest.raises(DoesNotFit, match="--round makes integers of counts"):
        rounded(values, "stochastic", "scaled", 0)
    H5ad().write(tmp_path / "a.h5ad", made())
    assert "counts are no integers: --round stochastic draws some" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(FileError, match="no installed format has that ending and round"):
        format_for(tmp_path / "a.h5", None, round="stochastic")


@pytest.mark.parametrize("name", ["made.h5ad", "made.csv"])
def test_what_the_numbers_of_a_written_file_are_is_not_guessed(name: str, tmp_path: Path) -> None:
    samples = made("library_size", "log1p")
    path = tmp_path / name
    format_for(path, samples.spec).write(
        path, replace(samples, samples=samples.samples / 4)
    )  # small, as logarithms are
    again = ExpressionTable("train", path=path, transform=["log1p"])
    assert again.spec.attributes["file_numbers"] == "normalised"


def test_h5ad_says_what_it_is_in_uns_and_holds_no_pickle(tmp_path: Path) -> None:
    path = tmp_path / "made.h5ad"
    H5ad(round="stochastic").write(path, made("library_size"))
    found = anndata.read_h5ad(path)
    assert (found.uns["origin"], found.uns["numbers"]) == ("generated", "normalised")
    assert list(found.obs["type"].cat.categories) == ["B", "T"] and found.obs["origin"].iloc[0] == "generated"
    values = found.X.toarray() if hasattr(found.X, "toarray") else found.X
    assert np.array_equal(values, np.rint(values))


@pytest.mark.long
def test_scanpy_opens_what_is_written(tmp_path: Path) -> None:
    scanpy = pytest.importorskip("scanpy")
    path = tmp_path / "made.h5ad"
    H5ad().write(path, made("library_size", "log1p"))
    found = scanpy.read_h5ad(path)
    scanpy.pp.log1p(found)
    scanpy.pp.pca(found, n_comps=3)
    scanpy.tl.rank_genes_groups(found, "type", method="wilcoxon")
    assert found.obsm["X_pca"].shape == (40, 3) and found.var_names[0] == "GENE1"
    text = tmp_path / "made.csv"
    format_for(text, made().spec).write(text, made())
    assert scanpy.read_csv(text, first_column_names=True, dtype="str").shape[0] == 40
