"""The report of a run of a million steps needs little more memory than that of a short one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gantk

LIMITED = """\
import resource
from pathlib import Path
from gantk.files.run_folder import RunFolder
from gantk.reporting.report import write_report
write_report(RunFolder(Path("run")))  # imports, and the memory that any report takes
lines = Path("run/metrics.jsonl")
lines.write_bytes(Path("many.jsonl").read_bytes())
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 200_000_000,) * 2)
write_report(RunFolder(Path("run")))
RunFolder(Path("run")).cut_back(900_000)
print(sum(1 for _ in RunFolder(Path("run")).lines()))
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_a_million_lines(tiny: Path) -> None:
    gantk.run(tiny, {"train.steps": 2, "evaluate": []}, out="run")
    names = ("critic_real", "critic_fake", "critic_grad_norm", "generator", "generator_grad_norm")
    with Path("many.jsonl").open("w") as file:
        for step in range(1, 1_000_001):
            file.write(json.dumps({"step": step, "seconds": step / 20, **dict.fromkeys(names, 1 / step)}) + "\n")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "900000\n", done.stderr
    assert "1,000,000" in Path("run/report.html").read_text()
