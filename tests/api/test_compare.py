"""`gantk compare`: tables side by side, from files or computed now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gantk
from gantk.api import compare
from gantk.cli import run_command_line
from gantk.evaluation import results, sample_files
from gantk.interfaces import Value
from gantk.spec import DataSpec
from gantk.training import from_recipe


@pytest.fixture
def runs(tiny: Path) -> list[Path]:
    folders = [Path("one"), Path("two")]
    for steps, folder in zip((2, 4), folders, strict=True):
        gantk.run(tiny, {"train.steps": steps, "evaluate.0.samples": 20}, out=folder)
    return folders


def test_tables_side_by_side_and_any_metric_on_all(
    runs: list[Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_command_line(["compare", "one", "two", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for name in ("one", "two"):
        assert document["values"][name] == json.loads(Path(name, "evaluation.json").read_text())["values"]
    assert document["differing"] == {"train.steps": {"one": 2, "two": 4}}
    built = []
    original = from_recipe.datasets
    monkeypatch.setattr(from_recipe, "datasets", lambda values: built.append(1) or original(values))
    assert run_command_line(["compare", "one", "two", "--metric", "{use: basics/diversity, samples: 30}", "-q"]) == 0
    printed = capsys.readouterr().out
    assert built == [1]  # both runs have the same data
    assert "diversity.distance" in printed
    assert "ring_modes" not in printed
    assert run_command_line(["compare", "one", "two", "--metric", "diversity", "--json", "-q"]) == 0
    assert list(json.loads(capsys.readouterr().out)["values"]) == ["one", "two"]
    assert run_command_line(["compare", "one", "--metric", "diversty"]) == 2
    assert "basics/diversity" in capsys.readouterr().err
    Path("two", "evaluation.json").unlink()
    assert run_command_line(["compare", "one", "two"]) == 2
    assert "--metric" in capsys.readouterr().err


def test_the_table_has_a_reference_of_its_own_for_each_run_where_they_differ() -> None:
    def results(value: float, reference: float) -> results.Results:
        n = round(100 * value)
        same = Value(value, "lower", 0.5, n=500, n_reference=36)
        return {"m": {"a": same, "b": Value(value, None, reference, n=n, n_reference=36)}}

    headings, rows = compare.comparison_table({"x": results(1, 2), "y": results(3, 4) | {"n": {"c": Value(7.0)}}})
    assert headings == ["metric", "better", "x", "y", "reference", "n"]
    assert rows == [
        ["m.a", "↓", "1", "3", "0.5", "500 / 36"],
        ["m.b", "", "1 (2)", "3 (4)", "", "100 / 36; 300 / 36"],
        ["n.c", "", "", "7", "", ""],
    ]


def test_runs_are_named_as_shortly_as_they_can_be() -> None:
    assert compare.names_of([Path("runs/a"), Path("runs/b")]) == ["a", "b"]
    assert compare.names_of([Path("/x/a"), Path("/y/a")]) == ["x/a", "y/a"]


def test_costly_metrics_are_left_to_those_who_name_them(capsys: pytest.CaptureFixture[str]) -> None:
    spec = DataSpec((2,), ("coordinate",), range=None, view="basics/points")
    names = [entry.name for entry in sample_files.metrics_for(spec)]
    assert "c2st" in names
    assert "critic_test" not in names
    assert "take long: basics/augmentation, basics/critic_test" in capsys.readouterr().err
