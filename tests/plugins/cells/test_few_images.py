"""n of both sides is told: how many images of each class there are, and that they are too few."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from gantk_cells.data.lin import Lin

import gantk
from gantk.class_counts import class_counts, in_words, too_few
from gantk.cli import run_command_line

QUICK = {"train.steps": 1, "generator.width": 4, "critic.width": 4}


def test_images_of_each_class_are_counted(tree: Callable[..., Path]) -> None:
    root = tree({"a_train/Arp3": 12, "a_train/Tea1": 30, "a_test/Arp3": 3, "a_test/Tea1": 5})
    for layout in ("pairs", "per_class"):
        train = Lin("train", root=root, layout=layout)
        counts = class_counts(train)
        assert sum(counts.values()) == 42 - sum(class_counts(Lin("validation", root=root, layout=layout)).values())
        assert len(train) == (sum(counts.values()) if layout == "pairs" else max(counts.values()))
        assert class_counts(Lin("test", root=root, layout=layout)) == {"Arp3": 3, "Tea1": 5}


def test_too_few_is_said_of_each_class_and_side() -> None:
    assert too_few({"": 100}, {"": 50}) == []
    (text,) = too_few({"Arp3": 655, "Tea1": 99}, {"Arp3": 60, "Tea1": 50})
    assert "99 of Tea1" in text and "Arp3" not in text and "training" in text
    (text,) = too_few({"": 200}, {"": 2})
    assert "held-out samples (2;" in text
    assert in_words({"": 611}) == "611"
    assert in_words({"Arp3": 655, "Tea1": 611}) == "1,266 (Arp3 655, Tea1 611)"


def test_three_images_are_told_everywhere(
    tree: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree({"wt": 3}, height=16, width=24)
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", str(root), "data.use=cells/lin", "data.channels=[0, 1]"]) == 0
    assert "too few training samples (1 of wt;" in capsys.readouterr().err
    assert run_command_line(["validate", "inspected.yaml"]) == 0
    said = capsys.readouterr()
    assert "train 1, validation 1, test 1" in said.out
    assert "too few training samples (1 of wt;" in said.err
    metrics = [{"use": "basics/memorisation"}, {"use": "cells/dependence", "samples": 8}]
    run = gantk.run("inspected.yaml", {**QUICK, "evaluate": metrics})
    assert "too few held-out samples (1 of wt;" in capsys.readouterr().err
    report = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Too few training samples (1 of wt;" in report
    assert "cannot be said (only 1 held-out sample" in report
    document = json.loads((run.path / "evaluation.json").read_text(encoding="utf-8"))
    for entry, n in (("memorisation", 500), ("dependence", 8)):
        assert all((value["n"], value["n_reference"]) == (n, 1) for value in document["values"][entry].values())
    table = run.evaluation.rows()
    assert {row[-1] for row in table} == {"500 / 1", "8 / 1"}
    assert "0000000" not in repr(run.evaluation)  # no ratio by nothing
