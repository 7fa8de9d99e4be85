"""`gantk inspect` of expression files: what it sees is what stands there, and the recipe that it writes runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gantk_expression.inspection.survey import survey

import gantk
from gantk.cli import run_command_line

SMALL = Path(__file__).parent / "small_counts.csv"
QUICK = {"train.steps": 2, "train.batch": 8, "train.sample_every": None, "evaluate": []}


def test_a_table_is_described_and_its_recipe_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = SMALL.read_text().splitlines()
    donors = [f"{row},donor{i % 7}" for i, row in enumerate(rows[1:])]
    text = "\n".join([f"{rows[0]},donor".replace("GENE2,", "GENE1,"), *donors, donors[0].replace("cell0", "again")])
    Path("own.csv").write_text(text)
    assert run_command_line(["inspect", "own.csv", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["samples"], found["genes"], found["repeated_genes"], found["equal_samples"]) == (61, 12, 1, 1)
    assert found["layers"][0]["numbers"] == "counts" and found["layers"][0]["zeros"] == pytest.approx(0.3, abs=0.05)
    columns = {each["column"]: each for each in found["columns"]}
    assert columns["type"]["entries"] == 2 and columns["type"]["explained"] > 10 * columns["type"]["by_chance"]
    assert columns["donor"]["explained"] < 0.3
    data = found["data"]
    assert (data["label"], data["split_by"], data["transform"]) == ("type", "donor", ["library_size", "log1p"])
    assert Path("inspected.png").exists()
    run = gantk.run("inspected.yaml", QUICK, quiet=True)
    assert (run.path / "report.html").exists()
    assert run_command_line(["inspect", "own.csv"]) == 2  # never overwrites
    asked = ["inspect", "own.csv", "data.label=donor", "data.split_by=null", "--force", "-q"]
    assert run_command_line(asked) == 0
    assert 'label: "donor"' in Path("inspected.yaml").read_text()


def test_a_batch_effect_and_lone_combinations_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(8, 1, (40, 30))
    values[20:] += rng.normal(0, 2, 30)  # the second plate
    heading = ["sample", "plate", "drug", "dose", *(f"GENE{i}" for i in range(30))]
    rows = [
        [f"s{i}", f"plate{i // 20}", f"drug{i % 8}", f"dose{i // 8}", *(f"{value:.3f}" for value in values[i])]
        for i in range(40)
    ]
    path = tmp_path / "own.csv"
    path.write_text("\n".join(",".join(row) for row in [heading, *rows]))
    out = ["-o", str(tmp_path / "a.png"), "--recipe", str(tmp_path / "a.yaml")]
    assert run_command_line(["inspect", str(path), *out]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "plate explains" in said and "a batch effect?" in said and "drug explains" not in said
    assert "drug × dose: 40 of 40 combinations have a single sample, so no replicate" in said
    assert 'transform: ["standardise"]' in (tmp_path / "a.yaml").read_text()


def test_the_real_cells_say_that_counts_come_back(test_data: Path) -> None:
    pytest.importorskip("anndata")
    found = survey(test_data / "expression" / "pbmc68k_reduced.h5ad", {})
    kinds = {layer.name: layer for layer in found.layers}
    assert kinds["X"].kind.numbers == "scaled" and kinds["raw"].kind.numbers == "log1p"
    assert found.chosen.name == "raw" and kinds["raw"].totals == "n_counts" and kinds["raw"].apart < 1e-3
    explained = {each.name: each.explained for each in found.columns}
    assert (explained["bulk_labels"] or 0) > 0.5 > (explained["phase"] or 1)
