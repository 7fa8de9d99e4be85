"""A recipe's value on its way to the net: through few files, checked once, built once on the meta device and once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROBE = """
import json, os, traceback
from typing import Annotated

from annotated_types import Ge
from gantk.plugin import Component, hookimpl


@hookimpl
def gantk_components():
    yield Component("generator", "net", "probe_plugin:Net", "says who checks its width, and who builds it")


def tell(what, width):
    files = [each.filename for each in traceback.extract_stack() if os.sep + "gantk" + os.sep in each.filename]
    with open(os.environ["PROBE"], "a") as file:
        print(json.dumps([what, width, files]), file=file)


try:
    from pydantic import AfterValidator
    from torch import empty, nn
except ImportError:
    pass
else:
    def checked(width):
        tell("checked", width)
        return width

    class Net(nn.Module):
        \"\"\"A net.

        Args:
            spec: what one sample is.
            width: hidden numbers.
        \"\"\"

        latent_shape = (3,)

        def __init__(self, spec, *, width: Annotated[int, AfterValidator(checked)] = 8):
            super().__init__()
            tell("built on " + empty(0).device.type, width)
            self.layers = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, *spec.shape))

        def forward(self, latent):
            return self.layers(latent)
"""
RECIPE = """
data: {use: basics/ring, samples: 90}
generator: {use: probe/net}
critic: {use: basics/mlp, hidden: [8]}
loss: {use: basics/gan}
play:
  generator_optimizer: {use: basics/adam}
  critic_optimizer: {use: basics/adam}
train: {steps: 1, batch: 4}
"""
OPENED = {"recipe/overrides.py", "recipe/yaml_positions.py"}  # where the text of the command line becomes a value
AROUND = {"__main__.py", "cli/__init__.py"}  # every command comes through these


def test_a_value_passes_ten_files_is_checked_once_and_built_twice(tmp_path: Path) -> None:
    info = tmp_path / "probe-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: probe\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[gantk]\nprobe = probe_plugin\n")
    (tmp_path / "probe_plugin.py").write_text(PROBE)
    (tmp_path / "r.yaml").write_text(RECIPE)
    told = tmp_path / "told.jsonl"
    environment = os.environ | {"PROBE": str(told), "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "gantk", "run", "r.yaml", "generator.width=37"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    ours = [(what, files) for what, width, files in lines if width == 37]
    assert [what for what, _ in ours] == ["checked", "built on meta", "built on cpu"]
    files = {file.replace(os.sep, "/").rpartition("/gantk/")[2] for _, each in ours for file in each}
    assert len((files | OPENED) - AROUND) <= 10, sorted(files)
