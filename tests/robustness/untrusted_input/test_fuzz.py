"""Fuzzing: what the corpus keeps is tried every time; a short search from it where atheris is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[3] / "fuzz"
CORPUS = sorted(path for path in (FUZZ / "corpus").rglob("*") if path.is_file())


def _targets() -> object:
    spec = importlib.util.spec_from_file_location("targets", FUZZ / "targets.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_kept_inputs_are_read_or_refused(path: Path) -> None:
    _targets().tried(path.parent.name, path.read_bytes())


def test_every_target_has_inputs() -> None:
    assert {path.parent.name for path in CORPUS} == set(_targets().TARGETS)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["recipe", "sequences", "bed", "table", "checkpoint"])
def test_a_short_search_finds_nothing(target: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed: pip install -e '.[fuzz]'")
    command = [sys.executable, str(FUZZ / "run.py"), target, "--seconds", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
