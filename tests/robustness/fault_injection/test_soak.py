"""A run that takes long needs no more memory, files or time a step at its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux: memory is read from /proc")
def test_memory_files_and_rate_stay_flat() -> None:
    command = [sys.executable, "-m", "tests.robustness.fault_injection.soak", "--steps", "1000"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stdout + ended.stderr
