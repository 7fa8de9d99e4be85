"""Many samples are drawn and written part by part, and are those that are drawn at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gantk_basics.files.hdf5 import Hdf5

import gantk
from gantk import sampling
from gantk.cli import run_command_line

QUICK = {"train.steps": 1, "evaluate": [], "train.samples": 2}


@pytest.fixture
def run(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> gantk.Run:
    monkeypatch.setattr(sampling, "PART", 128)
    return gantk.run(tiny, QUICK | {"generator.latent": 3}, out="run")


def test_parts_are_what_is_drawn_at_once(run: gantk.Run) -> None:
    for count in (1, 127, 128, 129, 143, 144, 300, 512):
        whole = run.sample(count, seed=4)
        parts = list(run.model.sample_parts(count, seed=4))
        assert len(parts) >= count // 144
        assert torch.equal(torch.cat([part.samples for part in parts]), whole.samples)
        assert all(part.attributes == whole.attributes for part in parts)


def test_the_command_writes_them(run: gantk.Run) -> None:
    assert run_command_line(["sample", "run", "-n", "300", "--seed", "4", "-o", "parts.h5"]) == 0
    read, whole = Hdf5().read(Path("parts.h5")), run.sample(300, seed=4)
    assert torch.equal(read.samples, whole.samples)
    assert read.attributes == whole.attributes
    whole.save("whole.h5")
    assert Path("whole.h5").read_bytes() == Path("parts.h5").read_bytes()


LIMITED = """\
import resource, sys
from pathlib import Path
from gantk import api, sampling
from gantk.cli import run_command_line
import gantk.api.run, gantk_basics.files.hdf5
model = gantk.api.run.Model("run")
list(model.sample_parts(100))
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 100_000_000,) * 2)
sys.exit(run_command_line(["sample", "run", "-n", "60000", "-o", "many.h5", "-q"]))
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
def test_memory_does_not_grow_with_their_number(tiny: Path) -> None:
    """60,000 strings of 1,000 numbers are 240 MB."""
    strings = {
        "data": {"use": "motif/strings", "length": 1000, "samples": 100},
        "critic": {"use": "basics/mlp", "hidden": [4]},
        "generator": {"use": "basics/mlp", "latent": 2, "hidden": [2]},
    }
    gantk.run(tiny, QUICK | strings, out="run")
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert Path("many.h5").stat().st_size > 1_000_000
