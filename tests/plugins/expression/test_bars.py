"""What cscGAN reaches of what was asked of it on the simulated default, and twins that must not: minutes each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_expression.nets.cscgan import CscganCritic
from torch import Tensor

import gantk
from gantk.cli import run_command_line

EVALUATE = (
    "evaluate=[{use: expression/forest, floors: false}, {use: expression/correlation}, {use: expression/types},"
    " {use: expression/markers}]"
)
BARS = (
    'evaluate=[{use: expression/correlation, require: {share: {">=": 0.9}}},'
    ' {use: expression/types, require: {worst: {">=": 0.95}}},'
    ' {use: expression/markers, require: {slope: {">=": 0.8, "<=": 1.25}}}]'
)
SHARES = 'evaluate=[{use: expression/types, require: {share_factor: {"<=": 1.3}}}]'


def run(folder: Path, *overrides: str) -> int:
    return run_command_line(
        ["run", "expression_simulated", "machine.threads=1", *overrides, "--out", str(folder / "run"), "-q"]
    )


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """What the recipe reaches with its seed, 1: "entry.number" to its value; other seeds: docs/expression.md."""
    out = tmp_path_factory.mktemp("bars") / "run"
    done = gantk.run("expression_simulated", ["machine.threads=1", EVALUATE], out=out, quiet=True)
    return {f"{entry}.{name}": each.value for entry, values in done.evaluation.items() for name, each in values.items()}


@pytest.mark.long
def test_correlations_types_and_sizes_of_changes(reached: dict[str, float]) -> None:
    assert reached["correlation.share"] >= 0.9
    assert reached["types.worst"] >= 0.95
    assert 0.8 <= reached["markers.slope"] <= 1.25


@pytest.mark.long
def test_a_forest_hardly_tells_them_from_real_cells(reached: dict[str, float]) -> None:
    """The bar is of the worst of three seeds; this one has .576. Others: docs/expression.md."""
    assert reached["forest.auroc"] <= 0.65


@pytest.mark.long
def test_log_fold_changes_follow_those_of_real_cells(reached: dict[str, float]) -> None:
    assert reached["markers.r"] >= 0.9


@pytest.mark.long
def test_a_critic_whose_labels_are_shuffled_misses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = CscganCritic.forward

    def shuffled(self: CscganCritic, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        return plain(self, samples, None if labels is None else labels[torch.randperm(len(labels))])

    monkeypatch.setattr(CscganCritic, "forward", shuffled)
    assert run(tmp_path, BARS) == 1


@pytest.mark.long
@pytest.mark.xfail(strict=True, reason="without labels at least one type is not made: with WGAN-GP neither")
def test_without_labels_types_have_their_shares(tmp_path: Path) -> None:
    assert run(tmp_path, "generator.labels=none", "critic.labels=none", SHARES) == 0
