"""Runs that are killed at random points and resumed end as the run that was never killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux: processes are forked without threads")
def test_twenty_kills(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.robustness.fault_injection",
        "--kills",
        "20",
        "--seed",
        "7",
        "--folder",
        str(tmp_path),
    ]
    ended = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stderr
    outcome = json.loads(ended.stdout)
    assert outcome["kills"] >= 20
    assert outcome["faults"] == []
    assert len(outcome["at"]) > 3  # among them points in the middle of a file
