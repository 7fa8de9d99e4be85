"""Runs that are killed at random points and resumed end as the run that was never killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux: processes are forked without threads")
@pytest.mark.parametrize(("kills", "midway"), [(8, 0), pytest.param(24, 2, marks=pytest.mark.long)])
def test_kills(kills: int, midway: int, tmp_path: Path) -> None:
    """`midway`: how many of them at least are in the middle of a file; which ones depends on the machine."""
    command = [
        sys.executable,
        "-m",
        "tests.robustness.fault_injection",
        "--kills",
        str(kills),
        "--seed",
        "7",
        "--folder",
        str(tmp_path),
    ]
    ended = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stderr
    outcome = json.loads(ended.stdout)
    assert outcome["kills"] >= kills
    assert outcome["faults"] == []
    assert sum(count for where, count in outcome["at"].items() if where != "some time") >= midway
