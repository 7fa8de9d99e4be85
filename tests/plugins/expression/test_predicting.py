"""GGAN on new files: `gantk sample RUN --condition new.gct -o predicted.gct`, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gantk_expression.files.gct import read_gct

import gantk
from gantk.cli import run_command_line
from tests.helpers.wells import GENES, VALUES, write_gct

RECIPE = {
    "data": {
        "use": "expression/table",
        "transform": ["standardise"],
        "condition": {"landmarks": 4},
        "split_by": "compound",
        "test_groups": 1,
        "validation_groups": 1,
    },
    "generator": {"use": "expression/ggan", "hidden": [5]},
    "critic": {"use": "expression/ggan", "hidden": [5]},
    "loss": {"use": "expression/ggan", "loss": {"use": "basics/gan"}},
    "train": {"steps": 2, "batch": 4},
}
NEW = np.random.default_rng(8).normal(8, 2, (3, 10)).astype(np.float32).clip(0.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gantk.Run:
    folder = tmp_path_factory.mktemp("ggan")
    path = write_gct(folder / "wells.gct")
    return gantk.run(RECIPE, {"data.path": str(path)}, out=folder / "run", quiet=True)


def new_gct(path: Path, genes: list[str]) -> Path:
    """Three new wells, of these genes, repeated ones, too."""
    lines = ["#1.2", f"{len(genes)}\t3", "\t".join(["Name", "Description", "a", "b", "c"])]
    lines += ["\t".join([gene, "", *(f"{value:.6f}" for value in NEW[:, GENES.index(gene)])]) for gene in genes]
    path.write_text("\n".join(lines) + "\n")
    return path


def plain_predictions(run: gantk.Run) -> tuple[list[str], np.ndarray]:
    """Standardised by hand, through the net, and back again."""
    data = run.model.data["train"]
    rows = [int(name[4:]) for name in data.sample_names(torch.arange(len(data)))]  # type: ignore[attr-defined]
    mean, sd = VALUES[rows].mean(0), VALUES[rows].std(0)
    spec = run.model.spec
    x = [GENES.index(each["name"]) for each in spec.attributes["condition"]]
    y = [GENES.index(name) for name in spec.names["gene"]]
    with torch.no_grad():
        made = run.model.generator(None, torch.from_numpy((NEW[:, x] - mean[x]) / sd[x]))
    return list(spec.names["gene"]), made.numpy() * sd[y] + mean[y]


def test_genes_of_a_new_file(run: gantk.Run, tmp_path: Path) -> None:
    """One prediction for each well, called as it, in the numbers of the file, whatever the order of its genes."""
    new = new_gct(tmp_path / "new.gct", [*reversed(GENES)])
    out = tmp_path / "predicted.gct"
    assert run_command_line(["sample", str(run.path), "--condition", str(new), "-o", str(out)]) == 0
    found = read_gct(out)
    genes, plain = plain_predictions(run)
    assert (found.genes, found.samples) == (genes, ["a", "b", "c"])
    assert set(found.obs) == {"origin", "numbers"}  # landmark genes are no annotation
    assert found.obs["numbers"].levels() == ["log2"]
    np.testing.assert_allclose(found.values, plain, rtol=1e-3, atol=1e-3)
    again = run.sample(condition=new)
    assert again.names == ["a", "b", "c"]
    assert again.attributes["origin"] == "generated"


@pytest.mark.parametrize("kind", ["missing", "doubled", "nowhere"])
def test_files_that_cannot_be_predicted_from(
    run: gantk.Run, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = run.model.spec.attributes["condition"][0]["name"]
    genes = {"missing": [name for name in GENES if name != needed], "doubled": [*GENES, needed], "nowhere": []}[kind]
    new = tmp_path / "new.gct"
    if kind != "nowhere":
        new_gct(new, genes)
    out = tmp_path / "predicted.gct"
    assert run_command_line(["sample", str(run.path), "--condition", str(new), "-o", str(out)]) in (1, 2)
    said = " ".join(capsys.readouterr().err.split())
    told = {
        "missing": f"are missing: {needed}; did you mean",
        "doubled": f"stand there more than once: {needed}",
        "nowhere": "there is no such file",
    }[kind]
    assert str(new) in said and told in said, said
    assert "Traceback" not in said and not out.exists()
