"""What cscGAN is to reach on the simulated default, and twins that must not: minutes each."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gantk_expression.nets.cscgan import CscganCritic
from torch import Tensor

from gantk.cli import run_command_line

BARS = (
    'evaluate=[{use: expression/forest, floors: false, require: {auroc: {"<=": 0.65}}},'
    ' {use: expression/correlation, require: {share: {">=": 0.9}}},'
    ' {use: expression/types, require: {worst: {">=": 0.95}}},'
    ' {use: expression/markers, require: {r: {">=": 0.9}, slope: {">=": 0.8, "<=": 1.25}}}]'
)
SHARES = 'evaluate=[{use: expression/types, require: {share_factor: {"<=": 1.3}}}]'


def run(folder: Path, *overrides: str) -> int:
    return run_command_line(
        ["run", "expression_simulated", "machine.threads=1", *overrides, "--out", str(folder / "run"), "-q"]
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_recipe_reaches_its_bars(seed: int, tmp_path: Path) -> None:
    assert run(tmp_path, f"seed={seed}", BARS) == 0


@pytest.mark.long
def test_a_critic_whose_labels_are_shuffled_misses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = CscganCritic.forward

    def shuffled(self: CscganCritic, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        return plain(self, samples, None if labels is None else labels[torch.randperm(len(labels))])

    monkeypatch.setattr(CscganCritic, "forward", shuffled)
    assert run(tmp_path, BARS) == 1


@pytest.mark.long
def test_without_labels_types_have_their_shares(tmp_path: Path) -> None:
    assert run(tmp_path, "generator.labels=none", "critic.labels=none", SHARES) == 0
