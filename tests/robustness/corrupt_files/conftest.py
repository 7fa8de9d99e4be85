"""A run with four checkpoints, made once; tests damage copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import gantk
from tests.conftest import TINY


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 20 steps with checkpoints at 5, 10, 15 and 20."""
    folder = tmp_path_factory.mktemp("made")
    recipe = folder / "tiny.yaml"
    recipe.write_text(TINY)
    gantk.run(recipe, {"train.keep": 4, "evaluate": []}, out=folder / "run", quiet=True)
    return folder / "run"


@pytest.fixture
def broken(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that run, to be damaged."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, tmp_path / "broken"))
